//! Looks at a registry, without any of the clients under test.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::compare::{self, Sameness};
use super::content::{Content, digest, named_digest};
use crate::behind::Way;

const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// Above every blob that a cell makes.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// Every type a cell may have pushed, so that nothing is converted on the way.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.docker.distribution.manifest.v2+json";

/// Reads one repository.
#[derive(Debug)]
pub(super) struct Referee {
    agent: ureq::Agent,
    base: String,
    authorization: Option<String>,
}

impl Referee {
    pub(super) fn new(way: &Way, repository: &str) -> Result<Self> {
        let mut config = ureq::Agent::config_builder().timeout_global(Some(REQUEST_LIMIT));
        if let Some(file) = way.authority() {
            let authority = Certificate::from_pem(&std::fs::read(file)?)?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::new_with_certs(&[authority]))
                .unversioned_rustls_crypto_provider(provider);
            config = config.tls_config(tls.build());
        }
        Ok(Self {
            agent: config.build().into(),
            base: format!("{}/v2/{repository}", way.url()),
            authorization: way.authorization(&format!("repository:{repository}:pull"))?,
        })
    }

    /// Fails unless the registry serves under `tag` what is expected, with every blob in it.
    pub(super) fn expect(&self, tag: &str, expected: &Content, sameness: Sameness) -> Result<()> {
        let root = self.digest_of(tag)?;
        compare::tree(&root, expected, sameness, &|digest| self.read(digest))
            .with_context(|| format!("what the registry serves at {}, tag {tag}", self.base))
    }

    /// The digest of what the tag names, computed from its bytes.
    pub(super) fn digest_of(&self, tag: &str) -> Result<String> {
        Ok(digest(&self.get(&format!("manifests/{tag}"))?))
    }

    /// The descriptors that the referrers API lists for a digest.
    pub(super) fn referrers(&self, subject: &str) -> Result<Vec<Value>> {
        let index: Value = serde_json::from_slice(&self.get(&format!("referrers/{subject}"))?)?;
        index["manifests"]
            .as_array()
            .cloned()
            .context("the list of referrers has no `manifests`")
    }

    /// Fails unless exactly these types of artifact refer to the subject by the referrers API.
    pub(super) fn expect_referrers(&self, subject: &str, artifact_types: &[&str]) -> Result<()> {
        let referrers = self.referrers(subject)?;
        let found: Vec<&str> = referrers
            .iter()
            .map(|referrer| referrer["artifactType"].as_str().unwrap_or("no type"))
            .collect();
        ensure!(
            found == artifact_types,
            "the referrers of {subject} are {found:?}, not {artifact_types:?}"
        );
        for referrer in &referrers {
            self.read(named_digest(referrer)?)?;
        }
        Ok(())
    }

    /// The bytes for a digest, manifest or blob.
    pub(super) fn read(&self, digest: &str) -> Result<Vec<u8>> {
        self.get(&format!("manifests/{digest}"))
            .or_else(|_| self.get(&format!("blobs/{digest}")))
    }

    pub(super) fn tags(&self) -> Result<Vec<String>> {
        let list: Value = serde_json::from_slice(&self.get("tags/list")?)?;
        let tags = list["tags"].as_array().context("no list of tags")?;
        Ok(tags
            .iter()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect())
    }

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        let url = format!("{}/{path}", self.base);
        let mut request = self.agent.get(&url).header("Accept", ACCEPT);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut response = request.call().with_context(|| format!("GET {url}"))?;
        let bytes = response
            .body_mut()
            .with_config()
            .limit(MAX_BODY_BYTES)
            .read_to_vec();
        bytes.with_context(|| format!("the body of {url}"))
    }
}
