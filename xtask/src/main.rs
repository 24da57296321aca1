//! Development tasks: `cargo xtask <task>`.
//!
//! Everything that continuous integration does is one of these tasks, so that it can be done by hand as well.
//! A task starts programs, looks at what they did and prints it; it knows the workspace only by its file names
//! and `cargo metadata`, and links none of its crates, so that it builds in seconds and cannot be broken by them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a task is for"
)]

mod behind;
mod checks;
mod clients;
mod clouds;
mod dist;
mod emulators;
mod install;
mod layering;
mod pages;
mod peers;
mod process;
mod registry;
mod sizes;
mod suites;
mod tools;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use behind::Behind;
use emulators::Cloud;
use registry::{Kind, Program};

/// Development tasks of the Hythe workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install, start or stop the registries that Hythe is compared with.
    Peers {
        #[command(subcommand)]
        action: PeersAction,
    },
    /// Install, start or stop the servers that speak as the clouds' storage does.
    Emulators {
        #[command(subcommand)]
        action: EmulatorsAction,
    },
    /// Run tests that need more than cargo: an emulator of each cloud's storage.
    Test(TestArguments),
    /// Run every client against a registry: push, pull back, compare bytes.
    Clients(ClientsArguments),
    /// Check Hythe against the OCI distribution specification, with our suite or another program.
    Conformance(ConformanceArguments),
    /// Send the same requests to Hythe and to the original, and compare the answers.
    Differential(HytheBinary),
    /// The same traffic to Hythe and the original; their metrics, health and logs are compared.
    Operations(HytheBinary),
    /// Work on one data directory, or on one bucket, with Hythe and the original in turn.
    TwoWay(TwoWayArguments),
    /// Kill Hythe during pushes, start it again, and look for what it had acknowledged.
    Crash(CrashArguments),
    /// Count what Hythe asks of a bucket, beside the original.
    Calls(HytheBinary),
    /// Send every request of a push to another of three registries on one bucket.
    Replicas(PushesArguments),
    /// Push and pull while every request to the bucket fails once.
    Faults(FaultsArguments),
    /// Cut pushes off, purge, and look at what is left in the bucket.
    Killed(PushesArguments),
    /// Check which crate may depend on which.
    Layering,
    /// Make docs/configuration.md and the pages of docs/storage-drivers.
    Pages,
    /// Build Hythe with one feature after another, and print what each costs in bytes and seconds.
    Sizes,
    /// Build one static program, `dist/hythe`, and try it in an empty root.
    Dist(DistArguments),
    /// Build and document every publishable crate on its own.
    Alone,
    /// What every change must pass: format, clippy, documentation, dependencies, layering.
    Ci,
    /// What takes too long for every change.
    Nightly,
}

#[derive(Subcommand)]
enum PeersAction {
    /// Install by name what is missing.
    Install,
    /// Start the original, in both versions, on loopback ports.
    Up,
    /// Stop what `up` started.
    Down,
}

#[derive(Subcommand)]
enum EmulatorsAction {
    /// Install by name what is missing.
    Install,
    /// Start them on free loopback ports, and print the variables that tell the tests where they are.
    Up,
    /// Stop what `up` started.
    Down,
}

