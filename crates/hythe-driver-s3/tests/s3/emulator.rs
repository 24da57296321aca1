//! The servers: those that the environment names, else programs found on this machine, one of each for all tests.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use hythe_driver::Parameters;
use hythe_driver_s3::{S3Driver, S3Parameters};
use serde_json::json;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server that speaks S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emulator {
    Minio,
    Versitygw,
}

/// Where a bucket is, and what opens it.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    name: String,
    access_key: String,
    secret_key: String,
}

impl Bucket {
    /// Parameters for a driver with a root directory of its own.
    pub(crate) fn parameters(&self, root: &str) -> Parameters {
        let value = json!({
            "regionendpoint": self.endpoint,
            "region": "us-east-1",
            "bucket": self.name,
            "accesskey": self.access_key,
            "secretkey": self.secret_key,
            "forcepathstyle": true,
            "rootdirectory": root,
            // The smallest, so that a few mebibytes are several parts and copied as such.
            "chunksize": 5 << 20,
            "multipartcopychunksize": 5 << 20,
            "multipartcopythresholdsize": 5 << 20,
        });
        value.as_object().unwrap().clone()
    }

    /// A driver on it.
    pub(crate) async fn driver(&self, root: &str) -> S3Driver {
        open(&self.parameters(root)).await
    }
}

pub(crate) async fn open(parameters: &Parameters) -> S3Driver {
    let parameters = S3Parameters::read(parameters).unwrap();
    S3Driver::new(parameters).await.unwrap()
}

/// A root directory that no other test uses.
pub(crate) fn fresh_root() -> String {
    format!("/test-{}", Uuid::new_v4())
}

impl Emulator {
    /// The bucket of this server; `None`, with a line that says so, where there is no such server. In CI that fails.
    pub(crate) fn bucket(self) -> Option<Bucket> {
        static MINIO: OnceLock<Option<Bucket>> = OnceLock::new();
        static VERSITYGW: OnceLock<Option<Bucket>> = OnceLock::new();
        let known = match self {
            Self::Minio => &MINIO,
            Self::Versitygw => &VERSITYGW,
        };
        let bucket = known
            .get_or_init(|| self.named().or_else(|| self.start()))
            .clone();
        if bucket.is_none() {
            let name = self.program();
            assert!(std::env::var_os("CI").is_none(), "{name} is missing");
            eprintln!("left out: {name} is not installed (cargo xtask emulators install)");
        }
        bucket
    }

    /// A server that the environment names, as `cargo xtask emulators up` prints it.
    fn named(self) -> Option<Bucket> {
        let read = |name: &str| std::env::var(format!("HYTHE_TEST_S3_{name}")).ok();
        let endpoint = match self {
            Self::Minio => read("ENDPOINT"),
            Self::Versitygw => read("SECOND_ENDPOINT"),
        };
        Some(Bucket {
            endpoint: endpoint?,
            name: read("BUCKET")?,
            access_key: read("ACCESS_KEY")?,
            secret_key: read("SECRET_KEY")?,
        })
    }

    fn program(self) -> &'static str {
        match self {
            Self::Minio => "minio",
            Self::Versitygw => "versitygw",
        }
    }

    #[expect(clippy::zombie_processes, reason = "it ends after this process does")]
    fn start(self) -> Option<Bucket> {
        let program = find(self.program())?;
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let data = folder.path().join("data");
        // To both servers, a folder in their folder is a bucket.
        std::fs::create_dir_all(data.join("hythe")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let child = self.command(&program, &address, &data).spawn().unwrap();
        stop_at_exit(&child, folder);
        let start = Instant::now();
        while std::net::TcpStream::connect(&address).is_err() || !is_ready(self, &address) {
            assert!(start.elapsed() < PATIENCE, "{} does not start", self.program());
            std::thread::yield_now();
        }
        Some(Bucket {
            endpoint: format!("http://{address}"),
            name: "hythe".to_owned(),
            access_key: "testkey".to_owned(),
            secret_key: "testsecret".to_owned(),
        })
    }

    fn command(self, program: &Path, address: &str, data: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match self {
            Self::Minio => command
                .env("MINIO_ROOT_USER", "testkey")
                .env("MINIO_ROOT_PASSWORD", "testsecret")
                .env("MINIO_BROWSER", "off")
                .env("MINIO_UPDATE", "off")
                .args(["server", "--quiet", "--address", address])
                .arg(data),
            Self::Versitygw => command
                .env("ROOT_ACCESS_KEY", "testkey")
                .env("ROOT_SECRET_KEY", "testsecret")
                .args([
                    "--port",
                    address,
                    "--quiet",
                    "--keep-alive",
                    "--health",
                    "/health",
                    "posix",
                ])
                .arg(data),
        };
        command
    }
}

/// Asks by hand, since no client for HTTP is at hand.
fn is_ready(emulator: Emulator, address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let path = match emulator {
        Emulator::Minio => "/minio/health/ready",
        Emulator::Versitygw => "/health",
    };
    let Ok(mut stream) = std::net::TcpStream::connect(address) else {
        return false;
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let asked = stream.write_all(request.as_bytes());
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go/bin"));
    let folders = std::env::split_paths(&path)
        .chain(std::env::var_os("GOBIN").map(PathBuf::from))
        .chain(home);
    let mut candidates = folders.map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file())
}

/// The tests of a file run in one process, and a value in a static is never dropped: the server gets a keeper that
/// ends it once this process is gone.
fn stop_at_exit(child: &Child, folder: tempfile::TempDir) {
    static KEEPERS: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    let script = r#"read -r _; kill "$0"; rm -rf "$1""#;
    let mut keeper = Command::new("sh");
    keeper
        .args(["-c", script, &child.id().to_string()])
        .arg(folder.keep())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Its input ends when this process does.
    KEEPERS.lock().unwrap().push(keeper.spawn().unwrap());
}
