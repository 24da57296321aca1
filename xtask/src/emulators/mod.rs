//! The servers that speak as the clouds' storage does, on this machine: `cargo xtask emulators`, and for other tasks.
//!
//! Each listens on a free loopback port, keeps its data in a folder of its own or in memory, and has one bucket (or
//! container) in it. Where it is and what opens it is told in `HYTHE_TEST_*` variables, which the drivers' tests read.

mod bucket;
mod emulator;
mod shared_key;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

pub(crate) use bucket::{Bucket, Cloud};
pub(crate) use emulator::Emulator;

use crate::process::{Server, Step};
use crate::workspace;

/// An emulator that is stopped, and its data removed, when this value goes.
#[derive(Debug)]
pub(crate) struct Running {
    emulator: Emulator,
    endpoint: String,
    // Stopped before its folder goes.
    _server: Server,
    _folder: TempDir,
}

impl Running {
    /// Starts an emulator for one task.
    pub(crate) fn start(emulator: Emulator) -> Result<Self> {
        // Not in the system's temporary folder, which may be in memory: buckets get large.
        let folder = tempfile::Builder::new()
            .prefix("emulator-")
            .tempdir_in(workspace::scratch()?)?;
        let (server, port) = emulator.start(folder.path())?;
        Ok(Self {
            emulator,
            endpoint: emulator.endpoint(port),
            _server: server,
            _folder: folder,
        })
    }

    /// Whether it is this emulator.
    pub(crate) fn is(&self, emulator: Emulator) -> bool {
        self.emulator == emulator
    }

    /// The variables that tell a test where it is.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.emulator.variables(&self.endpoint)
    }
}

/// Starts all emulators, unless they run already, leaves them running, and prints their variables for a shell:
/// `eval "$(cargo xtask emulators up)"`.
pub(crate) fn up() -> Result<()> {
    for emulator in Emulator::ALL {
        let folder = folder(emulator)?;
        let port = match running(&folder) {
            Some((process, port)) => {
                eprintln!("{}: already runs as process {process}", emulator.name());
                port
            }
            None => start(emulator, &folder)?,
        };
        for (name, value) in emulator.variables(&emulator.endpoint(port)) {
            println!("export {name}='{value}'");
        }
    }
    Ok(())
}

/// Stops what [`up`] started, and removes its data.
pub(crate) fn down() -> Result<()> {
    for emulator in Emulator::ALL {
        let folder = folder(emulator)?;
        match running(&folder) {
            Some((process, _)) => {
                rustix::process::kill_process(process_id(process)?, Signal::TERM)?;
                println!("{}: process {process} stopped", emulator.name());
            }
            None => println!("{}: does not run", emulator.name()),
        }
        // The log stays, for whoever wonders what happened.
        for name in ["process", "data"] {
            let path = folder.join(name);
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
    }
    Ok(())
}

/// `cargo xtask test --drivers`: the tests of the drivers' crates, with all emulators running.
pub(crate) fn test_drivers() -> Result<()> {
    let packages = driver_packages()?;
    if packages.is_empty() {
        bail!("the workspace has none of the drivers' crates");
    }
    let emulators = Emulator::ALL
        .into_iter()
        .map(Running::start)
        .collect::<Result<Vec<_>>>()?;
    let mut cargo = workspace::cargo().args(["test", "--no-fail-fast"]);
    for package in &packages {
        cargo = cargo.args(["--package", package]);
    }
    for (name, value) in emulators.iter().flat_map(Running::variables) {
        cargo = cargo.env(name, value);
    }
    cargo.shown()
}

/// The drivers that need an emulator, as far as they are in this workspace.
fn driver_packages() -> Result<Vec<String>> {
    let metadata = workspace::metadata(&["--no-deps"])?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    Ok(packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .filter(|name| ["hythe-driver-s3", "hythe-driver-azure", "hythe-driver-gcs"].contains(name))
        .map(str::to_owned)
        .collect())
}

fn start(emulator: Emulator, folder: &Path) -> Result<u16> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    let (server, port) = emulator.start(folder)?;
    let process = server.leave_running().context("the emulator has a process")?;
    std::fs::write(folder.join("process"), format!("{process} {port}"))?;
    eprintln!("{}: process {process} on port {port}", emulator.name());
    Ok(port)
}

fn folder(emulator: Emulator) -> Result<PathBuf> {
    Ok(workspace::scratch()?.join("emulators").join(emulator.name()))
}

/// The process and the port noted in the folder, if that is still the emulator: ids are used again.
fn running(folder: &Path) -> Option<(u32, u16)> {
    let text = std::fs::read_to_string(folder.join("process")).ok()?;
    let (process, port) = text.trim().split_once(' ')?;
    let command_line = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let is_ours = String::from_utf8_lossy(&command_line).contains(port);
    Some((process.parse().ok()?, port.parse().ok()?)).filter(|_| is_ours)
}

fn process_id(process: u32) -> Result<Pid> {
    i32::try_from(process)
        .ok()
        .and_then(Pid::from_raw)
        .context("not a process id")
}

/// The program of an installed tool, as a step.
fn program(tool: &crate::tools::Tool) -> Result<Step> {
    let found = tool.find().with_context(|| {
        format!(
            "{} is not installed; `cargo xtask emulators install` does it",
            tool.name
        )
    })?;
    Ok(Step::new(found.path))
}
