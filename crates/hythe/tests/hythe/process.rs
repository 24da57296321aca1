//! Runs of the program, each in a folder of its own.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hythe_testutil::{Client, Configuration, RawConnection};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hythe");

/// How long anything may take. Generous: test machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// Listens on a port of the system's choice; the log tells which.
const ANY_PORT: &str = "127.0.0.1:0";

/// How the program is to be run.
pub(crate) struct Setup {
    folder: TempDir,
    command: Command,
    /// `serve`, unless somebody else says it.
    verb: Option<&'static str>,
    configuration: Option<String>,
    arguments: Vec<String>,
}

impl Setup {
    /// As a newcomer starts it.
    pub(crate) fn bare() -> Self {
        Self::new(&[PROGRAM])
    }

    /// Without a configuration file, but on a free port.
    pub(crate) fn without_configuration() -> Self {
        Self::bare().variable("REGISTRY_HTTP_ADDR", ANY_PORT)
    }

    /// With a configuration file, on a free port.
    pub(crate) fn with(configuration: &Configuration) -> Self {
        Self::with_text(
            &configuration
                .clone()
                .set(&["http", "addr"], json!(ANY_PORT))
                .text(),
        )
    }

    /// With a configuration file of this text.
    pub(crate) fn with_text(text: &str) -> Self {
        Self {
            configuration: Some(text.to_owned()),
            ..Self::bare()
        }
    }

    /// With another program in front that executes the rest of its arguments.
    pub(crate) fn wrapped(configuration: &Configuration, wrapper: &[&str]) -> Self {
        let text = configuration
            .clone()
            .set(&["http", "addr"], json!(ANY_PORT))
            .text();
        let mut words = wrapper.to_vec();
        words.push(PROGRAM);
        Self {
            configuration: Some(text),
            ..Self::new(&words)
        }
    }

    /// By other words, which are followed by the path of the configuration; a link to the program, of this name, is in
    /// the working directory.
    pub(crate) fn linked(configuration: &Configuration, link: &str, words: &[&str]) -> Self {
        let setup = Self::new(words);
        symlink(PROGRAM, setup.folder().join(link)).unwrap();
        let configuration = configuration.clone().set(&["http", "addr"], json!(ANY_PORT));
        Self {
            verb: None,
            configuration: Some(configuration.text()),
            ..setup
        }
    }

    /// With this word and no path at the end.
    pub(crate) fn without_argument(self, verb: &'static str) -> Self {
        Self {
            verb: Some(verb),
            configuration: None,
            ..self
        }
    }

    fn new(words: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(folder.path())
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REGISTRY_") {
                command.env_remove(name);
            }
        }
        Self {
            folder,
            command,
            verb: Some("serve"),
            configuration: None,
            arguments: Vec::new(),
        }
    }

    /// With an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With a word after `hythe serve CONFIG`.
    pub(crate) fn argument(mut self, word: &str) -> Self {
        self.arguments.push(word.to_owned());
        self
    }

    /// As another user.
    pub(crate) fn user(mut self, id: u32) -> Self {
        self.command.uid(id);
        self
    }

    /// The working directory.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `hythe serve` until it says where it listens.
    pub(crate) async fn serve(self) -> Server {
        let mut server = self.spawn();
        let address = server
            .until("it listens", |server| {
                assert!(server.exited().is_none(), "{}", server.log());
                let log = server.log();
                let (_, address) = log.split_once("listening on ")?;
                let end = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')?;
                Some(address[..end].to_owned())
            })
            .await;
        server.address = address;
        server
    }

    /// Runs `hythe serve`, which must end by itself: its exit code and what it wrote to standard error.
    pub(crate) async fn refused(self) -> (Option<i32>, String) {
        let mut server = self.spawn();
        let status = server.until("it ends", Server::exited).await;
        assert_eq!(server.access_log(), "", "standard output");
        (status.code(), server.log())
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(mut self) -> Server {
        self.command.args(self.verb);
        if let Some(text) = &self.configuration {
            fs::write(self.folder.path().join("config.yml"), text).unwrap();
            self.command.arg("config.yml");
        }
        self.command.args(&self.arguments);
        let output = |name| Stdio::from(File::create(self.folder.path().join(name)).unwrap());
        let child = self
            .command
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .unwrap();
        Server {
            child,
            address: String::new(),
            folder: self.folder,
        }
    }
}

/// A running program; killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    // Last: the folder outlives the process.
    folder: TempDir,
}

impl Server {
    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// An HTTP client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address)).unwrap()
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> RawConnection {
        RawConnection::connect(&self.address).await.unwrap()
    }

    /// The working directory.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id.
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.read("stderr")
    }

    /// What it wrote to standard output so far.
    pub(crate) fn access_log(&self) -> String {
        self.read("stdout")
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join(name)).unwrap()).into_owned()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// The status when it has ended.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it to end and waits: its exit code, its log, its access log.
    pub(crate) async fn terminate(mut self) -> (Option<i32>, String, String) {
        self.signal(Signal::TERM);
        let status = self.until("it ends", Server::exited).await;
        (status.code(), self.log(), self.access_log())
    }

    /// Waits until the log has a text.
    pub(crate) async fn until_logged(&mut self, text: &str) {
        self.until(text, |server| server.log().contains(text).then_some(()))
            .await;
    }

    /// Looks again and again until there is something to see.
    pub(crate) async fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.log());
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder for content that outlives the processes, and the configuration that stores there.
pub(crate) fn storage() -> (TempDir, Configuration) {
    let root = TempDir::new().unwrap();
    let configuration = Configuration::filesystem(root.path());
    (root, configuration)
}

/// A registry on a disk with one more key.
pub(crate) async fn serve_with(key: &[&str], value: Value) -> Server {
    let setup = Setup::with(&Configuration::inmemory().set(key, value));
    setup.serve().await
}

/// Two registries with one more key: one has it from the file, the other from a variable.
pub(crate) async fn both_ways(configuration: &Configuration, key: &[&str], value: Value) -> [Server; 2] {
    let variable = format!("REGISTRY_{}", key.join("_").to_ascii_uppercase());
    let from_file = Setup::with(&configuration.clone().set(key, value.clone()));
    let from_environment = Setup::with(configuration).variable(&variable, &value.to_string());
    [from_file.serve().await, from_environment.serve().await]
}

/// Looks for a file by name below a folder.
pub(crate) fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name() == name {
            found.push(path.clone());
        }
        if path.is_dir() {
            found.extend(find(&path, name));
        }
    }
    found
}
