//! skopeo copies between OCI layouts and a registry.

use anyhow::{Result, ensure};

use super::compare::{self, Sameness};
use super::content::{Content, noise, tar_of};
use super::lab::Attempt;
use crate::tools::{SKOPEO, UMOCI};

pub(super) fn image(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::single("skopeo image")?)
}

pub(super) fn index(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::multi("skopeo index")?)
}

/// The layout is umoci's own work, so it is compared with itself: every blob of it must come back.
pub(super) fn umoci(attempt: &Attempt<'_>) -> Result<()> {
    let sent = attempt.path("sent");
    let image = format!("{}:v1", sent.display());
    let layer = attempt.path("layer.tar");
    std::fs::write(&layer, tar_of("data/noise", &noise("umoci", 2_000_000))?)?;
    attempt.run(&UMOCI, ["init", "--layout", &sent.to_string_lossy()])?;
    attempt.run(&UMOCI, ["new", "--image", &image])?;
    attempt.run(
        &UMOCI,
        ["raw", "add-layer", "--image", &image, &layer.to_string_lossy()],
    )?;
    attempt.run(
        &UMOCI,
        [
            "config",
            "--image",
            &image,
            "--config.cmd",
            "/bin/true",
            "--os",
            "linux",
        ],
    )?;
    attempt.run(&UMOCI, ["gc", "--layout", &sent.to_string_lossy()])?;
    let back = attempt.path("back");
    copy(
        attempt,
        &format!("oci:{image}"),
        &format!("docker://{}", attempt.tagged("v1")),
    )?;
    copy(
        attempt,
        &format!("docker://{}", attempt.tagged("v1")),
        &format!("oci:{}:v1", back.display()),
    )?;
    let mut compared = 0;
    for entry in std::fs::read_dir(sent.join("blobs/sha256"))? {
        let entry = entry?;
        let returned = std::fs::read(back.join("blobs/sha256").join(entry.file_name()))?;
        ensure!(
            returned == std::fs::read(entry.path())?,
            "{} has other bytes",
            entry.path().display()
        );
        compared += 1;
    }
    ensure!(
        compared == 3,
        "umoci made {compared} blobs, not a layer, a configuration and a manifest"
    );
    Ok(())
}

fn there_and_back(attempt: &Attempt<'_>, content: &Content) -> Result<()> {
    let (sent, back) = (attempt.path("sent"), attempt.path("back"));
    content.write_layout(&sent, "v1")?;
    let remote = format!("docker://{}", attempt.tagged("v1"));
    copy(attempt, &format!("oci:{}:v1", sent.display()), &remote)?;
    attempt.referee()?.expect("v1", content, Sameness::Exact)?;
    copy(attempt, &remote, &format!("oci:{}:v1", back.display()))?;
    compare::layout(&back, content, Sameness::Exact)
}

fn copy(attempt: &Attempt<'_>, from: &str, to: &str) -> Result<()> {
    let [source, destination] = ["src-", "dest-"].map(|side| attempt.containers_security(side));
    attempt.run(&SKOPEO, ["copy", "--all", &source, &destination, from, to])
}
