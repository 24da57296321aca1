//! cosign signs images and attests things about them; what it writes is kept under a tag or as a referrer.

use anyhow::{Result, ensure};

use super::content::Content;
use super::crane;
use super::lab::Attempt;
use crate::process::Step;
use crate::tools::COSIGN;

pub(super) fn signature_by_tag(attempt: &Attempt<'_>) -> Result<()> {
    let image = signed_image(attempt)?;
    cosign(
        attempt,
        &["sign", "--key", "cosign.key", "--tlog-upload=false", "--yes"],
        &image,
    )?;
    cosign(
        attempt,
        &["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true"],
        &image,
    )
}

pub(super) fn signature_by_referrers(attempt: &Attempt<'_>) -> Result<()> {
    let image = signed_image(attempt)?;
    let sign = [
        "sign",
        "--key",
        "cosign.key",
        "--tlog-upload=false",
        "--yes",
        "--registry-referrers-mode=oci-1-1",
    ];
    cosign(attempt, &sign, &image)?;
    let verify = [
        "verify",
        "--key",
        "cosign.pub",
        "--insecure-ignore-tlog=true",
        "--experimental-oci11=true",
    ];
    cosign(attempt, &verify, &image)
}

pub(super) fn attestation_by_tag(attempt: &Attempt<'_>) -> Result<()> {
    let image = signed_image(attempt)?;
    std::fs::write(attempt.path("predicate.json"), PREDICATE)?;
    let attest = [
        "attest",
        "--key",
        "cosign.key",
        "--tlog-upload=false",
        "--yes",
        "--predicate",
        "predicate.json",
    ];
    cosign(attempt, &attest, &image)?;
    let verify = [
        "verify-attestation",
        "--key",
        "cosign.pub",
        "--insecure-ignore-tlog=true",
        "--type",
        "custom",
    ];
    cosign(attempt, &verify, &image)
}

pub(super) fn attestation_by_referrers(attempt: &Attempt<'_>) -> Result<()> {
    let image = signed_image(attempt)?;
    std::fs::write(attempt.path("predicate.json"), PREDICATE)?;
    let attest = [
        "attest",
        "--key",
        "cosign.key",
        "--tlog-upload=false",
        "--yes",
        "--predicate",
        "predicate.json",
        "--new-bundle-format=true",
    ];
    cosign(attempt, &attest, &image)?;
    let verify = [
        "verify-attestation",
        "--key",
        "cosign.pub",
        "--insecure-ignore-tlog=true",
        "--type",
        "custom",
        "--new-bundle-format=true",
    ];
    cosign(attempt, &verify, &image)
}

const PREDICATE: &str = r#"{"harbour":"hythe","depth":5}"#;

fn signed_image(attempt: &Attempt<'_>) -> Result<String> {
    let content = Content::single(&attempt.repository)?;
    crane::push(attempt, &content, "v1")?;
    attempt.run_step(command(attempt)?.arg("generate-key-pair"))?;
    ensure!(attempt.path("cosign.key").is_file());
    Ok(format!("{}@{}", attempt.name(), content.root_digest()?))
}

fn cosign(attempt: &Attempt<'_>, arguments: &[&str], image: &str) -> Result<()> {
    attempt.run_step(
        command(attempt)?
            .args(arguments)
            .args(["--allow-insecure-registry=true", image]),
    )
}

fn command(attempt: &Attempt<'_>) -> Result<Step> {
    Ok(attempt
        .step(&COSIGN)?
        .env("COSIGN_PASSWORD", "")
        .env("COSIGN_EXPERIMENTAL", "1"))
}
