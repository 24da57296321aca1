//! `hythe-conformance crash`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use hythe_conformance::Failure;
use hythe_conformance::crash::Crash;

/// What `crash` is told. Exit code 0 when nothing was lost, 2 otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The registry's program
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// How often it is killed
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// How many clients push at the same time
    #[arg(long, default_value_t = 4)]
    clients: u32,
    /// Longest time until it is killed, in milliseconds
    #[arg(long, default_value_t = 800)]
    longest_life: u64,
    /// Makes content and moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the rounds and prints what each one showed.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let crash = Crash {
        program: arguments.hythe.clone(),
        rounds: arguments.rounds,
        clients: arguments.clients,
        longest_life: Duration::from_millis(arguments.longest_life),
        largest_layer_bytes: 3_000_000,
        seed: arguments.seed,
    };
    let sum = crash
        .run(|round, seen| println!("round {round}: {seen:?}"))
        .await?;
    println!("{} rounds: {sum:?}", arguments.rounds);
    if sum.manifests == 0 || sum.resumed == 0 {
        return Err(Failure::new(
            "the registry was killed too early or too late to show anything",
        ));
    }
    Ok(ExitCode::SUCCESS)
}
