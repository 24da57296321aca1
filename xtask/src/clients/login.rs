//! Clients log in, each in its own words: with a wrong password, which must be refused in words that people understand,
//! and with the right one.
//!
//! crane, cosign and oras only write down what they are told, so that the registry refuses them with the first request.
//! ctr has no login: it is told the password with each command.

use anyhow::{Result, ensure};

use super::docker;
use super::lab::Attempt;
use crate::behind::{PASSWORD, USER};
use crate::process::Step;
use crate::tools::{BUILDAH, COSIGN, CRANE, CTR, DOCKER, HELM, PODMAN, REGCTL, SKOPEO, Tool};

const WRONG: &str = "no password of anybody";

/// What a registry's refusal looks like on a client's side, in lower case. The second is containerd's.
const UNAUTHORIZED: [&str; 2] = ["unauthorized", "authorization failed"];
/// In the words of the library that podman, buildah and skopeo share.
const INVALID: [&str; 1] = ["invalid username/password"];

/// Logs a tool in where the registry wants it; tools that talk to no registry are left alone.
pub(super) fn login(attempt: &Attempt<'_>, tool: &Tool) -> Result<()> {
    if !attempt.way().behind.has_password() {
        return Ok(());
    }
    let refusal: &[&str] = match tool.name {
        name if [PODMAN.name, BUILDAH.name, SKOPEO.name].contains(&name) => &INVALID,
        _ => &UNAUTHORIZED,
    };
    // Twenty wrong passwords in a row, and everybody of this address has to wait.
    if attempt.is_first_login(tool)
        && let Some(step) = refused(attempt, tool)?
    {
        let words = attempt.failure(step)?.to_lowercase();
        ensure!(
            refusal.iter().any(|word| words.contains(word)),
            "a wrong password is refused with other words:\n{words}"
        );
    }
    match words(attempt, tool, PASSWORD)? {
        Some(step) => attempt.run_step(step),
        None => Ok(()),
    }
}

/// What has to fail with a wrong password.
fn refused(attempt: &Attempt<'_>, tool: &Tool) -> Result<Option<Step>> {
    let login = words(attempt, tool, WRONG)?;
    if tool.name == CTR.name {
        let pull = super::containerd::images(attempt)?.args(["pull", "--user", &format!("{USER}:{WRONG}")]);
        let pull = pull
            .args(super::containerd::security(attempt)?)
            .arg(attempt.tagged("v1"));
        return Ok(Some(pull));
    }
    if tool.name == CRANE.name {
        if let Some(step) = login {
            attempt.run_step(step)?;
        }
        let list = attempt
            .step(tool)?
            .args(["catalog", &attempt.address().to_string()]);
        return Ok(Some(list));
    }
    // cosign asks nothing that needs no image, and has crane's library.
    Ok(login.filter(|_| tool.name != COSIGN.name))
}

/// The client's own login.
fn words(attempt: &Attempt<'_>, tool: &Tool, password: &str) -> Result<Option<Step>> {
    let host = attempt.address().to_string();
    let authority = attempt.authority();
    let step = match tool.name {
        name if name == DOCKER.name => {
            docker::command(attempt)?.args(["login", "--username", USER, "--password-stdin", &host])
        }
        name if [PODMAN.name, BUILDAH.name, SKOPEO.name].contains(&name) => attempt
            .step(tool)?
            .args(["login", "--username", USER, "--password-stdin"])
            .arg(attempt.containers_security(""))
            .arg(host),
        name if name == CRANE.name => {
            attempt
                .step(tool)?
                .args(["auth", "login", "--username", USER, "--password-stdin", &host])
        }
        name if name == COSIGN.name => {
            attempt
                .step(tool)?
                .args(["login", "--username", USER, "--password-stdin", &host])
        }
        name if name == REGCTL.name => {
            super::regctl::regctl(attempt)?.args(["registry", "login", "--user", USER, "--pass-stdin", &host])
        }
        name if name == HELM.name => {
            let step =
                attempt
                    .step(tool)?
                    .args(["registry", "login", "--username", USER, "--password-stdin"]);
            match authority {
                Some(file) => step.arg("--ca-file").arg(file).arg(host),
                None => step.arg("--plain-http").arg(host),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(step.input(password)?))
}
