//! oras, the Python client: an artifact with a subject.

use anyhow::{Result, ensure};

use super::content::{Content, noise};
use super::lab::Attempt;
use crate::behind::{PASSWORD, USER};
use crate::tools::ORAS;

/// Pushes an image as the subject, then the artifact, and pulls both back, all with the client's own functions.
const SCRIPT: &str = r#"
import json, sys
from oras.client import OrasClient
from oras.oci import Subject

host, repository, media_type, digest, size, scheme, user, password = sys.argv[1:]
client = OrasClient(hostname=host, insecure=scheme == "http", auth_backend="basic")
if user:
    client.login(hostname=host, username=user, password="no password of anybody")
    try:
        client.get_tags(f"{host}/{repository}")
    except ValueError as error:
        assert "Unauthorized" in str(error), error
    else:
        raise AssertionError("a wrong password was taken")
    client.login(hostname=host, username=user, password=password)
subject = Subject(mediaType=media_type, digest=digest, size=int(size))
response = client.push(
    target=f"{host}/{repository}:bill",
    files=["bill.json:application/vnd.example.bill"],
    subject=subject,
    manifest_annotations={"org.opencontainers.image.title": "bill"},
)
assert response.status_code == 201, response
manifest = client.get_manifest(f"{host}/{repository}:bill")
assert manifest["subject"]["digest"] == digest, manifest
files = client.pull(target=f"{host}/{repository}:bill", outdir="back")
assert len(files) == 1, files
"#;

/// The type of configuration this client writes, which is what an artifact without a type of its own is called by.
const ARTIFACT: &str = "application/vnd.unknown.config.v1+json";

pub(super) fn artifact(attempt: &Attempt<'_>) -> Result<()> {
    let content = Content::single("oras subject")?;
    let subject = &content.root;
    let bytes = noise("oras artifact", 90_000);
    std::fs::write(attempt.path("bill.json"), &bytes)?;
    let scheme = if attempt.authority().is_some() {
        "https"
    } else {
        "http"
    };
    let user = if attempt.way().behind.has_password() {
        USER
    } else {
        ""
    };
    let arguments = [
        attempt.address().to_string(),
        attempt.repository.clone(),
        subject["mediaType"].as_str().unwrap_or_default().to_owned(),
        content.root_digest()?.to_owned(),
        subject["size"].to_string(),
        scheme.to_owned(),
        user.to_owned(),
        PASSWORD.to_owned(),
    ];
    attempt.run_step(attempt.step(&ORAS)?.args(["-c", SCRIPT]).args(arguments))?;
    ensure!(
        std::fs::read(attempt.path("back/bill.json"))? == bytes,
        "the artifact came back with other bytes"
    );
    if attempt.has_referrers() {
        // The subject was never pushed, which the specification allows.
        attempt
            .referee()?
            .expect_referrers(content.root_digest()?, &[ARTIFACT])?;
    }
    Ok(())
}
