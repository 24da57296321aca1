//! How each emulator is started, seen to be ready, and given a bucket.
//!
//! The switches come from trying: what each server does wrong without them is said beside them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::program;
use super::shared_key::authorization;
use crate::process::Server;
use crate::registry::free_address;
use crate::tools::{AZURITE, FAKE_GCS_SERVER, MINIO, VERSITYGW};

/// Azurite loads a large JavaScript program; the others are ready in a second.
const START_LIMIT: Duration = Duration::from_secs(90);
const REQUEST_LIMIT: Duration = Duration::from_secs(20);

/// The bucket, or container, that each emulator has.
pub(super) const BUCKET: &str = "hythe";
/// The keys of both S3 servers. MinIO wants a secret of eight characters or more.
pub(super) const ACCESS_KEY: &str = "testkey";
pub(super) const SECRET_KEY: &str = "testsecret";
/// The region that versitygw checks signatures for, and that MinIO takes as any other.
pub(super) const REGION: &str = "us-east-1";
/// The account that Azurite always has, with the key that its documentation publishes.
pub(super) const AZURE_ACCOUNT: &str = "devstoreaccount1";
pub(super) const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A version of Azure's protocol that Azurite surely knows.
const AZURE_VERSION: &str = "2021-12-02";

/// A server that speaks as a cloud's storage does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emulator {
    Minio,
    Versitygw,
    Azurite,
    FakeGcsServer,
}

impl Emulator {
    pub(crate) const ALL: [Self; 4] = [Self::Minio, Self::Versitygw, Self::Azurite, Self::FakeGcsServer];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minio => "minio",
            Self::Versitygw => "versitygw",
            Self::Azurite => "azurite",
            Self::FakeGcsServer => "fake-gcs-server",
        }
    }

    /// Where a driver finds it.
    pub(super) fn endpoint(self, port: u16) -> String {
        match self {
            // Azurite has the account in the path, where Azure has it in the host's name.
            Self::Azurite => format!("http://127.0.0.1:{port}/{AZURE_ACCOUNT}"),
            _ => format!("http://127.0.0.1:{port}"),
        }
    }

    /// What the tests of a driver are told about it.
    pub(super) fn variables(self, endpoint: &str) -> Vec<(&'static str, String)> {
        let pairs: &[(&'static str, &str)] = match self {
            Self::Minio => &[
                ("HYTHE_TEST_S3_ENDPOINT", endpoint),
                ("HYTHE_TEST_S3_REGION", REGION),
                ("HYTHE_TEST_S3_BUCKET", BUCKET),
                ("HYTHE_TEST_S3_ACCESS_KEY", ACCESS_KEY),
                ("HYTHE_TEST_S3_SECRET_KEY", SECRET_KEY),
            ],
            Self::Versitygw => &[("HYTHE_TEST_S3_SECOND_ENDPOINT", endpoint)],
            Self::Azurite => &[
                ("HYTHE_TEST_AZURE_ENDPOINT", endpoint),
                ("HYTHE_TEST_AZURE_CONTAINER", BUCKET),
                ("HYTHE_TEST_AZURE_ACCOUNT", AZURE_ACCOUNT),
                ("HYTHE_TEST_AZURE_KEY", AZURE_KEY),
            ],
            Self::FakeGcsServer => &[
                ("HYTHE_TEST_GCS_ENDPOINT", endpoint),
                ("HYTHE_TEST_GCS_BUCKET", BUCKET),
            ],
        };
        let owned = pairs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        owned.collect()
    }

    /// Starts it on a free port, waits until it answers, and makes its bucket. Its log and its data are put into
    /// `folder`.
    pub(super) fn start(self, folder: &Path) -> Result<(Server, u16)> {
        let port = free_address()?.port();
        let mut server = self.serve(folder, port)?;
        let health = match self {
            Self::Minio => "/minio/health/ready",
            Self::Versitygw => "/health",
            // Anything: an answer of 400 says that it is there.
            Self::Azurite => "/",
            Self::FakeGcsServer => "/_internal/healthcheck",
        };
        let health = format!("http://127.0.0.1:{port}{health}");
        server.wait_until(START_LIMIT, || match agent().get(&health).call() {
            Ok(_) => true,
            Err(ureq::Error::StatusCode(_)) => self == Self::Azurite,
            Err(_) => false,
        })?;
        self.create_bucket(port)
            .with_context(|| format!("{}: cannot make the bucket {BUCKET}", self.name()))?;
        Ok((server, port))
    }

    fn serve(self, folder: &Path, port: u16) -> Result<Server> {
        let address = format!("127.0.0.1:{port}");
        let data = folder.join("data");
        // To both S3 servers, a folder in their folder is a bucket.
        std::fs::create_dir_all(data.join(BUCKET))?;
        let step = match self {
            Self::Minio => program(&MINIO)?
                .args(["server", "--quiet", "--address", &address])
                .arg(&data)
                .env("MINIO_ROOT_USER", ACCESS_KEY)
                .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
                .env("MINIO_BROWSER", "off")
                .env("MINIO_UPDATE", "off"),
            Self::Versitygw => program(&VERSITYGW)?
                // Without `--keep-alive` it ends the connection after each request, and takes twice as long.
                .args([
                    "--quiet",
                    "--keep-alive",
                    "--health",
                    "/health",
                    "--port",
                    &address,
                ])
                .arg("posix")
                .arg(&data)
                .env("ROOT_ACCESS_KEY", ACCESS_KEY)
                .env("ROOT_SECRET_KEY", SECRET_KEY),
            Self::Azurite => program(&AZURITE)?
                .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
                // It refuses versions of the protocol that are newer than itself, and reports its use to its makers.
                .args([
                    "--inMemoryPersistence",
                    "--skipApiVersionCheck",
                    "--disableTelemetry",
                    "--silent",
                ]),
            Self::FakeGcsServer => program(&FAKE_GCS_SERVER)?
                .args([
                    "-scheme",
                    "http",
                    "-host",
                    "127.0.0.1",
                    "-port",
                    &port.to_string(),
                ])
                // Signed URLs are answered only under the public host's name.
                .args([
                    "-backend",
                    "memory",
                    "-public-host",
                    &address,
                    "-log-level",
                    "warn",
                ]),
        };
        step.serve(&folder.join("log"))
    }

    fn create_bucket(self, port: u16) -> Result<()> {
        match self {
            Self::Minio | Self::Versitygw => {}
            Self::Azurite => {
                let url = format!("{}/{BUCKET}?restype=container", self.endpoint(port));
                // Azurite does not look at how old a request is.
                let headers = [
                    ("x-ms-date", "Sat, 01 Jan 2022 00:00:00 GMT"),
                    ("x-ms-version", AZURE_VERSION),
                ];
                let resource = format!("/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{BUCKET}\nrestype:container");
                let authorization = authorization("PUT", &headers, &resource, AZURE_ACCOUNT, AZURE_KEY)?;
                let mut request = agent().put(&url).header("authorization", authorization);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                request.send_empty()?;
            }
            Self::FakeGcsServer => {
                let url = format!("{}/storage/v1/b?project=test", self.endpoint(port));
                let request = agent().post(&url).header("content-type", "application/json");
                request.send(json!({ "name": BUCKET }).to_string().as_bytes())?;
            }
        }
        Ok(())
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(REQUEST_LIMIT))
        .proxy(None)
        .build()
        .into()
}
