//! The `storage` section of a registry that keeps its data on an emulator. The text is the original's, which Hythe reads
//! too; the original has no endpoint for GCS, so that part is Hythe's own.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::Running;
use super::emulator::{ACCESS_KEY, AZURE_ACCOUNT, AZURE_KEY, BUCKET, Emulator, REGION, SECRET_KEY};
use crate::process::Step;

/// A cloud whose storage a registry can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cloud {
    S3,
    Azure,
    Gcs,
}

impl Cloud {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "azure",
            Self::Gcs => "gcs",
        }
    }

    /// The emulator that this cloud's driver is tried on first.
    pub(crate) fn emulator(self) -> Emulator {
        match self {
            Self::S3 => Emulator::Minio,
            Self::Azure => Emulator::Azurite,
            Self::Gcs => Emulator::FakeGcsServer,
        }
    }
}

/// The bucket of an emulator, as a registry uses it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) cloud: Cloud,
    /// What the driver's section has in it.
    driver: Value,
    /// Whether the registry sends clients to the bucket for every blob.
    pub(crate) redirects: bool,
}

impl Bucket {
    /// A folder called `root` in the emulator's bucket.
    pub(crate) fn on(running: &Running, cloud: Cloud, root: &str, redirects: bool) -> Result<Self> {
        let endpoint = &running.endpoint;
        let driver = match cloud {
            Cloud::S3 => json!({
                "accesskey": ACCESS_KEY, "secretkey": SECRET_KEY, "region": REGION, "bucket": BUCKET,
                "regionendpoint": endpoint, "forcepathstyle": true, "secure": false,
                "rootdirectory": format!("/{root}"),
            }),
            Cloud::Azure => json!({
                "accountname": AZURE_ACCOUNT, "accountkey": AZURE_KEY, "container": BUCKET, "serviceurl": endpoint,
                "credentials": { "type": "shared_key" }, "rootdirectory": root,
            }),
            Cloud::Gcs if redirects => json!({
                "bucket": BUCKET, "endpoint": endpoint, "anonymous": true, "rootdirectory": root,
                "credentials": service_account()?,
            }),
            Cloud::Gcs => json!({
                "bucket": BUCKET, "endpoint": endpoint, "anonymous": true, "rootdirectory": root,
            }),
        };
        Ok(Self {
            cloud,
            driver,
            redirects,
        })
    }

    /// The keys of the section `storage` that say where the data are.
    pub(crate) fn section(&self) -> Value {
        // Without a minimum, as it is by default, every blob is redirected.
        json!({ self.cloud.name(): self.driver, "redirect": { "disable": !self.redirects } })
    }
}

/// The credentials of an account that does not exist. The emulator looks at no signature, but the driver must make one.
fn service_account() -> Result<Value> {
    let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let key = Step::new(Path::new("openssl"))
        .args(arguments)
        .quiet()
        .context("openssl cannot make a key")?;
    Ok(json!({
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "test",
        "private_key": key,
        "client_email": "test@test.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "http://127.0.0.1:9/token",
    }))
}
