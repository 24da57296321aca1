//! podman and buildah, which share their store of unpacked images and most of their words.

use anyhow::{Context as _, Result};

use super::compare::{self, Sameness};
use super::content::Content;
use super::lab::Attempt;
use crate::process::Step;
use crate::tools::{BUILDAH, PODMAN, Tool};

pub(super) fn podman_image(attempt: &Attempt<'_>) -> Result<()> {
    image(attempt, &PODMAN)
}

pub(super) fn podman_index(attempt: &Attempt<'_>) -> Result<()> {
    index(attempt, &PODMAN)
}

pub(super) fn buildah_image(attempt: &Attempt<'_>) -> Result<()> {
    image(attempt, &BUILDAH)
}

pub(super) fn buildah_index(attempt: &Attempt<'_>) -> Result<()> {
    index(attempt, &BUILDAH)
}

fn image(attempt: &Attempt<'_>, tool: &Tool) -> Result<()> {
    let content = Content::single(tool.name)?;
    let layout = attempt.path("sent");
    content.write_layout(&layout, "v1")?;
    let id = pulled(attempt, tool, &format!("oci:{}:v1", layout.display()), &[])?;
    let remote = format!("docker://{}", attempt.tagged("v1"));
    run(
        attempt,
        tool,
        &["push", &attempt.containers_security(""), &id, &remote],
    )?;
    attempt.referee()?.expect("v1", &content, Sameness::Unpacked)?;
    run(attempt, tool, &["rmi", "--all", "--force"])?;
    let id = pulled(attempt, tool, &remote, &[])?;
    let back = attempt.path("back");
    run(
        attempt,
        tool,
        &["push", &id, &format!("oci:{}:v1", back.display())],
    )?;
    compare::layout(&back, &content, Sameness::Unpacked)
}

/// The images are pushed with the index that they are added to; then each is pulled by it.
fn index(attempt: &Attempt<'_>, tool: &Tool) -> Result<()> {
    let content = Content::multi(&format!("{} index", tool.name))?;
    let remote = format!("docker://{}", attempt.tagged("all"));
    run(attempt, tool, &["manifest", "create", "everything"])?;
    let layout = attempt.path("sent");
    content.write_layout(&layout, "all")?;
    let source = format!("oci:{}:all", layout.display());
    run(
        attempt,
        tool,
        &["manifest", "add", "--all", "everything", &source],
    )?;
    run(
        attempt,
        tool,
        &[
            "manifest",
            "push",
            "--all",
            &attempt.containers_security(""),
            "everything",
            &remote,
        ],
    )?;
    attempt.referee()?.expect("all", &content, Sameness::Unpacked)?;
    run(attempt, tool, &["manifest", "rm", "everything"])?;
    for image in &content.images {
        let id = pulled(attempt, tool, &remote, &["--arch", image.architecture])?;
        let back = attempt.path(image.architecture);
        run(
            attempt,
            tool,
            &["push", &id, &format!("oci:{}:v1", back.display())],
        )?;
        run(attempt, tool, &["rmi", "--all", "--force"])?;
        let one = Content {
            images: vec![image.clone()],
            ..Content::empty()
        };
        compare::layout(&back, &one, Sameness::Unpacked)?;
    }
    Ok(())
}

/// Pulls from anywhere, and returns the image's id.
fn pulled(attempt: &Attempt<'_>, tool: &Tool, from: &str, options: &[&str]) -> Result<String> {
    let pull = command(attempt, tool)?
        .args(["pull", "--quiet", &attempt.containers_security("")])
        .args(options)
        .arg(from);
    let output = String::from_utf8(attempt.output(pull)?)?;
    Ok(output
        .lines()
        .last()
        .context("pulling printed no id")?
        .trim()
        .to_owned())
}

fn run(attempt: &Attempt<'_>, tool: &Tool, arguments: &[&str]) -> Result<()> {
    attempt.run_step(command(attempt, tool)?.args(arguments))
}

/// A run with a store of the cell's own.
fn command(attempt: &Attempt<'_>, tool: &Tool) -> Result<Step> {
    let step = attempt.step(tool)?.args(["--storage-driver", "vfs"]);
    Ok(step
        .arg("--root")
        .arg(attempt.path("store"))
        .arg("--runroot")
        .arg(attempt.runtime_folder().join(tool.name)))
}
