//! Running other programs: with a time limit, with their output kept, and never left behind.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};

/// How long a program may take unless its step says otherwise.
const USUAL_LIMIT: Duration = Duration::from_secs(120);
/// How long a server may take to end before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// One run of a program, with a time limit.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    limit: Duration,
}

impl Step {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self {
            command,
            limit: USUAL_LIMIT,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What the program reads from its standard input.
    pub(crate) fn input(mut self, text: &str) -> Result<Self> {
        let mut file = tempfile::tempfile()?;
        file.write_all(text.as_bytes())?;
        file.seek(SeekFrom::Start(0))?;
        self.command.stdin(file);
        Ok(self)
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs with the terminal's output; fails unless the program ends well in time.
    pub(crate) fn shown(mut self) -> Result<()> {
        let status = self.finish()?;
        self.expect_success(status)
    }

    /// Runs with all output added to the file `log`; fails unless the program ends well in time.
    pub(crate) fn logged(mut self, log: &Path) -> Result<()> {
        let mut file = append(log)?;
        writeln!(file, "$ {}", self.words())?;
        self.command.stdout(file.try_clone()?).stderr(file);
        let status = self.finish()?;
        self.expect_success(status)
            .with_context(|| format!("see {}", log.display()))
    }

    /// Runs and returns what the program wrote to its standard output, byte for byte; the rest goes to `log`.
    pub(crate) fn output(mut self, log: &Path) -> Result<Vec<u8>> {
        let mut file = append(log)?;
        writeln!(file, "$ {}", self.words())?;
        let mut standard_output = tempfile::tempfile()?;
        self.command
            .stdout(standard_output.try_clone()?)
            .stderr(file.try_clone()?);
        let status = self.finish()?;
        let mut bytes = Vec::new();
        standard_output.seek(SeekFrom::Start(0))?;
        standard_output.read_to_end(&mut bytes)?;
        writeln!(file, "[{} bytes on standard output]", bytes.len())?;
        self.expect_success(status)
            .with_context(|| format!("see {}", log.display()))?;
        Ok(bytes)
    }

    /// Runs with all output added to the file `log`, and returns it; fails unless the program fails, in time.
    pub(crate) fn failing(mut self, log: &Path) -> Result<String> {
        let mut file = append(log)?;
        writeln!(file, "$ {}", self.words())?;
        let mut output = tempfile::tempfile()?;
        self.command
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?);
        let status = self.finish()?;
        let mut text = String::new();
        output.seek(SeekFrom::Start(0))?;
        output.read_to_string(&mut text)?;
        file.write_all(text.as_bytes())?;
        if status.success() {
            bail!("{} should have failed; see {}", self.words(), log.display());
        }
        Ok(text)
    }

    /// Runs silently and returns the standard output as text, or nothing when the program fails or is missing.
    pub(crate) fn quiet(mut self) -> Option<String> {
        let mut standard_output = tempfile::tempfile().ok()?;
        self.command
            .stdout(standard_output.try_clone().ok()?)
            .stderr(Stdio::null());
        let status = self.finish().ok()?;
        let mut text = String::new();
        standard_output.seek(SeekFrom::Start(0)).ok()?;
        standard_output.read_to_string(&mut text).ok()?;
        status.success().then_some(text)
    }

    /// Starts the program as a server whose output goes to `log`.
    pub(crate) fn serve(mut self, log: &Path) -> Result<Server> {
        let mut file = append(log)?;
        writeln!(file, "$ {}", self.words())?;
        self.command.stdout(file.try_clone()?).stderr(file);
        let child = self
            .command
            .spawn()
            .with_context(|| format!("cannot start {}", self.words()))?;
        Ok(Server {
            child: Some(child),
            log: log.to_path_buf(),
        })
    }

    fn finish(&mut self) -> Result<ExitStatus> {
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("cannot start {}", self.words()))?;
        if let Some(status) = wait(&mut child, self.limit)? {
            return Ok(status);
        }
        stop(&mut child)?;
        bail!("{} took longer than {} s", self.words(), self.limit.as_secs())
    }

    fn expect_success(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("{} ended with {status}", self.words());
        }
        Ok(())
    }

    fn words(&self) -> String {
        let mut words = self.command.get_program().to_string_lossy().into_owned();
        for argument in self.command.get_args() {
            let _ = write!(words, " {}", argument.to_string_lossy());
        }
        words
    }
}

/// A running program that is stopped, by its process id, when this value goes.
#[derive(Debug)]
pub(crate) struct Server {
    /// Absent only when the program was let go.
    child: Option<Child>,
    log: PathBuf,
}

impl Server {
    /// Waits until `ready` holds; fails when the server ends before, or when `limit` has passed.
    pub(crate) fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the server ended with {status}; see {}", self.log.display());
            }
            if start.elapsed() > limit {
                bail!(
                    "the server is not ready after {} s; see {}",
                    limit.as_secs(),
                    self.log.display()
                );
            }
            pause();
        }
        Ok(())
    }

    /// Lets the server run on when this program ends, and returns its process id.
    pub(crate) fn leave_running(mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.child.as_mut().map(stop) {
            eprintln!("warning: {error:#}");
        }
    }
}

/// The file of a program called `name`, looked for in `first` and then where programs usually are.
pub(crate) fn find_program(name: &str, first: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers such as dockerd are in sbin, which is not on every user's path.
    let usual = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    first
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Waits a moment between two looks at something that another process changes.
#[allow(
    clippy::disallowed_methods,
    reason = "a task has one thread and nothing else to do"
)]
pub(crate) fn pause() {
    std::thread::sleep(POLL_INTERVAL);
}

fn append(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write the log {}", log.display()))
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            return Ok(None);
        }
        pause();
    }
}

/// Asks the process to end, and kills it when it does not.
fn stop(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    let pid = Pid::from_child(child);
    rustix::process::kill_process(pid, Signal::TERM)?;
    if wait(child, STOP_LIMIT)?.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}
