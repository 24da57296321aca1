//! `hythe-conformance calls`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use hythe_conformance::Failure;
use hythe_conformance::cloud::calls::{Cost, Measured, measure};
use hythe_conformance::cloud::{Backend, Cloud};

/// What is added to every call when time is measured.
const DELAY: Duration = Duration::from_millis(20);
/// Most calls of a push and of a pull on S3.
const S3_BUDGET: (usize, usize) = (112, 30);

/// What `calls` is told. Exit code 0 when every budget is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program that is judged
    #[arg(long, value_name = "PROGRAM")]
    hythe: PathBuf,
    /// Distribution 3.1, beside which it is judged
    #[arg(long, value_name = "PROGRAM")]
    original: PathBuf,
    /// Where the data are; Google's storage is judged beside S3
    #[arg(long = "storage", value_enum, default_values = ["s3", "azure", "gcs"])]
    storages: Vec<Cloud>,
    /// Prints the calls of each operation
    #[arg(long)]
    operations: bool,
}

/// Measures, prints, and compares with the budgets.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut complaints = Vec::new();
    let mut on_s3 = None;
    for cloud in &arguments.storages {
        let backend = Backend::from_environment(*cloud)?;
        let root = format!("calls-{}", std::process::id());
        let hythe = measure(
            &arguments.hythe,
            &backend,
            &format!("{root}-hythe"),
            Duration::ZERO,
        )
        .await?;
        show(arguments, *cloud, "Hythe", &hythe);
        // The original finds no emulator of Google's storage.
        if *cloud == Cloud::Gcs {
            if let Some(on_s3) = &on_s3 {
                complaints.extend(near(on_s3, &hythe));
            }
            continue;
        }
        let original = measure(
            &arguments.original,
            &backend,
            &format!("{root}-original"),
            Duration::ZERO,
        )
        .await?;
        show(arguments, *cloud, "original", &original);
        match cloud {
            Cloud::S3 | Cloud::S3Second => {
                complaints.extend(within("S3, push", hythe.push.calls(), S3_BUDGET.0));
                complaints.extend(within("S3, pull", hythe.pull.calls(), S3_BUDGET.1));
                let slow = measure(&arguments.hythe, &backend, &format!("{root}-hythe-slow"), DELAY).await?;
                show(arguments, *cloud, "Hythe, 20 ms more", &slow);
                let slow_original = measure(
                    &arguments.original,
                    &backend,
                    &format!("{root}-original-slow"),
                    DELAY,
                )
                .await?;
                show(arguments, *cloud, "original, 20 ms more", &slow_original);
                show_share("push", &slow.push, &slow_original.push);
                show_share("pull", &slow.pull, &slow_original.pull);
                on_s3 = Some(hythe);
            }
            Cloud::Azure => {
                complaints.extend(within(
                    "Azure, push",
                    hythe.push.calls(),
                    original.push.calls() / 3,
                ));
                complaints.extend(within(
                    "Azure, pull",
                    hythe.pull.calls(),
                    original.pull.calls() / 3,
                ));
            }
            Cloud::Gcs => {}
        }
    }
    for complaint in &complaints {
        println!("over the budget: {complaint}");
    }
    Ok(if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(arguments: &Arguments, cloud: Cloud, who: &str, measured: &Measured) {
    for (what, cost) in [("push", &measured.push), ("pull", &measured.pull)] {
        println!(
            "{:<8} {who:<22} {what} {:>4} calls {:>6} ms",
            format!("{cloud:?}"),
            cost.calls(),
            cost.time.as_millis()
        );
        if arguments.operations {
            println!("    {:?}", cost.operations);
        }
    }
}

fn within(what: &str, calls: usize, budget: usize) -> Option<String> {
    (calls > budget).then(|| format!("{what}: {calls} calls, not more than {budget} are allowed"))
}

/// Google's storage within a tenth of S3.
fn near(on_s3: &Measured, on_google: &Measured) -> Vec<String> {
    let budget = |calls: usize| calls + calls / 10;
    [
        within("GCS, push", on_google.push.calls(), budget(on_s3.push.calls())),
        within("GCS, pull", on_google.pull.calls(), budget(on_s3.pull.calls())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// With a slow storage, two fifths of the original's time are wanted. Shown and not judged: on a busy machine a time says
/// little, while calls are what makes it.
fn show_share(what: &str, hythe: &Cost, original: &Cost) {
    let percent = 100 * hythe.time.as_millis() / original.time.as_millis().max(1);
    println!("S3 with 20 ms more, {what}: {percent} % of the original's time, wanted at most 40 %");
}
