//! A load generator for container registries.
//!
//! It starts the registries it is given, one after the other on the same disk and machine, puts the same load on
//! each and prints one table: rates, latencies, the server's processor time per GiB and its peak memory. Rounds
//! alternate between the registries, because the speed of a shared machine drifts; read the ratios.
//!
//! The client is as thin as a client can be, blocking sockets and reused buffers on a thread a connection, since
//! whatever it costs is taken from the registry on the same machine. It reads response heads with a parser and
//! knows just what the two sides of a push and a pull need.

#![allow(clippy::print_stdout, reason = "the table is this program's output")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures for people: three digits of them are read"
)]

mod client;
mod content;
mod floor;
mod kept_memory;
mod login;
mod process;
mod report;
mod run;
mod scenario;
mod server;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use client::Waiting;
use kept_memory::KeptMemory;
use login::Login;
use scenario::Clients;

type BoxError = Box<dyn std::error::Error>;

/// Puts load on container registries and compares them.
#[derive(Debug, Parser)]
#[command(name = "hythe-bench", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Transfers and small requests at several sizes and numbers of connections.
    Compare {
        #[command(flatten)]
        registries: Registries,
        /// Layer sizes in MiB.
        #[arg(long, value_delimiter = ',', default_value = "1,64,1024")]
        sizes: Vec<u64>,
        /// Numbers of connections.
        #[arg(long, value_delimiter = ',', default_value = "1,16")]
        connections: Vec<usize>,
        /// How often each registry gets each load; medians are printed.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// Pulls alone, of layers that are in memory: each registry is filled once and stays up, and rounds alternate.
    Pull {
        #[command(flatten)]
        registries: Registries,
        /// Layer sizes in MiB.
        #[arg(long, value_delimiter = ',', default_value = "1,64,1024")]
        sizes: Vec<u64>,
        /// Numbers of connections.
        #[arg(long, value_delimiter = ',', default_value = "1,16")]
        connections: Vec<usize>,
        /// How often each registry gets each load; medians are printed.
        #[arg(long, default_value_t = 7)]
        rounds: usize,
    },
    /// Pushes alone, and beside them the same bytes written to files and synced: what the disk takes.
    Push {
        #[command(flatten)]
        registries: Registries,
        /// Layer sizes in MiB.
        #[arg(long, value_delimiter = ',', default_value = "64,1024")]
        sizes: Vec<u64>,
        /// Numbers of connections.
        #[arg(long, value_delimiter = ',', default_value = "16")]
        connections: Vec<usize>,
        /// How often each registry gets each load; medians are printed.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// In a virtual machine that gives free memory back to its host: GiB to keep, more than one round pushes.
        #[arg(long, default_value_t = 0)]
        keep_memory: usize,
    },
    /// Manifests alone, and beside them an answer that costs nothing: registries stay up, and rounds alternate.
    Manifests {
        #[command(flatten)]
        registries: Registries,
        /// Numbers of connections.
        #[arg(long, value_delimiter = ',', default_value = "1,16")]
        connections: Vec<usize>,
        /// What clients do until an answer comes.
        #[arg(long, value_delimiter = ',', default_value = "asleep")]
        waiting: Vec<Waiting>,
        /// Each registry once more, with a htpasswd file of this user, whose password comes with every request.
        #[arg(long, value_name = "NAME:PASSWORD", value_parser = Login::parse)]
        user: Option<Login>,
        /// How often each registry gets each load; medians are printed.
        #[arg(long, default_value_t = 7)]
        rounds: usize,
    },
    /// Peak memory while many clients push, and while many pull, large layers.
    Memory {
        #[command(flatten)]
        registries: Registries,
        /// Number of clients.
        #[arg(long, default_value_t = 64)]
        clients: usize,
        /// Layer size in MiB.
        #[arg(long, default_value_t = 256)]
        size: u64,
    },
    /// Time from the start to the first answer, and memory while idle.
    Start {
        #[command(flatten)]
        registries: Registries,
        /// How many blobs are stored.
        #[arg(long, value_delimiter = ',', default_value = "0,100000")]
        blobs: Vec<usize>,
        /// How often each registry is started; medians are printed.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Registries {
    /// A registry as NAME=PROGRAM; it is started as `PROGRAM serve CONFIG`. The first one is compared with the rest.
    #[arg(long = "registry", required = true, value_parser = registry)]
    registries: Vec<(String, PathBuf)>,
    /// The folder on whose disk the registries store; a new one in the system's temporary folder when left out.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn registry(text: &str) -> Result<(String, PathBuf), String> {
    let (name, program) = text.split_once('=').ok_or("expected NAME=PROGRAM")?;
    Ok((name.to_owned(), PathBuf::from(program)))
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Compare {
            registries,
            sizes,
            connections,
            rounds,
        } => run::compare(
            &registries.registries,
            registries.folder.as_deref(),
            &sizes,
            &connections,
            rounds,
        ),
        Command::Pull {
            registries,
            sizes,
            connections,
            rounds,
        } => run::pull(
            &registries.registries,
            registries.folder.as_deref(),
            &sizes,
            &connections,
            rounds,
        ),
        Command::Push {
            registries,
            sizes,
            connections,
            rounds,
            keep_memory,
        } => {
            let kept = KeptMemory::new(keep_memory);
            let pushed = run::push(
                &registries.registries,
                registries.folder.as_deref(),
                &sizes,
                &connections,
                rounds,
            );
            drop(kept);
            pushed
        }
        Command::Manifests {
            registries,
            connections,
            waiting,
            user,
            rounds,
        } => {
            let clients = waiting.iter().flat_map(|&waiting| {
                connections
                    .iter()
                    .map(move |&connections| Clients { connections, waiting })
            });
            run::manifests(
                &registries.registries,
                registries.folder.as_deref(),
                user.as_ref(),
                clients,
                rounds,
            )
        }
        Command::Memory {
            registries,
            clients,
            size,
        } => run::memory(
            &registries.registries,
            registries.folder.as_deref(),
            clients,
            size,
        ),
        Command::Start {
            registries,
            blobs,
            rounds,
        } => start::start(
            &registries.registries,
            registries.folder.as_deref(),
            &blobs,
            rounds,
        ),
    };
    match outcome {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