#[derive(Args)]
struct TestArguments {
    /// The storage drivers of the clouds, each on its emulator.
    #[arg(long, required = true)]
    drivers: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct ClientsArguments {
    #[command(subcommand)]
    action: Option<ClientsAction>,
    /// Use this program instead of building Hythe.
    #[arg(long, value_name = "PATH")]
    registry_binary: Option<PathBuf>,
    /// What the program is.
    #[arg(long, value_enum, default_value = "hythe")]
    registry_kind: Kind,
    /// Keep the data in this cloud's storage, on its emulator, and run a few of the clients: with the registry serving
    /// the blobs, and with the bucket serving them.
    #[arg(long, value_enum)]
    storage: Option<Cloud>,
    /// Run the first cell of each client with the registry behind this, one or several of tls, htpasswd, token, joined
    /// with `+`; the clients log in before.
    #[arg(long, value_name = "FRONTS", conflicts_with = "storage")]
    behind: Option<Behind>,
    /// Run only the cells whose name contains this text; may be given several times.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
}

#[derive(Subcommand)]
enum ClientsAction {
    /// Install by name what is missing.
    Install,
}

#[derive(Args)]
struct HytheBinary {
    /// Use this program instead of building Hythe.
    #[arg(long, value_name = "PATH")]
    registry_binary: Option<PathBuf>,
}

#[derive(Args)]
struct TwoWayArguments {
    #[command(flatten)]
    hythe: HytheBinary,
    /// A bucket in this storage, on its emulator.
    #[arg(long, value_enum)]
    storage: Option<clouds::Storage>,
}

#[derive(Args)]
struct PushesArguments {
    #[command(flatten)]
    hythe: HytheBinary,
    /// Where the data are.
    #[arg(long, value_enum, default_value = "s3")]
    storage: clouds::Storage,
    /// How many images are pushed.
    #[arg(long, default_value_t = 200)]
    pushes: u32,
}

#[derive(Args)]
struct FaultsArguments {
    #[command(flatten)]
    hythe: HytheBinary,
    /// Where the data are.
    #[arg(long, value_enum, default_value = "s3")]
    storage: clouds::Storage,
}

#[derive(Args)]
struct ConformanceArguments {
    #[command(flatten)]
    hythe: HytheBinary,
    /// Keep the data in this cloud's storage, on its emulator, instead of on this machine.
    #[arg(long, value_enum)]
    storage: Option<Cloud>,
    /// Run the suite with the registry behind this: one or several of tls, client-certificate, htpasswd, token,
    /// prefix, relativeurls, joined with `+`. May be given several times, for a run each.
    #[arg(long, value_name = "FRONTS", conflicts_with = "storage")]
    behind: Vec<Behind>,
    /// On a cloud's storage: with redirects, run only the groups in which blobs are read.
    #[arg(long)]
    brief: bool,
    /// Run this program, which reads `OCI_*` variables as the official suite does, instead of our own suite.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

#[derive(Args)]
struct DistArguments {
    /// Install by name what the build needs and is missing.
    #[arg(long)]
    install: bool,
}

#[derive(Args)]
struct CrashArguments {
    #[command(flatten)]
    hythe: HytheBinary,
    /// How often Hythe is killed.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Peers {
            action: PeersAction::Install,
        } => install::install(&tools::PEERS),
        Task::Peers {
            action: PeersAction::Up,
        } => peers::up(),
        Task::Peers {
            action: PeersAction::Down,
        } => peers::down(),
        Task::Emulators { action } => match action {
            EmulatorsAction::Install => install::install(&tools::EMULATORS),
            EmulatorsAction::Up => emulators::up(),
            EmulatorsAction::Down => emulators::down(),
        },
        // The switch is required, so that other tests can be asked for one day.
        Task::Test(TestArguments { drivers: _ }) => emulators::test_drivers(),
        Task::Clients(ClientsArguments {
            action: Some(ClientsAction::Install),
            ..
        }) => install::install(&tools::CLIENTS),
        Task::Clients(arguments) => {
            let program = Program::resolve(arguments.registry_kind, arguments.registry_binary)?;
            let only = &arguments.only;
            match (arguments.storage, arguments.behind) {
                (Some(cloud), _) => clients::run_on(&program, cloud, only),
                (None, Some(behind)) => clients::run_behind(&program, &behind, only),
                (None, None) => clients::run(&program, only),
            }
        }
        Task::Conformance(arguments) => {
            let hythe = Program::resolve(Kind::Hythe, arguments.hythe.registry_binary)?;
            match (arguments.program, arguments.storage) {
                (Some(program), None) if !arguments.behind.is_empty() => {
                    suites::official_conformance_behind(&hythe, &program, &arguments.behind)
                }
                (Some(program), storage) => suites::official_conformance(&hythe, &program, storage),
                (None, None) if !arguments.behind.is_empty() => {
                    suites::conformance_behind(&hythe, &arguments.behind)
                }
                (None, Some(cloud)) => suites::cloud_conformance(&hythe, cloud, arguments.brief),
                (None, None) => suites::conformance(&hythe),
            }
        }
        Task::Operations(arguments) => {
            suites::operations(&Program::resolve(Kind::Hythe, arguments.registry_binary)?)
        }
        Task::Differential(arguments) => {
            suites::differential(&Program::resolve(Kind::Hythe, arguments.registry_binary)?)
        }
        Task::TwoWay(arguments) => {
            let hythe = Program::resolve(Kind::Hythe, arguments.hythe.registry_binary)?;
            match arguments.storage {
                Some(storage) => clouds::two_way(&hythe, storage),
                None => suites::two_way(&hythe),
            }
        }
        Task::Crash(arguments) => {
            let hythe = Program::resolve(Kind::Hythe, arguments.hythe.registry_binary)?;
            suites::crash(&hythe, arguments.rounds)
        }
        Task::Calls(arguments) => clouds::calls(&Program::resolve(Kind::Hythe, arguments.registry_binary)?),
        Task::Replicas(arguments) => {
            let hythe = Program::resolve(Kind::Hythe, arguments.hythe.registry_binary)?;
            clouds::replicas(&hythe, arguments.storage, arguments.pushes)
        }
        Task::Faults(arguments) => {
            let hythe = Program::resolve(Kind::Hythe, arguments.hythe.registry_binary)?;
            clouds::faults(&hythe, arguments.storage)
        }
        Task::Killed(arguments) => {
            let hythe = Program::resolve(Kind::Hythe, arguments.hythe.registry_binary)?;
            clouds::killed(&hythe, arguments.storage, arguments.pushes)
        }
        Task::Layering => layering::check(),
        Task::Pages => pages::write(),
        Task::Sizes => sizes::print(),
        Task::Dist(DistArguments { install }) => dist::build(install),
        Task::Alone => checks::alone(),
        Task::Ci => checks::ci(),
        Task::Nightly => checks::nightly(),
    }
}
