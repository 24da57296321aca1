//! A registry as a child process on a free port of this machine.
//!
//! Hythe and distribution (2.8 and 3.1) have the same command line, `PROGRAM serve CONFIG` and
//! `PROGRAM garbage-collect CONFIG`, and read the same configuration, so one helper runs them all. The configuration is
//! written as JSON, which is YAML.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::Error;
use crate::http::Client;

/// How long a registry may take until it answers, or to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often readiness and exit are looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// How often another port is tried when somebody took the free one first.
const ATTEMPTS: u32 = 5;

/// A registry's configuration (distribution's format, version 0.1).
#[derive(Clone, Debug)]
pub struct Configuration {
    tree: Value,
}

impl Configuration {
    /// Stores in a folder; deletion is enabled, everything else is as by default.
    pub fn filesystem(root: &Path) -> Self {
        Self::with_storage(&json!({
            "filesystem": { "rootdirectory": root },
            "delete": { "enabled": true },
            "maintenance": { "uploadpurging": { "enabled": false } },
        }))
    }

    /// Stores in memory; deletion is enabled, everything else is as by default.
    pub fn inmemory() -> Self {
        Self::with_storage(&json!({
            "inmemory": {},
            "delete": { "enabled": true },
            "maintenance": { "uploadpurging": { "enabled": false } },
        }))
    }

    /// Stores as the section `storage` says.
    pub fn with_storage(storage: &Value) -> Self {
        Self {
            tree: json!({ "version": 0.1, "log": { "level": "info" }, "storage": storage, "http": {} }),
        }
    }

    /// Sets one key, for instance `["http", "secret"]`; sections on the way are made.
    #[must_use]
    pub fn set(mut self, key: &[&str], value: Value) -> Self {
        let mut place = &mut self.tree;
        for name in key {
            place = &mut place[*name];
        }
        *place = value;
        self
    }

    /// The text of the configuration file.
    pub fn text(&self) -> String {
        self.tree.to_string()
    }
}

/// A running registry. Dropping it kills the process and waits for its end.
#[derive(Debug)]
pub struct ServerProcess {
    program: PathBuf,
    child: Child,
    authority: String,
    client: Client,
    // Last, so that the folder outlives the process that writes its log there.
    folder: TempDir,
}

impl ServerProcess {
    /// Starts `program serve CONFIG` on a free port of 127.0.0.1 and waits until `GET /v2/` is answered.
    pub async fn start(program: &Path, configuration: &Configuration) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            match Self::start_once(program, configuration).await {
                Err(Error::Program { log, .. })
                    if attempt < ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn start_once(program: &Path, configuration: &Configuration) -> Result<Self, Error> {
        let folder = TempDir::new().map_err(file_error(Path::new("temporary folder")))?;
        let port = free_port()?;
        let authority = format!("127.0.0.1:{port}");
        let configuration = configuration.clone().set(&["http", "addr"], json!(authority));
        let path = write_configuration(folder.path(), &configuration)?;
        let log_path = folder.path().join("log");
        let log = File::create(&log_path).map_err(file_error(&log_path))?;
        let log_too = log.try_clone().map_err(file_error(&log_path))?;
        let child = command(program)
            .arg("serve")
            .arg(&path)
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(log_too))
            .spawn()
            .map_err(file_error(program))?;
        let client = Client::new(&format!("http://{authority}"))?;
        let mut server = Self {
            program: program.to_owned(),
            child,
            authority,
            client,
            folder,
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Whether it still runs is asked after the answer: another process may have taken the port.
            let answered = self.client.get("/v2/").await.is_ok();
            if let Some(status) = self.exited()? {
                return Err(self.failure(format!("ended at once with {status}")));
            }
            if answered {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failure("does not answer".to_owned()));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Where it answers: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A client of this registry.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// What the process wrote so far to its standard output and standard error.
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Ends the process at once (SIGKILL), as a power cut would, except that what it wrote stays with the system.
    pub fn kill(mut self) -> Result<(), Error> {
        self.end()
    }

    /// Asks the process to end (SIGTERM) and waits until it has. After a minute it is killed and that is an error.
    pub async fn terminate(mut self) -> Result<ExitStatus, Error> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // A process that is already gone shows in the wait below.
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                let failure = self.failure("does not end after SIGTERM".to_owned());
                self.end()?;
                return Err(failure);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child.try_wait().map_err(file_error(&self.program))
    }

    fn end(&mut self) -> Result<(), Error> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map_err(file_error(&self.program))?;
        Ok(())
    }

    fn failure(&self, reason: String) -> Error {
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let log = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        Error::Program {
            program: self.program.clone(),
            reason,
            log,
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // After `kill` and `terminate` the process is gone and this does nothing.
        let _ = self.end();
    }
}

/// Runs `program garbage-collect ARGUMENTS CONFIG` to its end and gives what it printed; a bad exit is an error.
pub fn collect_garbage(
    program: &Path,
    arguments: &[&str],
    configuration: &Configuration,
) -> Result<String, Error> {
    let folder = TempDir::new().map_err(file_error(Path::new("temporary folder")))?;
    let path = write_configuration(folder.path(), configuration)?;
    let output = command(program)
        .arg("garbage-collect")
        .args(arguments)
        .arg(&path)
        .output()
        .map_err(file_error(program))?;
    let mut log = String::from_utf8_lossy(&output.stdout).into_owned();
    log.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(log);
    }
    let reason = format!("garbage-collect ended with {}", output.status);
    Err(Error::Program {
        program: program.to_owned(),
        reason,
        log,
    })
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    // The original exports traces unless told otherwise, and waits for the exporter when it ends.
    command.env("OTEL_TRACES_EXPORTER", "none");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REGISTRY_") {
            command.env_remove(name);
        }
    }
    command
}

fn write_configuration(folder: &Path, configuration: &Configuration) -> Result<PathBuf, Error> {
    let path = folder.join("config.yml");
    fs::write(&path, configuration.text()).map_err(file_error(&path))?;
    Ok(path)
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

fn file_error(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_and_sections_made() {
        let configuration = Configuration::inmemory().set(&["validation", "manifests", "urls"], json!(["x"]));
        let tree: Value = serde_json::from_str(&configuration.text()).unwrap();
        assert_eq!(tree["validation"]["manifests"]["urls"], json!(["x"]));
        assert_eq!(tree["storage"]["delete"]["enabled"], json!(true));
    }

    #[tokio::test]
    async fn a_program_that_ends_is_reported() {
        let failure = ServerProcess::start(Path::new("/bin/false"), &Configuration::inmemory())
            .await
            .unwrap_err();
        assert!(matches!(failure, Error::Program { .. }), "{failure}");
    }
}
