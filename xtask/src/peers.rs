//! The original, kept running for work by hand: `cargo xtask peers up` and `down`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal};

use crate::registry::{Kind, Program, Settings};
use crate::workspace;

/// Version 3 and version 2 listen here, next to Hythe's own 5000.
const PEERS: [(Kind, &str, u16); 2] = [
    (Kind::Original, "original-3.1.2", 5001),
    (Kind::Original2, "original-2.8.2", 5002),
];

/// Starts both versions, unless they run already, and leaves them running.
pub(crate) fn up() -> Result<()> {
    for (kind, name, port) in PEERS {
        let folder = folder(name)?;
        if let Some(process) = running(&folder)? {
            println!("{name}: already runs as process {process} on 127.0.0.1:{port}");
            continue;
        }
        let program = Program::resolve(kind, None)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let registry = program.start_at(&Settings::default(), &folder, address)?;
        let process = registry.leave_running().context("the registry has a process")?;
        std::fs::write(folder.join("pid"), process.to_string())?;
        println!(
            "{name}: process {process} on 127.0.0.1:{port}, data in {}",
            folder.display()
        );
    }
    Ok(())
}

/// Stops what [`up`] started; their data stay.
pub(crate) fn down() -> Result<()> {
    for (_, name, _) in PEERS {
        let folder = folder(name)?;
        match running(&folder)? {
            Some(process) => {
                let pid = i32::try_from(process)
                    .ok()
                    .and_then(Pid::from_raw)
                    .context("not a process id")?;
                rustix::process::kill_process(pid, Signal::TERM)?;
                println!("{name}: process {process} stopped");
            }
            None => println!("{name}: does not run"),
        }
        let _ = std::fs::remove_file(folder.join("pid"));
    }
    Ok(())
}

fn folder(name: &str) -> Result<PathBuf> {
    Ok(workspace::scratch()?.join("peers").join(name))
}

/// The process noted in the folder, if it is still the registry that was started there: ids are used again.
fn running(folder: &Path) -> Result<Option<u32>> {
    let Ok(text) = std::fs::read_to_string(folder.join("pid")) else {
        return Ok(None);
    };
    let process: u32 = text
        .trim()
        .parse()
        .context("the file `pid` holds no process id")?;
    let command_line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let configuration = folder.join("config.yml");
    let is_ours = command_line
        .split(|byte| *byte == 0)
        .any(|argument| argument == configuration.as_os_str().as_encoded_bytes());
    Ok(is_ours.then_some(process))
}
