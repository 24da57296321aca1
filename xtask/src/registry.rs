//! Starting a registry, Hythe or the original, on a free loopback port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::behind::{Behind, Way};
use crate::emulators::Bucket;
use crate::process::{Server, Step};
use crate::tools::{ORIGINAL, ORIGINAL_2, Tool};
use crate::workspace;

const START_LIMIT: Duration = Duration::from_secs(30);

/// Which registry a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// This workspace's.
    Hythe,
    /// distribution 3.1.2.
    Original,
    /// distribution 2.8.2.
    Original2,
}

/// A registry that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

impl Program {
    /// The program of this kind: the one named, or else Hythe freshly built and the original as it is installed.
    pub(crate) fn resolve(kind: Kind, named: Option<PathBuf>) -> Result<Self> {
        let path = match (named, kind) {
            (Some(path), _) => std::path::absolute(path)?,
            (None, Kind::Hythe) => workspace::build("hythe")?,
            (None, Kind::Original) => installed(&ORIGINAL)?,
            (None, Kind::Original2) => installed(&ORIGINAL_2)?,
        };
        if !path.is_file() {
            bail!("{} is not a program", path.display());
        }
        Ok(Self { kind, path })
    }

    /// Starts the registry; its configuration, its log and, on a disk, its data are put into `folder`.
    pub(crate) fn start(&self, settings: &Settings, folder: &Path) -> Result<Registry> {
        self.start_at(settings, folder, free_address()?)
    }

    pub(crate) fn start_at(
        &self,
        settings: &Settings,
        folder: &Path,
        address: SocketAddr,
    ) -> Result<Registry> {
        std::fs::create_dir_all(folder)?;
        let configuration = folder.join("config.yml");
        let mut tree = settings.tree(folder, address);
        let token_server = settings.behind.prepare(folder, &mut tree)?;
        // What is JSON is YAML.
        std::fs::write(&configuration, tree.to_string())?;
        let mut server = Step::new(&self.path)
            .arg("serve")
            .arg(&configuration)
            // The original sends traces to a collector unless it is told that there is none.
            .env("OTEL_TRACES_EXPORTER", "none")
            .serve(&folder.join("registry.log"))?;
        server.wait_until(START_LIMIT, || TcpStream::connect(address).is_ok())?;
        Ok(Registry {
            server,
            _token_server: token_server,
            address,
            way: settings.behind.way(folder, address, &tree),
        })
    }
}

/// What a registry is started with. The text is the original's, which Hythe reads too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) storage: Storage,
    /// Take image manifests whose blobs are not there (a key of Hythe's own).
    pub(crate) sparse_images: bool,
    pub(crate) behind: Behind,
}

/// Where a registry keeps its data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Storage {
    #[default]
    Filesystem,
    Inmemory,
    /// On an emulator.
    Bucket(Bucket),
}

impl Storage {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Inmemory => "inmemory",
            Self::Bucket(bucket) => bucket.cloud.name(),
        }
    }

    /// Whether clients are sent elsewhere for the bytes of blobs.
    pub(crate) fn redirects(&self) -> bool {
        matches!(self, Self::Bucket(bucket) if bucket.redirects)
    }
}

impl Settings {
    fn tree(&self, folder: &Path, address: SocketAddr) -> Value {
        let mut storage = match &self.storage {
            Storage::Filesystem => json!({ "filesystem": { "rootdirectory": folder.join("data") } }),
            Storage::Inmemory => json!({ "inmemory": {} }),
            Storage::Bucket(bucket) => bucket.section(),
        };
        storage["delete"] = json!({ "enabled": true });
        let mut configuration = json!({
            "version": 0.1,
            "log": { "level": "info" },
            "storage": storage,
            "http": { "addr": address.to_string(), "secret": "a secret for tests" },
        });
        if self.sparse_images {
            configuration["validation"] = json!({ "manifests": { "images": { "blobs": "none" } } });
        }
        configuration
    }
}

/// A running registry, stopped when this value goes.
#[derive(Debug)]
pub(crate) struct Registry {
    server: Server,
    /// Runs as long as the registry.
    _token_server: Option<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) way: Way,
}

impl Registry {
    pub(crate) fn url(&self) -> String {
        self.way.url()
    }

    /// Lets the registry run on, and returns its process id.
    pub(crate) fn leave_running(self) -> Option<u32> {
        self.server.leave_running()
    }
}

/// An address nobody listens on at this moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn installed(tool: &Tool) -> Result<PathBuf> {
    let found = tool.find().with_context(|| {
        format!(
            "{} is not installed; `cargo xtask peers install` does it",
            tool.name
        )
    })?;
    Ok(found.path)
}
