//! containerd, by its own client `ctr`. It keeps manifests and compressed layers as they came.

use std::ffi::{OsStr, OsString};

use anyhow::{Result, ensure};

use super::compare::{self, Sameness};
use super::content::Content;
use super::lab::Attempt;
use crate::behind::{PASSWORD, USER};
use crate::process::Step;
use crate::tools::CTR;

pub(super) fn image(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::single("containerd image")?)
}

pub(super) fn index(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::multi("containerd index")?)
}

fn there_and_back(attempt: &Attempt<'_>, content: &Content) -> Result<()> {
    let (sent, back) = (attempt.path("sent.tar"), attempt.path("back.tar"));
    let name = attempt.tagged("v1");
    content.write_oci_archive(&sent, &name)?;
    ctr(
        attempt,
        [
            OsStr::new("import"),
            "--all-platforms".as_ref(),
            "--no-unpack".as_ref(),
            sent.as_ref(),
        ],
    )?;
    let push = images(attempt)?
        .arg("push")
        .args(security(attempt)?)
        .args(user(attempt));
    attempt.run_step(push.arg(&name))?;
    attempt.referee()?.expect("v1", content, Sameness::Exact)?;
    // Without `--sync` the content would stay until the next collection, and nothing would be pulled.
    ctr(attempt, ["rm", "--sync", &name])?;
    let left = attempt.output(command(attempt)?.args(["content", "ls", "--quiet"]))?;
    let left = String::from_utf8_lossy(&left);
    ensure!(
        !left.contains(content.root_digest()?),
        "containerd still has the content, and pulls nothing"
    );
    let pull = images(attempt)?.args(["pull", "--all-platforms", "--snapshotter", "native"]);
    let pull = pull.args(security(attempt)?).args(user(attempt));
    attempt.run_step(pull.arg(&name))?;
    ctr(
        attempt,
        [
            OsStr::new("export"),
            "--all-platforms".as_ref(),
            back.as_ref(),
            name.as_ref(),
        ],
    )?;
    ctr(attempt, ["rm", "--sync", &name])?;
    let unpacked = attempt.path("back");
    tar::Archive::new(std::fs::File::open(back)?).unpack(&unpacked)?;
    compare::layout(&unpacked, content, Sameness::Exact)
}

fn ctr<A: AsRef<OsStr>>(attempt: &Attempt<'_>, arguments: impl IntoIterator<Item = A>) -> Result<()> {
    attempt.run_step(images(attempt)?.args(arguments))
}

/// How it speaks to the registry. It speaks no TLS to an address of this machine, unless a file says that it is to.
pub(super) fn security(attempt: &Attempt<'_>) -> Result<Vec<OsString>> {
    let Some(authority) = attempt.authority() else {
        return Ok(vec!["--plain-http".into()]);
    };
    let hosts = attempt.path("hosts");
    let folder = hosts.join(attempt.address().to_string());
    std::fs::create_dir_all(&folder)?;
    let url = attempt.way().url();
    let ca = authority.display();
    let text = format!("server = \"{url}\"\n[host.\"{url}\"]\n  ca = \"{ca}\"\n");
    std::fs::write(folder.join("hosts.toml"), text)?;
    Ok(vec!["--hosts-dir".into(), hosts.into()])
}

fn user(attempt: &Attempt<'_>) -> Vec<String> {
    if attempt.way().behind.has_password() {
        vec!["--user".to_owned(), format!("{USER}:{PASSWORD}")]
    } else {
        Vec::new()
    }
}

pub(super) fn images(attempt: &Attempt<'_>) -> Result<Step> {
    Ok(command(attempt)?.arg("images"))
}

fn command(attempt: &Attempt<'_>) -> Result<Step> {
    let socket = attempt.engine()?.containerd_socket();
    Ok(attempt
        .step(&CTR)?
        .arg("--address")
        .arg(socket)
        .args(["--namespace", "hythe"]))
}
