//! cosign signs images and attests things about them; what it writes is kept under a tag or as a referrer.
//!
//! What it verifies, it has pulled back: a signature or an attestation with another byte does not verify.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::content::Content;
use super::crane;
use super::lab::Attempt;
use crate::process::Step;
use crate::tools::COSIGN;

/// No transparency log: it is a service elsewhere.
const SIGN: [&str; 5] = ["sign", "--key", "cosign.key", "--tlog-upload=false", "--yes"];
const VERIFY: [&str; 4] = ["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true"];
const ATTEST: [&str; 7] = [
    "attest",
    "--key",
    "cosign.key",
    "--tlog-upload=false",
    "--yes",
    "--predicate",
    "predicate.json",
];
const VERIFY_ATTESTATION: [&str; 6] = [
    "verify-attestation",
    "--key",
    "cosign.pub",
    "--insecure-ignore-tlog=true",
    "--type",
    "custom",
];

const PREDICATE: &str = r#"{"depth":5,"harbour":"hythe"}"#;

pub(super) fn signature_by_tag(attempt: &Attempt<'_>) -> Result<()> {
    signature(attempt, Place::Tag, &[], &[])
}

pub(super) fn signature_by_referrers(attempt: &Attempt<'_>) -> Result<()> {
    let sign = ["--registry-referrers-mode=oci-1-1"];
    signature(attempt, Place::Referrers, &sign, &["--experimental-oci11=true"])
}

pub(super) fn attestation_by_tag(attempt: &Attempt<'_>) -> Result<()> {
    attestation(attempt, Place::Tag, &[], &[])
}

/// As a bundle, which is the form in which cosign attaches attestations as referrers.
pub(super) fn attestation_by_referrers(attempt: &Attempt<'_>) -> Result<()> {
    // Who is trusted is said by a file with nobody in it; a key of our own needs nobody.
    attempt.run_step(command(attempt)?.args(["trusted-root", "create", "--out", "trusted-root.json"]))?;
    let verify = ["--new-bundle-format=true", "--trusted-root", "trusted-root.json"];
    attestation(attempt, Place::Referrers, &["--new-bundle-format=true"], &verify)
}

/// Where cosign keeps what belongs to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Tag,
    Referrers,
}

fn signature(attempt: &Attempt<'_>, place: Place, sign: &[&str], verify: &[&str]) -> Result<()> {
    let digest = pushed_image(attempt)?;
    cosign(attempt, SIGN.iter().chain(sign), &digest)?;
    let verified: Value = serde_json::from_slice(&cosign(attempt, VERIFY.iter().chain(verify), &digest)?)?;
    let signed = &verified[0]["critical"]["image"]["docker-manifest-digest"];
    ensure!(*signed == *digest, "the signature is for {signed}, not {digest}");
    place.expect_one(attempt, &digest)
}

fn attestation(attempt: &Attempt<'_>, place: Place, attest: &[&str], verify: &[&str]) -> Result<()> {
    let digest = pushed_image(attempt)?;
    std::fs::write(attempt.path("predicate.json"), PREDICATE)?;
    cosign(attempt, ATTEST.iter().chain(attest), &digest)?;
    let envelope: Value = serde_json::from_slice(&cosign(
        attempt,
        VERIFY_ATTESTATION.iter().chain(verify),
        &digest,
    )?)?;
    let payload = envelope["payload"]
        .as_str()
        .context("the envelope has no payload")?;
    let statement: Value = serde_json::from_slice(&BASE64_STANDARD.decode(payload)?)?;
    let sent: Value = serde_json::from_str(PREDICATE)?;
    let predicate = &statement["predicate"];
    // In tag mode cosign wraps a predicate of its own type around the text of the file.
    let is_sent = *predicate == sent || predicate["Data"].as_str() == Some(PREDICATE);
    ensure!(is_sent, "another predicate came back: {predicate}");
    place.expect_one(attempt, &digest)
}

impl Place {
    /// Fails unless the registry has one thing for the image, in this place.
    fn expect_one(self, attempt: &Attempt<'_>, digest: &str) -> Result<()> {
        let tags = attempt.referee()?.tags()?.len();
        match self {
            Self::Tag => ensure!(tags == 2, "there are {tags} tags, not the image's and cosign's"),
            Self::Referrers if attempt.has_referrers() => {
                let referrers = attempt.referee()?.referrers(digest)?.len();
                ensure!(
                    tags == 1 && referrers == 1,
                    "there are {tags} tags and {referrers} referrers, not one of each"
                );
            }
            Self::Referrers => {}
        }
        Ok(())
    }
}

/// Pushes an image for cosign to work on, makes a pair of keys, and returns the image's digest.
fn pushed_image(attempt: &Attempt<'_>) -> Result<String> {
    let content = Content::single(&attempt.repository)?;
    crane::push(attempt, &content, "v1")?;
    attempt.run_step(command(attempt)?.arg("generate-key-pair"))?;
    Ok(content.root_digest()?.to_owned())
}

fn cosign<'a>(
    attempt: &Attempt<'_>,
    words: impl Iterator<Item = &'a &'a str>,
    digest: &str,
) -> Result<Vec<u8>> {
    let image = format!("{}@{digest}", attempt.name());
    let insecure = attempt.authority().is_none();
    attempt.output(
        command(attempt)?
            .args(words)
            .arg(format!("--allow-insecure-registry={insecure}"))
            .arg(image),
    )
}

fn command(attempt: &Attempt<'_>) -> Result<Step> {
    let step = attempt
        .step(&COSIGN)?
        .env("COSIGN_PASSWORD", "")
        .env("COSIGN_EXPERIMENTAL", "1");
    // Naming a key of the transparency log, which is not looked at, keeps cosign from asking its makers for theirs.
    Ok(step.env("SIGSTORE_REKOR_PUBLIC_KEY", "unused"))
}
