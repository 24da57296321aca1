//! `hythe-conformance diff`

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use hythe_conformance::Failure;
use hythe_conformance::diff::{self, AllowedDifferences, Difference, Pair, Profile};
use hythe_testutil::Client;

/// What `diff` is told. Exit code 0 when all differences are allowed and all that are allowed occur, 1 when not, 2
/// when it could not be found out.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program that is judged; it is started for each configuration of the corpus
    #[arg(long, value_name = "PROGRAM", requires = "right_program")]
    left_program: Option<PathBuf>,
    /// The program that it is compared with
    #[arg(long, value_name = "PROGRAM")]
    right_program: Option<PathBuf>,
    /// A running registry instead, as http://host:port
    #[arg(
        long,
        conflicts_with = "left_program",
        required_unless_present = "left_program",
        requires = "right"
    )]
    left: Option<String>,
    /// A running registry instead, as http://host:port
    #[arg(long)]
    right: Option<String>,
    /// How the running registries are configured
    #[arg(long, default_value = "default")]
    profile: String,
    /// Part of the names of repositories on running registries; give another one to run again
    #[arg(long, default_value = "run")]
    run: String,
    /// The differences that are allowed; none when absent
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
    /// Writes all differences to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the corpus and prints a table of the differences by route and member, and what is not as allowed.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let file_error =
        |path: &PathBuf, error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let allowed = match &arguments.allow {
        Some(path) => {
            AllowedDifferences::parse(&fs::read_to_string(path).map_err(|error| file_error(path, error))?)?
        }
        None => AllowedDifferences::default(),
    };
    let differences = differences(arguments).await?;
    if let Some(path) = &arguments.json {
        let text =
            serde_json::to_string_pretty(&differences).map_err(|error| Failure::new(error.to_string()))?;
        fs::write(path, text).map_err(|error| file_error(path, error))?;
    }
    print_table(&differences);
    let (unexpected, mut unused) = allowed.judge(&differences);
    for difference in &unexpected {
        let Difference {
            profile,
            case,
            route,
            what,
            request,
            left,
            right,
        } = difference;
        println!(
            "not allowed: {profile}: {case}: {route}: {what}\n    {request}\n    left  {left}\n    right {right}"
        );
    }
    if arguments.left.is_some() {
        // One configuration does not show what others use.
        unused.clear();
    }
    for entry in &unused {
        println!(
            "not used: {} {:?} {:?}: {}",
            entry.route, entry.what, entry.case, entry.reason
        );
    }
    println!(
        "{} differences, {} not allowed, {} entries not used",
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

async fn differences(arguments: &Arguments) -> Result<Vec<Difference>, Failure> {
    if let (Some(left), Some(right)) = (&arguments.left_program, &arguments.right_program) {
        return diff::run_programs(left, right).await;
    }
    let profile = Profile::named(&arguments.profile)
        .ok_or_else(|| Failure::new(format!("there is no configuration {}", arguments.profile)))?;
    let client = |address: &Option<String>| Client::new(address.as_deref().unwrap_or_default());
    let pair = Pair {
        left: client(&arguments.left)?,
        right: client(&arguments.right)?,
    };
    Ok(diff::run_profile(&pair, profile, &arguments.run).await)
}

fn print_table(differences: &[Difference]) {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for difference in differences {
        *counts.entry((&difference.route, &difference.what)).or_default() += 1;
    }
    for ((route, what), count) in counts {
        println!("{count:>5}  {route:<45} {what}");
    }
}
