//! What a run of the matrix has around it: the registry, the tools, an engine, and a home for the clients.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use tempfile::TempDir;

use super::engine::Engine;
use super::referee::Referee;
use crate::behind::Way;
use crate::process::Step;
use crate::registry::{Kind, Program, Registry, Settings};
use crate::tools::{BUILDAH, CLIENTS, CTR, DOCKERD, Found, HELM, PODMAN, SKOPEO, Tool};
use crate::workspace;

/// A folder in the form in which podman and its kin want certificates.
const CERTIFICATES: &str = "certificates";

/// One run of the matrix.
#[derive(Debug)]
pub(super) struct Lab {
    kind: Kind,
    /// Tools that have logged in before.
    known: RefCell<BTreeSet<&'static str>>,
    registry: Registry,
    engine: Result<Engine, String>,
    tools: BTreeMap<&'static str, Found>,
    logs: PathBuf,
    /// Removed last, after everything that writes into it has stopped.
    work: TempDir,
}

impl Lab {
    /// Starts the registry, and an engine where one can be started.
    pub(super) fn open(program: &Program, settings: &Settings) -> Result<Self> {
        let work = work_folder()?;
        let logs = workspace::scratch()?.join("clients");
        let _ = std::fs::remove_dir_all(&logs);
        std::fs::create_dir_all(&logs)?;
        let found = CLIENTS.iter().filter_map(|tool| Some((tool.name, tool.find()?)));
        let tools: BTreeMap<_, _> = found.collect();
        let registry = program.start(settings, &work.path().join("registry"))?;
        if let Some(authority) = registry.way.authority() {
            let folder = work.path().join(CERTIFICATES);
            std::fs::create_dir(&folder)?;
            std::fs::copy(authority, folder.join("ca.crt"))?;
        }
        let engine = match tools.get(DOCKERD.name) {
            Some(dockerd) => Engine::start(
                &dockerd.path,
                &work.path().join("engine"),
                &logs.join("dockerd.log"),
            ),
            None => Err(anyhow!("dockerd is missing")),
        };
        let engine = engine.map_err(|error| format!("{error:#}"));
        std::fs::create_dir(work.path().join("run"))?;
        Ok(Self {
            kind: program.kind,
            known: RefCell::default(),
            registry,
            engine,
            tools,
            logs,
            work,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn tool(&self, tool: &Tool) -> Result<&Path> {
        let found = self
            .tools
            .get(tool.name)
            .with_context(|| format!("{} is missing", tool.name))?;
        Ok(&found.path)
    }

    pub(super) fn engine(&self) -> Result<&Engine> {
        self.engine.as_ref().map_err(|reason| anyhow!("{reason}"))
    }

    pub(super) fn log(&self, cell: &str) -> PathBuf {
        self.logs.join(format!("{cell}.log"))
    }

    /// A folder, a repository and a log for one cell.
    pub(super) fn attempt(&self, cell: &str) -> Result<Attempt<'_>> {
        let folder = self.work.path().join("cells").join(cell);
        std::fs::create_dir_all(&folder)?;
        Ok(Attempt {
            lab: self,
            repository: format!("clients/{cell}"),
            folder,
            log: self.log(cell),
        })
    }
}

/// A folder with a short name in lower case: podman takes no long ones, and no others where it makes a name of one.
fn work_folder() -> Result<TempDir> {
    let name = format!("hythe-{}", std::process::id());
    Ok(tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir()?)
}

/// Whether the tool is told by its command line which authority it has to trust.
fn has_switch_for_authority(tool: &Tool) -> bool {
    [PODMAN, BUILDAH, SKOPEO, HELM, CTR]
        .iter()
        .any(|known| known.name == tool.name)
}

/// One run of one cell.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    lab: &'a Lab,
    pub(super) repository: String,
    folder: PathBuf,
    log: PathBuf,
}

impl Attempt<'_> {
    pub(super) fn address(&self) -> SocketAddr {
        self.lab.registry.address
    }

    /// `HOST:PORT/REPOSITORY`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.address(), self.repository)
    }

    /// `HOST:PORT/REPOSITORY:TAG`.
    pub(super) fn tagged(&self, tag: &str) -> String {
        format!("{}:{tag}", self.name())
    }

    pub(super) fn referee(&self) -> Result<Referee> {
        Referee::new(self.way(), &self.repository)
    }

    pub(super) fn way(&self) -> &Way {
        &self.lab.registry.way
    }

    /// The certificate to be trusted, in PEM, if the registry has TLS.
    pub(super) fn authority(&self) -> Option<PathBuf> {
        self.way().authority()
    }

    /// The switches of podman, buildah and skopeo; `side` is `src-`, `dest-` or nothing.
    pub(super) fn containers_security(&self, side: &str) -> String {
        match self.authority() {
            Some(_) => {
                let folder = self.lab.work.path().join(CERTIFICATES);
                format!("--{side}cert-dir={}", folder.display())
            }
            None => format!("--{side}tls-verify=false"),
        }
    }

    /// Whether the tool has not logged in before in this lab.
    pub(super) fn is_first_login(&self, tool: &Tool) -> bool {
        self.lab.known.borrow_mut().insert(tool.name)
    }

    /// Whether the registry has the referrers API; the original makes clients keep lists under tags instead.
    pub(super) fn has_referrers(&self) -> bool {
        self.lab.kind == Kind::Hythe
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// For locks and sockets, with a short path.
    pub(super) fn runtime_folder(&self) -> PathBuf {
        self.lab.work.path().join("run")
    }

    pub(super) fn engine(&self) -> Result<&Engine> {
        self.lab.engine()
    }

    /// A run of the tool in the cell's folder, with nothing of the user's own configuration.
    pub(super) fn step(&self, tool: &Tool) -> Result<Step> {
        // One for each tool, so that each has to log in.
        let home = self.lab.work.path().join("home").join(tool.program);
        std::fs::create_dir_all(&home)?;
        // Podman and Buildah refuse a file that is named and not there.
        let logins = home.join("auth.json");
        if !logins.exists() {
            std::fs::write(&logins, "{}")?;
        }
        let mut step = Step::new(self.lab.tool(tool)?)
            .directory(&self.folder)
            // Nothing leaves this machine: what is not plain HTTP on loopback runs into a closed door.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "127.0.0.1")
            .env("REGISTRY_AUTH_FILE", logins)
            .env("XDG_RUNTIME_DIR", self.runtime_folder())
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("HOME", home);
        if let Some(authority) = self.authority().filter(|_| !has_switch_for_authority(tool)) {
            step = step
                .env("SSL_CERT_FILE", &authority)
                .env("REQUESTS_CA_BUNDLE", authority);
        }
        Ok(step)
    }

    /// Runs a tool with these arguments.
    pub(super) fn run<A: AsRef<std::ffi::OsStr>>(
        &self,
        tool: &Tool,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<()> {
        self.step(tool)?.args(arguments).logged(&self.log)
    }

    /// Runs a prepared step.
    pub(super) fn run_step(&self, step: Step) -> Result<()> {
        step.logged(&self.log)
    }

    /// Runs a prepared step that has to fail, and returns what it said.
    pub(super) fn failure(&self, step: Step) -> Result<String> {
        step.failing(&self.log)
    }

    /// Runs a prepared step and returns its standard output.
    pub(super) fn output(&self, step: Step) -> Result<Vec<u8>> {
        step.output(&self.log)
    }
}
