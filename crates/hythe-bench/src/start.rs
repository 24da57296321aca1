//! How long a registry takes from its start to its first answer, and what it holds while nobody asks for anything.

#![allow(
    clippy::disallowed_methods,
    reason = "there is no async worker here that could be blocked"
)]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::BoxError;
use crate::client::{Connection, Waiting};
use crate::content::hex_digest;
use crate::process::Process;
use crate::report::median;
use crate::server::{configuration, temporary};

/// How often readiness is looked at; the first answer is known that exactly.
const INTERVAL: Duration = Duration::from_micros(200);

/// How long a registry may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it is left alone before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// One registry on one store.
struct Row {
    blobs: usize,
    registry: String,
    milliseconds: Vec<f64>,
    idle_mebibytes: Vec<f64>,
}

/// Starts every registry some times on stores of some numbers of blobs and renders the table.
pub(crate) fn start(
    registries: &[(String, PathBuf)],
    folder: Option<&Path>,
    blobs: &[usize],
    rounds: usize,
) -> Result<String, BoxError> {
    let mut out = String::from(
        "| blobs stored | registry | ready after ms, median | slowest | idle MiB |\n|---|---|---|---|---|\n",
    );
    for &blobs in blobs {
        let root = temporary(folder)?;
        fill(root.path(), blobs)?;
        let row = |(name, _): &(String, PathBuf)| Row {
            blobs,
            registry: name.clone(),
            milliseconds: Vec::new(),
            idle_mebibytes: Vec::new(),
        };
        let mut rows: Vec<Row> = registries.iter().map(row).collect();
        for _ in 0..rounds {
            for ((_, program), row) in registries.iter().zip(&mut rows) {
                let (ready_after, idle_bytes) = start_once(program, root.path())?;
                row.milliseconds.push(ready_after.as_secs_f64() * 1e3);
                row.idle_mebibytes.push(idle_bytes as f64 / 1024.0 / 1024.0);
            }
        }
        for row in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {} | {} | {:.0} | {:.0} | {:.0} |",
                row.blobs,
                row.registry,
                median(row.milliseconds.iter().copied()),
                row.milliseconds.iter().copied().fold(0.0, f64::max),
                median(row.idle_mebibytes.iter().copied()),
            );
        }
    }
    Ok(out)
}

/// Stores that many blobs, and links them in one repository, as a registry lays them out.
fn fill(root: &Path, blobs: usize) -> io::Result<()> {
    let base = root.join("docker/registry/v2");
    for number in 0..blobs {
        let content = number.to_string();
        let hex = hex_digest(content.as_bytes());
        let blob = base.join("blobs/sha256").join(&hex[..2]).join(&hex);
        let link = base.join("repositories/bench/load/_layers/sha256").join(&hex);
        for directory in [&blob, &link] {
            fs::create_dir_all(directory)?;
        }
        fs::write(blob.join("data"), content)?;
        fs::write(link.join("link"), format!("sha256:{hex}"))?;
    }
    // As it would be after a push.
    rustix::fs::sync();
    Ok(())
}

/// Kills the process when it is dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // One that is gone already need not be killed.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The time until `GET /v2/` is answered, and the memory that is resident some seconds later.
fn start_once(program: &Path, root: &Path) -> Result<(Duration, u64), BoxError> {
    let folder = tempfile::TempDir::new()?;
    let authority = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let configuration = configuration(root).set(&["http", "addr"], authority.clone().into());
    let path = folder.path().join("config.yml");
    fs::write(&path, configuration.text())?;
    let begun = Instant::now();
    let child = Command::new(program)
        .arg("serve")
        .arg(&path)
        // The original exports traces unless told otherwise.
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Started(child);
    while !answers(&authority) {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{} does not answer", program.display()).into());
        }
        std::thread::sleep(INTERVAL);
    }
    let ready_after = begun.elapsed();
    std::thread::sleep(REST);
    let idle_bytes = Process::new(started.0.id()).resident_bytes()?;
    Ok((ready_after, idle_bytes))
}

fn answers(authority: &str) -> bool {
    Connection::open(authority, Waiting::Asleep)
        .and_then(|mut connection| connection.send("GET", "/v2/", "", &[], 200))
        .is_ok()
}
