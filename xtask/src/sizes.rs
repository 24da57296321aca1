//! What each cargo feature of the program costs: bytes of the binary, seconds of building, crates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::workspace::{self, cargo};

/// What the smallest useful program has, and what the others are compared with.
const BASE: &str = "driver-inmemory";

/// Builds the release binary with one feature after another and prints a table for `docs/benchmarks.md`.
///
/// Everything is built in a folder of its own that is empty at first: the first row is a build from nothing, each
/// other one what the feature adds to that.
pub(crate) fn print() -> Result<()> {
    let folder = tempfile::tempdir()?;
    println!("| features | binary, MiB | more than `{BASE}`, MiB | build, s | crates |");
    println!("|---|---|---|---|---|");
    let base = measure(folder.path(), &[BASE])?;
    row(BASE, &base, &base);
    let features = default_features()?;
    for feature in features.iter().filter(|feature| *feature != BASE) {
        row(
            &format!("with `{feature}`"),
            &measure(folder.path(), &[BASE, feature])?,
            &base,
        );
    }
    let all: Vec<_> = features.iter().map(String::as_str).collect();
    row("all", &measure(folder.path(), &all)?, &base);
    Ok(())
}

struct Cost {
    bytes: u64,
    duration: Duration,
    crates: usize,
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn row(name: &str, cost: &Cost, base: &Cost) {
    const MIB: f64 = 1024.0 * 1024.0;
    let size = cost.bytes as f64 / MIB;
    let more = size - base.bytes as f64 / MIB;
    let seconds = cost.duration.as_secs();
    println!("| {name} | {size:.1} | {more:.1} | {seconds} | {} |", cost.crates);
}

fn default_features() -> Result<Vec<String>> {
    let metadata = workspace::metadata(&["--no-deps"])?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let hythe = packages.iter().find(|package| package["name"] == "hythe");
    let features = hythe.context("no hythe")?["features"]["default"].as_array();
    let names = features.context("no default features")?.iter();
    Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn measure(target: &Path, features: &[&str]) -> Result<Cost> {
    let chosen = [
        "--package",
        "hythe",
        "--no-default-features",
        "--features",
        &features.join(","),
    ]
    .map(str::to_owned);
    let folder = target.to_string_lossy().into_owned();
    let started = Instant::now();
    cargo()
        .args(["build", "--quiet", "--release", "--target-dir", &folder])
        .args(&chosen)
        .shown()?;
    let duration = started.elapsed();
    let tree = cargo()
        .args([
            "tree",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--no-dedupe",
        ])
        .args(&chosen)
        .quiet()
        .context("cargo tree failed")?;
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(Cost {
        bytes: fs::metadata(target.join("release/hythe"))?.len(),
        duration,
        crates: crates.len(),
    })
}
