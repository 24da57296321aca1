//! Runs the suites of `hythe-conformance`, and the official conformance program, against running registries.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail};
use serde_json::Value;

use crate::behind::Behind;
use crate::emulators::{Bucket, Cloud, Running};
use crate::process::Step;
use crate::registry::{Kind, Program, Settings, Storage};
use crate::workspace;

const SUITE_LIMIT: Duration = Duration::from_secs(15 * 60);
const ALLOWED_DIFFERENCES: &str = "crates/hythe-conformance/differences.json";
const ALLOWED_OPERATIONS: &str = "crates/hythe-conformance/operations.json";

/// The groups in which blobs are read, which is all that redirects change.
const GROUPS_THAT_READ_BLOBS: [&str; 8] = [
    "blobs",
    "sha512-blobs",
    "single-post",
    "mounts",
    "ranges",
    "data",
    "conditions",
    "hostile-ranges",
];

/// A storage, and whether image manifests are taken whose blobs are not there.
type Setup = (Storage, bool);

/// Both drivers of this machine, each with both of our profiles.
fn local_setups() -> Vec<Setup> {
    [Storage::Filesystem, Storage::Inmemory]
        .into_iter()
        .flat_map(|storage| [(storage.clone(), false), (storage, true)])
        .collect()
}

/// The emulator's bucket: without redirects in both of our profiles. A bucket cannot send our digest header, so with
/// redirects it is the released profile alone.
fn bucket_setups(running: &Running, cloud: Cloud) -> Result<Vec<Setup>> {
    [
        ("plain", false, false),
        ("sparse", true, false),
        ("redirected", false, true),
    ]
    .into_iter()
    .map(|(root, sparse_images, redirects)| {
        let bucket = Bucket::on(running, cloud, root, redirects)?;
        Ok((Storage::Bucket(bucket), sparse_images))
    })
    .collect()
}

/// Our own suite: all of it passes on Hythe, and on the original exactly the known groups fail.
pub(crate) fn conformance(hythe: &Program) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let itself = check_of_itself(&suite);
    check_setups(
        &suite,
        hythe,
        local_setups(),
        false,
        itself.err().into_iter().collect(),
    )
}

/// Our own suite with the data in a cloud's bucket. Any registry can be asked for; what the original fails is not
/// expected here.
pub(crate) fn cloud_conformance(program: &Program, cloud: Cloud, is_brief: bool) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let running = Running::start(cloud.emulator())?;
    check_setups(
        &suite,
        program,
        bucket_setups(&running, cloud)?,
        is_brief,
        Vec::new(),
    )
}

/// Our own suite on Hythe behind each of these; one run for each.
pub(crate) fn conformance_behind(hythe: &Program, fronts: &[Behind]) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let mut sum = Cases::default();
    let mut unexpected = Vec::new();
    for behind in fronts {
        let settings = Settings {
            behind: behind.clone(),
            ..Settings::default()
        };
        let (cases, result) = check(&suite, hythe, &settings, &[])?;
        sum.add(cases);
        unexpected.extend(result.err());
    }
    sum.judge(&unexpected)
}

fn check_setups(
    suite: &Path,
    program: &Program,
    setups: Vec<Setup>,
    is_brief: bool,
    mut unexpected: Vec<Error>,
) -> Result<()> {
    let mut sum = Cases::default();
    for (storage, sparse_images) in setups {
        // What is not there is a group of its own, since it needs a registry that is told to accept it.
        let mut options = if sparse_images {
            vec!["--sparse", "--group", "sparse"]
        } else {
            Vec::new()
        };
        if matches!(storage, Storage::Bucket(_)) {
            // Most of the time is spent waiting for the bucket.
            options.extend(["--jobs", "8"]);
        }
        if storage.redirects() {
            options.push("--redirects");
            if is_brief {
                options.extend(GROUPS_THAT_READ_BLOBS.iter().flat_map(|group| ["--group", group]));
            }
        }
        let settings = Settings {
            storage,
            sparse_images,
            ..Settings::default()
        };
        let (cases, result) = check(suite, program, &settings, &options)?;
        sum.add(cases);
        unexpected.extend(result.err());
    }
    sum.judge(&unexpected)
}

/// The suite on the original: failures in exactly the groups that are known. They are shown only when they are others,
/// because a reader who looks for a failure must not find these.
fn check_of_itself(suite: &Path) -> Result<()> {
    println!("== check of the suite itself, on the original");
    let log = workspace::scratch()?.join("conformance-original.log");
    let _ = std::fs::remove_file(&log);
    let folder = tempfile::tempdir()?;
    let registry = Program::resolve(Kind::Original, None)?.start(&Settings::default(), folder.path())?;
    let step = Step::new(suite).args(["check", "--expect-original", "--registry", &registry.url()]);
    let result = step.limit(SUITE_LIMIT).logged(&log);
    match &result {
        Ok(()) => println!(
            "failures in the known groups and in no other; see {}",
            log.display()
        ),
        Err(_) => println!("{}", std::fs::read_to_string(&log)?),
    }
    result
}

