//! regctl copies images and build caches between OCI layouts and a registry, and attaches artifacts.

use anyhow::{Result, ensure};
use serde_json::json;

use super::compare::{self, Sameness};
use super::content::{Content, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, noise};
use super::lab::Attempt;
use crate::process::Step;
use crate::tools::REGCTL;

const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";
const ARTIFACT: &str = "application/vnd.example.bill-of-materials";

pub(super) fn image(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::single("regctl image")?)
}

pub(super) fn index(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::multi("regctl index")?)
}

/// The older form of a cache, buildkit's default for long: an index whose entries are layers, not manifests.
pub(super) fn cache_index(attempt: &Attempt<'_>) -> Result<()> {
    let mut content = Content::empty();
    let mut entries: Vec<_> = (0..3)
        .map(|layer| content.add(OCI_LAYER, noise(&format!("cache index {layer}"), 200_000)))
        .collect();
    entries.push(content.add(
        CACHE_CONFIG,
        br#"{"layers":[{"blob":"","parent":-1}],"records":[]}"#.to_vec(),
    ));
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
    content.root = content.add_json(OCI_INDEX, &index)?;
    there_and_back(attempt, &content)
}

/// The newer form (`image-manifest=true`): an image manifest with a configuration of buildkit's own.
pub(super) fn cache_manifest(attempt: &Attempt<'_>) -> Result<()> {
    let mut content = Content::empty();
    let layers: Vec<_> = (0..3)
        .map(|layer| content.add(OCI_LAYER, noise(&format!("cache manifest {layer}"), 200_000)))
        .collect();
    let config = content.add(CACHE_CONFIG, br#"{"layers":[],"records":[]}"#.to_vec());
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers });
    content.root = content.add_json(OCI_MANIFEST, &manifest)?;
    there_and_back(attempt, &content)
}

pub(super) fn artifact(attempt: &Attempt<'_>) -> Result<()> {
    let content = Content::single("regctl subject")?;
    let subject = attempt.tagged("v1");
    content.write_layout(&attempt.path("sent"), "v1")?;
    copy(
        attempt,
        &format!("ocidir://{}:v1", attempt.path("sent").display()),
        &subject,
    )?;
    let file = attempt.path("bill.json");
    let bytes = noise("bill of materials", 70_000);
    std::fs::write(&file, &bytes)?;
    let put = regctl(attempt)?.args([
        "artifact",
        "put",
        "--artifact-type",
        ARTIFACT,
        "--subject",
        &subject,
    ]);
    attempt.run_step(put.arg("--file").arg(&file))?;
    if attempt.has_referrers() {
        attempt
            .referee()?
            .expect_referrers(content.root_digest()?, &[ARTIFACT])?;
        let tags = attempt.referee()?.tags()?;
        ensure!(
            tags == ["v1"],
            "a list of referrers was kept under a tag: {tags:?}"
        );
    }
    let get = [
        "artifact",
        "get",
        "--filter-artifact-type",
        ARTIFACT,
        "--subject",
        &subject,
    ];
    let back = attempt.output(regctl(attempt)?.args(get))?;
    ensure!(back == bytes, "the artifact came back with other bytes");
    Ok(())
}

fn there_and_back(attempt: &Attempt<'_>, content: &Content) -> Result<()> {
    content.write_layout(&attempt.path("sent"), "v1")?;
    copy(
        attempt,
        &format!("ocidir://{}:v1", attempt.path("sent").display()),
        &attempt.tagged("v1"),
    )?;
    attempt.referee()?.expect("v1", content, Sameness::Exact)?;
    copy(
        attempt,
        &attempt.tagged("v1"),
        &format!("ocidir://{}:v1", attempt.path("back").display()),
    )?;
    compare::layout(&attempt.path("back"), content, Sameness::Exact)
}

fn copy(attempt: &Attempt<'_>, from: &str, to: &str) -> Result<()> {
    attempt.run_step(regctl(attempt)?.args(["image", "copy", from, to]))
}

/// A run of regctl that knows whether the registry speaks plain HTTP.
pub(super) fn regctl(attempt: &Attempt<'_>) -> Result<Step> {
    let tls = if attempt.authority().is_some() {
        "enabled"
    } else {
        "disabled"
    };
    let host = format!("reg={},tls={tls}", attempt.address());
    Ok(attempt.step(&REGCTL)?.args(["--host", &host]))
}
