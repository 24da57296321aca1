//! `hythe-conformance check`

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use hythe_conformance::groups::{self, FAILED_BY_THE_ORIGINAL};
use hythe_conformance::report::CaseReport;
use hythe_conformance::{Failure, Plan, Scope};
use hythe_testutil::Client;

use crate::behind::Behind;

/// What `check` is told. Exit code 0 when all is as expected, 1 when not, 2 when it could not be found out.
// Each switch is a flag of its own on the command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The registry, as http(s)://host:port, with the path its API is under if there is one; given several times,
    /// replicas that share their storage, which get requests in turn
    #[arg(long = "registry", required_unless_present = "list")]
    registries: Vec<String>,
    #[command(flatten)]
    behind: Behind,
    /// First component of the names of all repositories that are used
    #[arg(long, default_value = "conformance")]
    repository_prefix: String,
    /// Only this group; may be given several times
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// Not this group; may be given several times
    #[arg(long = "skip-group", value_name = "NAME")]
    skipped_groups: Vec<String>,
    /// Only what the specification says, not what Hythe promises beyond it
    #[arg(long)]
    specification_only: bool,
    /// Also content that refers to missing content
    #[arg(long)]
    sparse: bool,
    /// Succeed exactly if there are failures in each of these groups and in no other
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    expect_failing_groups: Option<Vec<String>>,
    /// The registry is distribution 3.1.2: only what the specification says, and failures exactly where it has them
    #[arg(long, conflicts_with_all = ["expect_failing_groups", "groups"])]
    expect_original: bool,
    /// Largest manifest that the registry accepts, in bytes
    #[arg(long, default_value_t = 4 << 20)]
    manifest_limit: usize,
    /// Makes the content; printed by each run, so that a run can be repeated
    #[arg(long)]
    seed: Option<u64>,
    /// At most so many cases run at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    jobs: usize,
    /// Follows redirects, and fails if the bytes of any whole blob come from the registry itself
    #[arg(long)]
    redirects: bool,
    /// Writes the outcome of each case to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Prints the names of groups and cases and ends
    #[arg(long)]
    list: bool,
    /// Prints only failures and the summary
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the groups, prints each case, and compares with what was expected.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut groups = groups::all();
    groups.retain(|group| !arguments.skipped_groups.iter().any(|name| name == group.name));
    if let Some(unknown) = arguments
        .groups
        .iter()
        .find(|name| !groups.iter().any(|group| group.name == name.as_str()))
    {
        return Err(Failure::new(format!(
            "there is no group {unknown}; --list shows them"
        )));
    }
    if arguments.list {
        for group in &groups {
            println!("{}: {}", group.name, group.about);
            for case in group.case_names() {
                println!("    {case}");
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let plan = plan(arguments)?;
    println!("seed {}", plan.seed);
    let observe = |group: &str, case: &CaseReport| match &case.failure {
        None if arguments.quiet => {}
        None => println!("pass  {group}: {} ({:.1} s)", case.name, case.seconds),
        Some(reason) => println!("FAIL  {group}: {}\n      {reason}", case.name),
    };
    let report = plan.run(&groups, observe).await;
    println!("\n{}", report.summary());
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).map_err(|error| Failure::new(error.to_string()))?;
        fs::write(path, text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    let mut complaints = report.against_expectation(&expectation(arguments));
    if let Some(redirects) = plan.client.redirects() {
        let (followed, direct) = (redirects.followed(), redirects.direct());
        let special = redirects.special();
        println!(
            "{followed} GETs of blobs were redirected, {direct} were not, {special} with conditions or ranges were not"
        );
        if followed == 0 || direct > 0 {
            complaints.push("every GET of a whole blob is to be redirected".to_owned());
        }
    }
    complaints.extend(arguments.behind.judge(&plan.client));
    for complaint in &complaints {
        println!("not as expected: {complaint}");
    }
    Ok(if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let mut scopes = vec![Scope::Specification];
    if arguments.sparse || arguments.expect_original {
        scopes.push(Scope::Sparse);
    }
    if !arguments.specification_only && !arguments.expect_original {
        scopes.push(Scope::Hythe);
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64);
    let client = Client::of_replicas(&arguments.registries, &arguments.behind.options()?)?;
    Ok(Plan {
        client: if arguments.redirects {
            client.following_redirects()
        } else {
            client
        },
        repository_prefix: arguments.repository_prefix.clone(),
        seed: arguments.seed.unwrap_or(now),
        groups: arguments.groups.iter().cloned().collect(),
        scopes,
        max_manifest_bytes: arguments.manifest_limit,
        jobs: arguments.jobs,
    })
}

fn expectation(arguments: &Arguments) -> BTreeSet<String> {
    if arguments.expect_original {
        return FAILED_BY_THE_ORIGINAL
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
    }
    arguments
        .expect_failing_groups
        .iter()
        .flatten()
        .cloned()
        .collect()
}
