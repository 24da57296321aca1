//! The suite on fake-gcs-server: the one that `cargo xtask emulators up` started and told by
//! `HYTHE_TEST_GCS_ENDPOINT`, else one for each test, if the program is installed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use hythe_driver::Parameters;
use hythe_driver_testsuite::Fixture;
use serde_json::json;

use crate::support::{SMALL_CHUNK, driver_with, imitation, with};

const PROGRAM: &str = "fake-gcs-server";

/// A server that ends with the test.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Emulator {
    /// Starts it and waits until it says that it listens.
    fn start(program: &PathBuf) -> (Self, String) {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let mut child = Command::new(program)
            .args([
                "-scheme",
                "http",
                "-host",
                "127.0.0.1",
                "-backend",
                "memory",
                "-log-level",
                "info",
            ])
            .args(["-port", &port.to_string(), "-public-host", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let has_started = lines.any(|line| line.unwrap().contains("server started"));
        assert!(has_started, "{PROGRAM} ended");
        // Nobody reads on: it must not block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        (Self(child), format!("http://{address}"))
    }
}

fn program() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name);
    let path = variable("PATH").unwrap_or_default();
    let go =
        variable("GOBIN").or_else(|| variable("HOME").map(|home| PathBuf::from(home).join("go/bin").into()));
    let folders = std::env::split_paths(&path).chain(go.map(PathBuf::from));
    folders
        .map(|folder| folder.join(PROGRAM))
        .find(|file| file.is_file())
}

/// What fake-gcs-server gets wrong. On the imitated service the suite runs without exception.
const INCAPABLE_OF: &[&str] = &[
    // A cancelled session goes on living.
    "deleting_a_directory_aborts_uploads_in_it",
];

async fn store(chunk_bytes: u64) -> Fixture {
    let shared = std::env::var("HYTHE_TEST_GCS_ENDPOINT").ok();
    let (emulator, endpoint) = match (shared, program()) {
        (Some(endpoint), _) => (None, endpoint),
        (None, Some(program)) => {
            let (emulator, endpoint) = Emulator::start(&program);
            (Some(emulator), endpoint)
        }
        (None, None) => {
            assert!(std::env::var_os("CI").is_none(), "{PROGRAM} is not installed");
            let notice =
                format!("SKIPPED on {PROGRAM}, which is not installed; run on the imitated service instead");
            let _ = writeln!(std::io::stderr(), "{notice}");
            return imitation(chunk_bytes).await;
        }
    };
    let bucket = std::env::var("HYTHE_TEST_GCS_BUCKET").unwrap_or_else(|_| "hythe-test".to_owned());
    make_bucket(&endpoint, &bucket).await;
    let parameters = json!({ "bucket": bucket, "endpoint": endpoint, "anonymous": true });
    let parameters: Parameters = parameters.as_object().unwrap().clone();
    let parameters = with(parameters, "chunksize", chunk_bytes);
    let parameters = with(parameters, "rootdirectory", uuid::Uuid::new_v4().to_string());
    let open = || driver_with(&parameters);
    Fixture::new(open(), open())
        .keeping(emulator)
        .incapable_of(INCAPABLE_OF)
}

async fn make_bucket(endpoint: &str, bucket: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new()
        .post(format!("{endpoint}/storage/v1/b?project=test"))
        .header("content-type", "application/json")
        .body(json!({ "name": bucket }).to_string());
    // 409: it is there already.
    let status = request.send().await.unwrap().status();
    assert!(status.is_success() || status.as_u16() == 409, "{status}");
}

mod usual_chunks {
    use super::*;
    hythe_driver_testsuite::driver_suite!(async || store(16 << 20).await);
    hythe_driver_testsuite::driver_suite!(uploads: async || store(16 << 20).await);
}

mod small_chunks {
    use super::*;
    hythe_driver_testsuite::driver_suite!(async || store(SMALL_CHUNK).await);
    hythe_driver_testsuite::driver_suite!(uploads: async || store(SMALL_CHUNK).await);
}
