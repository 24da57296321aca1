//! The command line of the conformance program.

// The program's product is what it prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod diff_command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks and compares container registries.
#[derive(Debug, Parser)]
#[command(name = "hythe-conformance", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks one registry, group by group.
    Check(check::Arguments),
    /// Sends the same requests to two registries and shows where their answers differ.
    Diff(diff_command::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments).await,
        Command::Diff(arguments) => diff_command::run(&arguments).await,
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("hythe-conformance: {failure}");
            ExitCode::from(2)
        }
    }
}
