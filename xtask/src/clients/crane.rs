//! crane reads and writes OCI layouts as they are.

use anyhow::Result;

use super::compare::{self, Sameness};
use super::content::Content;
use super::lab::Attempt;
use crate::tools::CRANE;

pub(super) fn image(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::single("crane image")?)
}

pub(super) fn index(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::multi("crane index")?)
}

/// Pushes the content under `tag`, also for cells that need something to refer to.
pub(super) fn push(attempt: &Attempt<'_>, content: &Content, tag: &str) -> Result<()> {
    let layout = attempt.path("sent");
    content.write_layout(&layout, tag)?;
    attempt.run_step(
        attempt
            .step(&CRANE)?
            .arg("push")
            .args(security(attempt))
            .arg(layout)
            .arg(attempt.tagged(tag)),
    )?;
    attempt.referee()?.expect(tag, content, Sameness::Exact)
}

fn security(attempt: &Attempt<'_>) -> Option<&'static str> {
    attempt.authority().is_none().then_some("--insecure")
}

fn there_and_back(attempt: &Attempt<'_>, content: &Content) -> Result<()> {
    push(attempt, content, "v1")?;
    let back = attempt.path("back");
    let pull = attempt
        .step(&CRANE)?
        .args(["pull", "--format=oci"])
        .args(security(attempt));
    attempt.run_step(pull.arg(attempt.tagged("v1")).arg(&back))?;
    compare::layout(&back, content, Sameness::Exact)
}
