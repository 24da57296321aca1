//! Where the workspace and its build results are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::Step;

/// A build from nothing on two cores takes minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the workspace")
}

/// A run of cargo in the workspace.
pub(crate) fn cargo() -> Step {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Step::new(program).directory(root()).limit(BUILD_LIMIT)
}

/// What `cargo metadata` says, with or without the packages that are not ours.
pub(crate) fn metadata(arguments: &[&str]) -> Result<Value> {
    let text = cargo()
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .quiet()
        .context("cargo metadata failed; run it by hand to see why")?;
    Ok(serde_json::from_str(&text)?)
}

/// The folder of build results.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata(&["--no-deps"])?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// The folder in which tasks keep their own files between runs.
pub(crate) fn scratch() -> Result<PathBuf> {
    let folder = target()?.join("xtask");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Builds the program of `package` as a user does who types `cargo build`, and returns its file.
///
/// That is the development profile: its overflow and debug assertions are worth more to a test than speed.
pub(crate) fn build(package: &str) -> Result<PathBuf> {
    cargo().args(["build", "--package", package]).shown()?;
    let program = target()?.join("debug").join(package);
    if !program.is_file() {
        bail!("{package} has been built, but {} is not there", program.display());
    }
    Ok(program)
}

/// Builds the program of `package` as it is released, for measurements, and returns its file.
pub(crate) fn build_release(package: &str) -> Result<PathBuf> {
    cargo()
        .args(["build", "--release", "--package", package])
        .shown()?;
    let program = target()?.join("release").join(package);
    if !program.is_file() {
        bail!("{package} has been built, but {} is not there", program.display());
    }
    Ok(program)
}

/// Whether this is a run of continuous integration, where nothing may be missing.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}