/// Cases of our own suite by their outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cases {
    passed: usize,
    failed: usize,
}

/// One run of our suite: what it counted, and whether that is what was expected.
fn check(
    suite: &Path,
    program: &Program,
    settings: &Settings,
    options: &[&str],
) -> Result<(Cases, Result<()>)> {
    let words = options.join(" ");
    println!(
        "== check {words}: {:?} on {} {}",
        program.kind,
        settings.storage.name(),
        settings.behind
    );
    let folder = tempfile::tempdir()?;
    let registry = program.start(settings, folder.path())?;
    let json = folder.path().join("report.json");
    let step = Step::new(suite)
        .args(["check", "--quiet"])
        .args(registry.way.options())
        .args(options);
    let result = step.arg("--json").arg(&json).limit(SUITE_LIMIT).shown();
    match std::fs::read(&json) {
        Ok(report) => Ok((Cases::read(&serde_json::from_slice(&report)?)?, result)),
        // Without a report, the reason is that the suite could not run.
        Err(no_report) => Err(result.err().unwrap_or(no_report.into())),
    }
}

impl Cases {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    fn judge(self, unexpected: &[Error]) -> Result<()> {
        println!("{} passed, {} failed", self.passed, self.failed);
        for error in unexpected {
            eprintln!("error: {error:#}");
        }
        if !unexpected.is_empty() {
            bail!("{} runs of the suite did not end as expected", unexpected.len());
        }
        Ok(())
    }

    fn read(report: &Value) -> Result<Self> {
        let groups = report["groups"].as_array().context("the report has no groups")?;
        let cases = groups
            .iter()
            .filter_map(|group| group["cases"].as_array())
            .flatten();
        let (failed, passed): (Vec<_>, Vec<_>) = cases.partition(|case| case["failure"].is_string());
        Ok(Self {
            passed: passed.len(),
            failed: failed.len(),
        })
    }
}

/// The same requests to Hythe and to the original, under each configuration of the corpus; every difference must be
/// listed, and every entry of the list must be needed.
pub(crate) fn differential(hythe: &Program) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let original = Program::resolve(Kind::Original, None)?;
    Step::new(&suite)
        .args(["diff", "--left-program"])
        .arg(&hythe.path)
        .arg("--right-program")
        .arg(&original.path)
        .arg("--allow")
        .arg(workspace::root().join(ALLOWED_DIFFERENCES))
        .limit(SUITE_LIMIT)
        .shown()
}

/// The same traffic on Hythe and on the original; metrics, health and logs that differ must be listed.
pub(crate) fn operations(hythe: &Program) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    let original = Program::resolve(Kind::Original, None)?;
    Step::new(&suite)
        .args(["operations", "--hythe"])
        .arg(&hythe.path)
        .arg("--original")
        .arg(&original.path)
        .arg("--allow")
        .arg(workspace::root().join(ALLOWED_OPERATIONS))
        .limit(SUITE_LIMIT)
        .shown()
}

/// One data directory, Hythe and both versions of the original.
pub(crate) fn two_way(hythe: &Program) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    for (kind, version) in [(Kind::Original2, "2"), (Kind::Original, "3")] {
        let original = Program::resolve(kind, None)?;
        println!("== two-way: with {}", original.path.display());
        let step = Step::new(&suite)
            .args(["two-way", "--hythe"])
            .arg(&hythe.path)
            .arg("--original");
        step.arg(&original.path)
            .args(["--original-version", version])
            .limit(SUITE_LIMIT)
            .shown()?;
    }
    Ok(())
}

/// Kills Hythe during pushes.
pub(crate) fn crash(hythe: &Program, rounds: u32) -> Result<()> {
    let suite = workspace::build("hythe-conformance")?;
    Step::new(&suite)
        .args(["crash", "--hythe"])
        .arg(&hythe.path)
        .args(["--rounds", &rounds.to_string()])
        .limit(SUITE_LIMIT)
        .shown()
}

/// The official suite, built by hand from its repository: both of our profiles on both drivers of this machine, or on
/// a cloud's bucket.
pub(crate) fn official_conformance(hythe: &Program, program: &Path, cloud: Option<Cloud>) -> Result<()> {
    let running = cloud.map(|cloud| Running::start(cloud.emulator())).transpose()?;
    let setups = match (cloud, &running) {
        (Some(cloud), Some(running)) => bucket_setups(running, cloud)?
            .into_iter()
            // A bucket without redirects is looked at in the stricter profile alone.
            .filter(|(storage, sparse_images)| *sparse_images || storage.redirects())
            .collect(),
        _ => local_setups(),
    };
    let settings = setups.into_iter().map(|(storage, sparse_images)| Settings {
        storage,
        sparse_images,
        ..Settings::default()
    });
    official_runs(hythe, program, settings)
}

/// The official suite with the registry behind each of these, in both of our profiles. It shows no certificate.
pub(crate) fn official_conformance_behind(hythe: &Program, program: &Path, fronts: &[Behind]) -> Result<()> {
    let settings = fronts.iter().flat_map(|behind| {
        [false, true].map(|sparse_images| Settings {
            sparse_images,
            behind: behind.clone(),
            ..Settings::default()
        })
    });
    official_runs(hythe, program, settings)
}

