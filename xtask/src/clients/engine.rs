//! A docker engine of our own, with its containerd: no network, no firewall rules, nothing of it outside a folder.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{Server, Step};

const START_LIMIT: Duration = Duration::from_secs(60);

/// A running engine, stopped when this value goes.
#[derive(Debug)]
pub(super) struct Engine {
    server: Server,
    folder: PathBuf,
}

impl Engine {
    /// Starts dockerd, which starts the containerd that `ctr` then talks to.
    pub(super) fn start(dockerd: &Path, folder: &Path, log: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!("only root can start a docker engine");
        }
        std::fs::create_dir_all(folder)?;
        let mut engine = Self {
            server: Step::new(dockerd)
                .args([
                    "--iptables=false",
                    "--ip6tables=false",
                    "--bridge=none",
                    "--storage-driver=vfs",
                ])
                .arg("--host")
                .arg(format!("unix://{}", folder.join("docker.sock").display()))
                .arg("--data-root")
                .arg(folder.join("data"))
                .arg("--exec-root")
                .arg(folder.join("exec"))
                .arg("--pidfile")
                .arg(folder.join("pid"))
                .serve(log)?,
            folder: folder.to_path_buf(),
        };
        let sockets = [engine.docker_socket(), engine.containerd_socket()];
        engine.server.wait_until(START_LIMIT, || {
            sockets.iter().all(|socket| UnixStream::connect(socket).is_ok())
        })?;
        Ok(engine)
    }

    pub(super) fn docker_socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    pub(super) fn containerd_socket(&self) -> PathBuf {
        self.folder.join("exec/containerd/containerd.sock")
    }
}
