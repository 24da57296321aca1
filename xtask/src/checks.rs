//! The checks of source and dependencies, and the long runs.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::clouds;
use crate::layering;
use crate::process::{Step, find_program};
use crate::workspace::{self, cargo};

/// The version of cargo-deny whose schema `deny.toml` is written in.
const CARGO_DENY: &str = "0.20.2";

const FUZZ_EACH: Duration = Duration::from_secs(60);
const FUZZ_BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

const DENY_WARNINGS: &str = "-D warnings";

/// Runs every check of [`ci_checks`] and fails at the end when one did.
pub(crate) fn ci() -> Result<()> {
    let mut failed = Vec::new();
    let checks = ci_checks();
    for (name, check) in checks {
        println!("== {name}");
        if let Err(error) = check() {
            eprintln!("error: {error:#}");
            failed.push(name);
        }
    }
    println!("{} passed, {} failed", checks.len() - failed.len(), failed.len());
    if !failed.is_empty() {
        bail!("{} failed", failed.join(", "));
    }
    Ok(())
}

type Check = fn() -> Result<()>;

fn ci_checks() -> [(&'static str, Check); 6] {
    [
        ("format", || cargo().args(["fmt", "--all", "--check"]).shown()),
        ("clippy", || {
            cargo()
                .args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
                .shown()
        }),
        ("documentation", || {
            cargo()
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", DENY_WARNINGS)
                .shown()
        }),
        ("fuzz targets", || {
            // They are no part of the workspace, and nobody would notice that they no longer fit it.
            let manifest = [
                "check",
                "--locked",
                "--manifest-path",
                "crates/hythe-fuzz/Cargo.toml",
            ];
            cargo().args(manifest).shown()
        }),
        ("dependencies", deny),
        ("layering", layering::check),
    ]
}

/// Bans, licences and sources. Advisories need a database from outside; the public workflow looks at them.
fn deny() -> Result<()> {
    let installed = cargo().args(["deny", "--version"]).quiet();
    if installed.is_none() {
        println!("cargo install cargo-deny {CARGO_DENY}");
        // Unoptimised, it still answers in seconds, and is built in a third of the time.
        let install = [
            "install",
            "--quiet",
            "--debug",
            "--locked",
            "cargo-deny",
            "--version",
            CARGO_DENY,
        ];
        cargo().args(install).shown()?;
    }
    cargo()
        .args(["deny", "check", "bans", "licenses", "sources"])
        .shown()
}

/// Features with which the program must build, and nothing else: what small builds are made of.
const FEATURES_OF_THE_PROGRAM: [&str; 4] = [
    "driver-filesystem",
    "driver-s3",
    "driver-azure,auth-token",
    "driver-gcs,cache-inmemory,auth-htpasswd,middleware-cloudfront",
];

/// Builds and documents every publishable crate on its own: with the features it asks for itself, and no others. The
/// program is also built with few of its features.
pub(crate) fn alone() -> Result<()> {
    let names = publishable(&workspace::metadata(&["--no-deps"])?)?;
    for name in &names {
        println!("== {name}");
        cargo().args(["check", "--quiet", "--package", name]).shown()?;
        cargo()
            .args(["doc", "--quiet", "--no-deps", "--package", name])
            .env("RUSTDOCFLAGS", DENY_WARNINGS)
            .shown()?;
    }
    for features in FEATURES_OF_THE_PROGRAM {
        println!("== hythe with {features} alone");
        let few = ["--no-default-features", "--features", features];
        cargo()
            .args(["check", "--quiet", "--package", "hythe"])
            .args(few)
            .shown()?;
    }
    println!("{} passed, 0 failed", names.len() + FEATURES_OF_THE_PROGRAM.len());
    Ok(())
}

fn publishable(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let names = packages.iter().filter(|package| package["publish"].is_null());
    Ok(names
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect())
}

/// What takes too long, or too much disk, for every change.
pub(crate) fn nightly() -> Result<()> {
    println!("== big files on the filesystem driver");
    cargo()
        .args(["test", "--release", "--package", "hythe-driver-filesystem"])
        .env("HYTHE_BIG_FILE_BYTES", (5_u64 << 30).to_string())
        .limit(Duration::from_secs(60 * 60))
        .shown()?;
    println!("== a big layer through S3");
    clouds::large()?;
    println!("== fuzz targets");
    fuzz(FUZZ_EACH)
}

/// Builds every fuzz target and runs each for a while.
fn fuzz(each: Duration) -> Result<()> {
    let cargo = find_program("cargo", &[]).context("cargo is not on the path")?;
    if Step::new(&cargo).args(["fuzz", "--version"]).quiet().is_none() {
        bail!("cargo-fuzz is not installed: cargo install cargo-fuzz --locked");
    }
    let fuzz = |command: &str| {
        // What `+nightly` does, for a cargo that was not called through rustup as well.
        let nightly = Step::new(&cargo)
            .env("RUSTUP_TOOLCHAIN", "nightly")
            .directory(workspace::root());
        nightly.args(["fuzz", command, "--fuzz-dir", "crates/hythe-fuzz"])
    };
    let targets = fuzz("list").quiet().context("cannot list the fuzz targets")?;
    for target in targets.split_whitespace() {
        println!("== {target}");
        let seconds = format!("-max_total_time={}", each.as_secs());
        fuzz("run")
            .args([target, "--", &seconds])
            .limit(each + FUZZ_BUILD_LIMIT)
            .shown()?;
    }
    Ok(())
}
