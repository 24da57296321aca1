//! A bucket on an emulator, and the configuration that makes a registry use it.

use std::net::SocketAddr;

use hythe_testutil::Configuration;
use hythe_testutil::proxy::Dialect;
use serde_json::json;

use crate::failure::Failure;

/// A cloud whose storage a registry can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Cloud {
    /// Amazon's S3, or what speaks as it does.
    S3,
    /// A second S3, of another make: it lists open uploads by folder.
    S3Second,
    /// Azure's blob storage.
    Azure,
    /// Google's cloud storage.
    Gcs,
}

/// A bucket (container), where it is and what opens it.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Whose storage it is.
    pub cloud: Cloud,
    /// `http://host:port`, for Azure with the account as its path.
    endpoint: String,
    pub(super) bucket: String,
    /// S3 only.
    pub(super) region: String,
    /// Access key, or account.
    pub(super) user: String,
    /// Secret key, or the account's key.
    pub(super) secret: String,
}

impl Backend {
    /// The bucket that the variables `HYTHE_TEST_*` name, as `cargo xtask emulators up` prints them.
    pub fn from_environment(cloud: Cloud) -> Result<Self, Failure> {
        let names = match cloud {
            Cloud::S3 => [
                "S3_ENDPOINT",
                "S3_BUCKET",
                "S3_REGION",
                "S3_ACCESS_KEY",
                "S3_SECRET_KEY",
            ],
            Cloud::S3Second => [
                "S3_SECOND_ENDPOINT",
                "S3_BUCKET",
                "S3_REGION",
                "S3_ACCESS_KEY",
                "S3_SECRET_KEY",
            ],
            Cloud::Azure => [
                "AZURE_ENDPOINT",
                "AZURE_CONTAINER",
                "",
                "AZURE_ACCOUNT",
                "AZURE_KEY",
            ],
            Cloud::Gcs => ["GCS_ENDPOINT", "GCS_BUCKET", "", "", ""],
        };
        let mut values = Vec::new();
        for name in names {
            values.push(if name.is_empty() {
                String::new()
            } else {
                let name = format!("HYTHE_TEST_{name}");
                std::env::var(&name).map_err(|_| {
                    Failure::new(format!(
                        "{name} is not set; `cargo xtask emulators up` prints what to set it to"
                    ))
                })?
            });
        }
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_default();
        Ok(Self {
            cloud,
            endpoint: next(),
            bucket: next(),
            region: next(),
            user: next(),
            secret: next(),
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        self.authority().parse().map_err(|_| {
            Failure::new(format!(
                "{} is not an address of the form http://ip:port",
                self.endpoint
            ))
        })
    }

    /// The same bucket, reached through `endpoint`, which is `http://host:port`.
    #[must_use]
    pub fn through(&self, endpoint: &str) -> Self {
        Self {
            endpoint: format!("{endpoint}{}", self.path()),
            ..self.clone()
        }
    }

    /// What a proxy in front of it has to understand.
    pub fn dialect(&self) -> Dialect {
        match self.cloud {
            Cloud::S3 | Cloud::S3Second => Dialect::S3,
            Cloud::Azure => Dialect::Azure,
            Cloud::Gcs => Dialect::Gcs,
        }
    }

    /// A registry with its data in the folder `root` of the bucket: deletion enabled, no redirects, no cache. The text is
    /// the original's; it has no endpoint for Google's storage, so that part is Hythe's own.
    pub fn configuration(&self, root: &str) -> Configuration {
        let (driver, parameters) = match self.cloud {
            Cloud::S3 | Cloud::S3Second => (
                "s3",
                json!({
                    "accesskey": self.user, "secretkey": self.secret, "region": self.region,
                    "regionendpoint": self.endpoint, "forcepathstyle": true, "secure": false,
                    "bucket": self.bucket, "rootdirectory": format!("/{root}"),
                }),
            ),
            Cloud::Azure => (
                "azure",
                json!({
                    "accountname": self.user, "accountkey": self.secret, "credentials": { "type": "shared_key" },
                    "serviceurl": self.endpoint, "container": self.bucket, "rootdirectory": root,
                }),
            ),
            Cloud::Gcs => (
                "gcs",
                json!({
                    "endpoint": self.endpoint, "anonymous": true, "bucket": self.bucket, "rootdirectory": root,
                }),
            ),
        };
        Configuration::with_storage(&json!({
            driver: parameters,
            "redirect": { "disable": true },
            "delete": { "enabled": true },
            "maintenance": { "uploadpurging": { "enabled": false } },
        }))
        // Replicas accept each other's upload states only with the same secret.
        .set(&["http", "secret"], json!("a secret that all replicas know"))
    }

    pub(super) fn authority(&self) -> &str {
        let rest = self.endpoint.strip_prefix("http://").unwrap_or(&self.endpoint);
        rest.split('/').next().unwrap_or(rest)
    }

    /// The account's path on Azurite, nothing elsewhere.
    pub(super) fn path(&self) -> &str {
        let rest = self.endpoint.strip_prefix("http://").unwrap_or(&self.endpoint);
        rest.find('/')
            .map_or("", |slash| rest[slash..].trim_end_matches('/'))
    }
}
