//! `hythe-conformance killed`, `bucket-two-way`, `faults` and `large`

use std::path::PathBuf;
use std::process::ExitCode;

use hythe_conformance::Failure;
use hythe_conformance::cloud::killed::Killed;
use hythe_conformance::cloud::two_way::TwoWay;
use hythe_conformance::cloud::{Backend, Cloud, faults, large};

/// What `killed` is told. Exit code 0 when nothing was left, 2 otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct KilledArguments {
    /// The registry's program
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Where the data are
    #[arg(long, value_enum)]
    storage: Cloud,
    /// How many pushes are cut off
    #[arg(long, default_value_t = 200)]
    pushes: u32,
    /// How many clients push at the same time
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// Makes content and moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What `bucket-two-way` is told. Exit code 0 when both parts succeed.
#[derive(Debug, clap::Args)]
pub(crate) struct TwoWayArguments {
    /// The program that is judged
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Distribution 3.1
    #[arg(long, value_name = "PROGRAM")]
    original: PathBuf,
    /// Where the data are
    #[arg(long, value_enum)]
    storage: Cloud,
}

/// What `faults` is told. Exit code 0 when no client noticed anything.
#[derive(Debug, clap::Args)]
pub(crate) struct FaultsArguments {
    /// The registry's program
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Where the data are
    #[arg(long, value_enum)]
    storage: Cloud,
}

/// What `large` is told. Exit code 0 when the memory stayed below the limit.
#[derive(Debug, clap::Args)]
pub(crate) struct LargeArguments {
    /// The registry's program
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Where the data are
    #[arg(long, value_enum)]
    storage: Cloud,
    /// Length of the layer
    #[arg(long, default_value_t = 6144)]
    mebibytes: u64,
    /// Most resident memory of the registry
    #[arg(long, default_value_t = 128)]
    limit_mebibytes: u64,
}

/// Cuts pushes off, purges, and prints what was seen.
pub(crate) async fn killed(arguments: &KilledArguments) -> Result<ExitCode, Failure> {
    let killed = Killed {
        program: arguments.hythe.clone(),
        backend: Backend::from_environment(arguments.storage)?,
        pushes: arguments.pushes,
        clients: arguments.clients.max(1),
        seed: arguments.seed,
    };
    let seen = killed.run().await?;
    println!(
        "{:?}: {seen:?}; nothing is left after the purge",
        arguments.storage
    );
    Ok(ExitCode::SUCCESS)
}

/// Runs both parts and prints what came out.
pub(crate) async fn two_way(arguments: &TwoWayArguments) -> Result<ExitCode, Failure> {
    let two_way = TwoWay {
        hythe: arguments.hythe.clone(),
        original: arguments.original.clone(),
        backend: Backend::from_environment(arguments.storage)?,
    };
    let mut parts = vec![("handover", two_way.handover().await)];
    // Uploads of the original cannot be in the emulator of Google's storage.
    if arguments.storage != Cloud::Gcs {
        parts.push(("hop", two_way.hop().await));
    }
    let mut failed = false;
    for (part, outcome) in parts {
        match outcome {
            Ok(lines) => println!("pass  {part}: {}", lines.join("\n      ")),
            Err(failure) => {
                failed = true;
                println!("FAIL  {part}: {failure}");
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Pushes and pulls an image under each fault.
pub(crate) async fn faults(arguments: &FaultsArguments) -> Result<ExitCode, Failure> {
    let backend = Backend::from_environment(arguments.storage)?;
    let mut passed = 0;
    let observe = |name: &str, requests: usize| {
        passed += 1;
        println!("pass  each request {name} once, {requests} requests in all");
    };
    faults::push_and_pull(&arguments.hythe, &backend, observe).await?;
    println!("{passed} passed, 0 failed");
    Ok(ExitCode::SUCCESS)
}

/// Pushes and pulls one layer and prints the registry's memory.
pub(crate) async fn large(arguments: &LargeArguments) -> Result<ExitCode, Failure> {
    let backend = Backend::from_environment(arguments.storage)?;
    let (pushed, pulled) = large::push_and_pull(&arguments.hythe, &backend, arguments.mebibytes).await?;
    println!(
        "{:?}: a layer of {} MiB; peak of memory {} MiB after the push, {} MiB after the pull",
        arguments.storage,
        arguments.mebibytes,
        pushed >> 20,
        pulled >> 20
    );
    Ok(if pulled >> 20 <= arguments.limit_mebibytes {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
