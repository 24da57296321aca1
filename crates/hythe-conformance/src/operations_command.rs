//! `hythe-conformance operations`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use hythe_conformance::Failure;
use hythe_conformance::operations::{self, AllowedFacts};

/// What `operations` is told. Exit code 0 when all differences are allowed and all that are allowed occur, 1 when not,
/// 2 when it could not be found out.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program that is judged
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Distribution 3.1
    #[arg(long, value_name = "PROGRAM")]
    original: PathBuf,
    /// The differences that are allowed; none when absent
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
}

/// Runs both programs under the same traffic and prints what is not as allowed.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let allowed = match &arguments.allow {
        Some(path) => {
            let text = fs::read_to_string(path);
            AllowedFacts::parse(&text.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?)?
        }
        None => AllowedFacts::default(),
    };
    let hythe = operations::observe(&arguments.hythe).await;
    let hythe = hythe.map_err(|failure| failure.while_doing("hythe"))?;
    let original = operations::observe(&arguments.original).await;
    let original = original.map_err(|failure| failure.while_doing("the original"))?;
    let differences = operations::compare(&hythe, &original);
    let (unexpected, unused) = allowed.judge(&differences);
    for difference in &unexpected {
        println!(
            "not allowed: {}\n    hythe    {}\n    original {}",
            difference.fact, difference.hythe, difference.original
        );
    }
    for entry in &unused {
        println!("not used: {}: {}", entry.fact, entry.reason);
    }
    println!(
        "{} facts, {} differences, {} not allowed, {} entries not used",
        hythe.len().max(original.len()),
        differences.len(),
        unexpected.len(),
        unused.len()
    );
    Ok(if unexpected.is_empty() && unused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
