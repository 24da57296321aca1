//! The docker engine. It keeps images unpacked and compresses their layers again for a push, so manifests differ
//! from run to run; configurations, by which it names images, and the layers themselves do not.

use anyhow::{Result, ensure};

use super::compare::{self, Sameness};
use super::content::{Content, Image};
use super::lab::Attempt;
use crate::process::Step;
use crate::tools::DOCKER;

pub(super) fn image(attempt: &Attempt<'_>) -> Result<()> {
    let content = Content::single("docker image")?;
    let name = attempt.tagged("v1");
    push(attempt, &content, &content.images[0], &name)?;
    attempt.referee()?.expect("v1", &content, Sameness::Unpacked)?;
    docker(attempt, &["rmi", &name])?;
    pull(attempt, &content.images[0], &name)
}

/// The engine of this age stores single images only. So it pushes one image for each platform, `docker manifest`
/// makes and pushes the index of the two, and the engine pulls by that index, once for each platform.
pub(super) fn index(attempt: &Attempt<'_>) -> Result<()> {
    let content = Content::multi("docker index")?;
    let name = attempt.tagged("all");
    let mut create = vec![
        "manifest".to_owned(),
        "create".to_owned(),
        "--insecure".to_owned(),
        name.clone(),
    ];
    for image in &content.images {
        let one = attempt.tagged(image.architecture);
        push(attempt, &content, image, &one)?;
        docker(attempt, &["rmi", &one])?;
        create.push(one);
    }
    docker(attempt, &create)?;
    docker(attempt, &["manifest", "push", "--insecure", &name])?;
    attempt.referee()?.expect("all", &content, Sameness::Unpacked)?;
    for image in &content.images {
        pull(attempt, image, &name)?;
    }
    Ok(())
}

/// Gives the image to the engine, and lets it push.
fn push(attempt: &Attempt<'_>, content: &Content, image: &Image, name: &str) -> Result<()> {
    let archive = attempt.path("sent.tar");
    content.write_docker_archive(image, &archive, name)?;
    docker(attempt, &["load", "--input", &archive.to_string_lossy()])?;
    docker(attempt, &["push", name])
}

/// Lets the engine pull what it does not have, and looks at what it got.
fn pull(attempt: &Attempt<'_>, image: &Image, name: &str) -> Result<()> {
    let here = attempt.output(command(attempt)?.args(["images", "--quiet", "--no-trunc"]))?;
    let here = String::from_utf8_lossy(&here);
    ensure!(
        !here.contains(&image.config),
        "the engine still has the image, and pulls nothing"
    );
    docker(
        attempt,
        &[
            "pull",
            "--platform",
            &format!("linux/{}", image.architecture),
            name,
        ],
    )?;
    let archive = attempt.path("back.tar");
    docker(attempt, &["save", "--output", &archive.to_string_lossy(), name])?;
    docker(attempt, &["rmi", name])?;
    compare::docker_archive(&archive, image)
}

fn docker(attempt: &Attempt<'_>, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Result<()> {
    attempt.run_step(command(attempt)?.args(arguments))
}

pub(super) fn command(attempt: &Attempt<'_>) -> Result<Step> {
    let socket = format!("unix://{}", attempt.engine()?.docker_socket().display());
    // `docker manifest` hides behind this variable in older clients.
    Ok(attempt
        .step(&DOCKER)?
        .env("DOCKER_HOST", socket)
        .env("DOCKER_CLI_EXPERIMENTAL", "enabled"))
}
