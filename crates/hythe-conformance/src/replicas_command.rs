//! `hythe-conformance replicas`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use hythe_conformance::Failure;
use hythe_conformance::cloud::replicas::Replicas;
use hythe_conformance::cloud::{Backend, Cloud};

/// What `replicas` is told. Exit code 0 when every push succeeded and every contended session had one winner, 1 when one
/// had not, 2 at the first push that did not.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The registry's program
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Where the data are
    #[arg(long, value_enum)]
    storage: Cloud,
    /// How many registries share the bucket
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// How many images are pushed
    #[arg(long, default_value_t = 100)]
    pushes: usize,
    /// How many clients push at the same time
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Makes the content
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the pushes and says how long they took.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let replicas = Replicas {
        program: arguments.hythe.clone(),
        backend: Backend::from_environment(arguments.storage)?,
        replicas: arguments.replicas.max(1),
        pushes: arguments.pushes,
        clients: arguments.clients.max(1),
        seed: arguments.seed,
    };
    let start = Instant::now();
    replicas.run(|done| println!("{done} pushes")).await?;
    println!(
        "{:?}: {} pushes by {} clients over {} replicas, 0 errors, {} s",
        arguments.storage,
        arguments.pushes,
        arguments.clients,
        arguments.replicas,
        start.elapsed().as_secs()
    );
    let report = replicas.contend().await?;
    println!("\n{}", report.summary());
    let failures: Vec<_> = report
        .groups
        .iter()
        .flat_map(|group| &group.cases)
        .filter_map(|case| Some((&case.name, case.failure.as_ref()?)))
        .collect();
    for (name, reason) in &failures {
        println!("FAIL  {name}\n      {reason}");
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