fn official_runs(hythe: &Program, program: &Path, runs: impl IntoIterator<Item = Settings>) -> Result<()> {
    let program = std::path::absolute(program)?;
    let mut sum = Counts::default();
    for settings in runs {
        let redirects = if settings.storage.redirects() {
            "redirects"
        } else {
            ""
        };
        let name = settings.storage.name();
        let profile = if settings.sparse_images {
            Profile::Development
        } else {
            Profile::Released
        };
        let counts = official_run(hythe, &program, profile, &settings)?;
        let behind = settings.behind.to_string();
        println!(
            "{:<12} {name:<12} {redirects:<12} {behind:<12} {counts}",
            profile.name()
        );
        sum.passed += counts.passed;
        sum.failed += counts.failed + counts.errors;
        sum.skipped += counts.skipped;
    }
    println!(
        "{} passed, {} failed, {} skipped",
        sum.passed, sum.failed, sum.skipped
    );
    if sum.failed + sum.skipped > 0 || sum.passed == 0 {
        bail!("the official suite must pass without a failure and without a skip");
    }
    Ok(())
}

fn official_run(hythe: &Program, program: &Path, profile: Profile, settings: &Settings) -> Result<Counts> {
    let folder = tempfile::tempdir()?;
    let registry = hythe.start(settings, folder.path())?;
    let report_name = format!(
        "{}-{}-{}",
        profile.name(),
        settings.storage.name(),
        settings.behind
    );
    let results = workspace::scratch()?.join("official").join(report_name);
    std::fs::create_dir_all(&results)?;
    let report = results.join("report.txt");
    let _ = std::fs::remove_file(&report);
    let mut step = Step::new(program)
        .directory(folder.path())
        .env("OCI_REPO1", "conformance/repo1")
        .env("OCI_REPO2", "conformance/repo2")
        .env("OCI_RESULTS_DIR", &results)
        .env("OCI_VERSION", profile.name())
        .limit(SUITE_LIMIT);
    for (name, value) in registry.way.official_variables() {
        step = step.env(name, value);
    }
    if profile == Profile::Development {
        step = step.env("OCI_DATA_SPARSE", "true");
    }
    // It ends with 1 for a failure; the counts say more.
    let _ = step.logged(&report);
    Counts::read(&std::fs::read_to_string(&report)?).with_context(|| format!("see {}", report.display()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// The released specification, as the suite is set up by default.
    Released,
    /// What the specification's main branch adds, and sparse content.
    Development,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Released => "1.1",
            Self::Development => "dev",
        }
    }
}

/// The counts at the end of the official suite's report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    passed: u32,
    failed: u32,
    skipped: u32,
    errors: u32,
}

impl Counts {
    /// Reads the lines such as `  Pass..........:        743` that follow the overall result.
    fn read(report: &str) -> Result<Self> {
        let mut lines = report.lines();
        lines
            .by_ref()
            .find(|line| line.starts_with("OCI Conformance Result:"))
            .context("the report has no overall result")?;
        let count = |name: &str| {
            let line = lines
                .clone()
                .find(|line| line.trim_start().starts_with(&format!("{name}.")));
            let (_, number) = line.and_then(|line| line.rsplit_once(':'))?;
            number.trim().parse().ok()
        };
        let read = |name: &str| count(name).with_context(|| format!("the report has no count of {name}"));
        Ok(Self {
            passed: read("Pass")?,
            failed: read("FAIL")?,
            skipped: read("Skip")?,
            errors: read("Error")?,
        })
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
            errors,
        } = self;
        write!(
            formatter,
            "{passed} Pass / {failed} FAIL / {skipped} Skip / {errors} Error"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_after_the_overall_result() {
        let report = "Test results\n  Skip one: Skip\n\nOCI Conformance Result: FAIL\n  Disabled......................:          5\n  Skip..........................:         16\n  Pass..........................:        743\n  FAIL..........................:         91\n  Error.........................:          0\n  Total.........................:        855\n";
        assert_eq!(
            Counts::read(report).unwrap(),
            Counts {
                passed: 743,
                failed: 91,
                skipped: 16,
                errors: 0
            }
        );
    }

    #[test]
    fn cases_of_our_suite_are_counted_over_all_groups() {
        let report = serde_json::json!({ "groups": [
            { "name": "base", "cases": [{ "name": "a" }, { "name": "b", "failure": "404" }] },
            { "name": "tags", "cases": [{ "name": "c" }] },
        ] });
        assert_eq!(Cases::read(&report).unwrap(), Cases { passed: 2, failed: 1 });
        Cases::read(&serde_json::json!({})).unwrap_err();
    }

    #[test]
    fn a_report_that_stops_early_is_an_error() {
        for report in [
            "",
            "Test results\n",
            "OCI Conformance Result: Pass\n  Pass....: 3\n",
        ] {
            assert!(Counts::read(report).is_err(), "{report:?}");
        }
    }
}
