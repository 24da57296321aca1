//! One registry while it is measured.

use std::path::Path;

use hythe_testutil::{Configuration, ServerProcess};

use crate::BoxError;
use crate::client::{Connection, Waiting};
use crate::content::{Layer, Layers};
use crate::login::Login;
use crate::process::Process;
use crate::scenario::{self, Clients, Load, Measured, Place};

/// The repository everything is pushed to.
const REPOSITORY: &str = "bench/load";

/// What the server used during one run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Processor time in seconds.
    pub(crate) cpu_seconds: f64,
    /// Peak resident memory in bytes.
    pub(crate) peak_bytes: u64,
}

/// A running registry with a folder of its own.
pub(crate) struct Server {
    process: ServerProcess,
    /// The header line that lets clients in, or nothing.
    authorization: String,
    // Dropped after the process, with everything stored.
    _root: tempfile::TempDir,
}

impl Server {
    /// Starts a registry on an empty folder, which is made in `folder`.
    pub(crate) fn start(program: &Path, folder: Option<&Path>) -> Result<Self, BoxError> {
        Self::start_for(program, folder, None)
    }

    /// Starts a registry on an empty folder, which is made in `folder`, for one user or for everybody.
    pub(crate) fn start_for(
        program: &Path,
        folder: Option<&Path>,
        user: Option<&Login>,
    ) -> Result<Self, BoxError> {
        let root = temporary(folder)?;
        let mut configuration = configuration(root.path());
        if let Some(user) = user {
            let file = root.path().join("htpasswd");
            std::fs::write(&file, user.htpasswd()?)?;
            let section = serde_json::json!({ "realm": "bench", "path": file });
            configuration = configuration.set(&["auth", "htpasswd"], section);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let process = runtime.block_on(ServerProcess::start(program, &configuration))?;
        Ok(Self {
            process,
            authorization: user.map(Login::header_line).unwrap_or_default(),
            _root: root,
        })
    }

    /// Pushes one layer and a manifest that names it.
    pub(crate) fn push_image(&self, layers: &Layers, layer: &Layer) -> Result<(), BoxError> {
        let mut connection = Connection::open(self.process.authority(), Waiting::Asleep)?;
        connection.authorize(&self.authorization);
        scenario::push(&mut connection, REPOSITORY, layers, layer)?;
        scenario::push_manifest(&mut connection, REPOSITORY, layers, layer)?;
        Ok(())
    }

    /// Puts a load on the registry.
    pub(crate) fn measure(
        &self,
        load: Load,
        clients: Clients,
        operations: usize,
        layers: &Layers,
        chosen: &[Layer],
    ) -> Result<(Measured, Figures), BoxError> {
        let process = Process::new(self.process.process_id());
        process.reset_peak()?;
        let before = process.cpu_seconds()?;
        let place = Place {
            authority: self.process.authority(),
            authorization: &self.authorization,
            repository: REPOSITORY,
        };
        let measured = scenario::run(load, place, clients, operations, layers, chosen)?;
        let figures = Figures {
            cpu_seconds: process.cpu_seconds()? - before,
            peak_bytes: process.peak_bytes()?,
        };
        Ok((measured, figures))
    }
}

/// A new folder on the disk that is measured.
pub(crate) fn temporary(folder: Option<&Path>) -> std::io::Result<tempfile::TempDir> {
    match folder {
        Some(folder) => tempfile::TempDir::new_in(folder),
        None => tempfile::TempDir::new(),
    }
}

/// What every registry is configured with.
pub(crate) fn configuration(root: &Path) -> Configuration {
    Configuration::filesystem(root)
        .set(&["log", "level"], "error".into())
        .set(&["log", "accesslog"], serde_json::json!({ "disabled": true }))
}
