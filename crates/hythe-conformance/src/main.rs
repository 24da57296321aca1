//! The command line of the conformance program.

// The program's product is what it prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod behind;
mod calls_command;
mod check;
mod cloud_commands;
mod crash_command;
mod diff_command;
mod operations_command;
mod replicas_command;
mod token_server;
mod two_way_command;

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
    /// Puts the same traffic on two programs and compares their metrics, health and logs.
    Operations(operations_command::Arguments),
    /// Lets two programs take turns on the same storage folder.
    TwoWay(two_way_command::Arguments),
    /// Runs the fixed pushes and deletions of two-way on an empty registry.
    Script(two_way_command::ScriptArguments),
    /// Begins uploads on one registry and finishes them on another one.
    Hop(two_way_command::HopArguments),
    /// Counts the calls to a bucket, beside those of distribution.
    Calls(calls_command::Arguments),
    /// Sends every request of a push to another registry on the same bucket.
    Replicas(replicas_command::Arguments),
    /// Cuts pushes off, purges, and looks at what is left in the bucket.
    Killed(cloud_commands::KilledArguments),
    /// Lets Hythe and distribution take turns on one bucket.
    BucketTwoWay(cloud_commands::TwoWayArguments),
    /// Pushes and pulls an image while every request to the bucket fails once.
    Faults(cloud_commands::FaultsArguments),
    /// Pushes one layer of many GiB and looks at the registry's memory.
    Large(cloud_commands::LargeArguments),
    /// Kills a registry while clients push, again and again, and looks whether anything was lost.
    Crash(crash_command::Arguments),
    /// Gives tokens for a name and a password, for registries whose clients log in elsewhere.
    TokenServer(token_server::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments).await,
        Command::Diff(arguments) => diff_command::run(&arguments).await,
        Command::Operations(arguments) => operations_command::run(&arguments).await,
        Command::TwoWay(arguments) => two_way_command::run(&arguments).await,
        Command::Script(arguments) => two_way_command::script(&arguments).await,
        Command::Hop(arguments) => two_way_command::hop(&arguments).await,
        Command::Calls(arguments) => calls_command::run(&arguments).await,
        Command::Replicas(arguments) => replicas_command::run(&arguments).await,
        Command::Killed(arguments) => cloud_commands::killed(&arguments).await,
        Command::BucketTwoWay(arguments) => cloud_commands::two_way(&arguments).await,
        Command::Faults(arguments) => cloud_commands::faults(&arguments).await,
        Command::Large(arguments) => cloud_commands::large(&arguments).await,
        Command::Crash(arguments) => crash_command::run(&arguments).await,
        Command::TokenServer(arguments) => token_server::run(&arguments).await,
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("hythe-conformance: {failure}");
            ExitCode::from(2)
        }
    }
}
