//! crane reads and writes OCI layouts as they are.

use anyhow::Result;

use super::compare::{self, Sameness};
use super::content::Content;
use super::lab::Attempt;
use crate::tools::CRANE;

pub(super) fn image(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::single("crane image")?, &[])
}

pub(super) fn index(attempt: &Attempt<'_>) -> Result<()> {
    there_and_back(attempt, &Content::multi("crane index")?, &["--index"])
}

/// Pushes the content under `tag`, for cells that need something to refer to.
pub(super) fn push(attempt: &Attempt<'_>, content: &Content, tag: &str) -> Result<()> {
    push_with(attempt, content, tag, &[])
}

fn push_with(attempt: &Attempt<'_>, content: &Content, tag: &str, options: &[&str]) -> Result<()> {
    let layout = attempt.path("sent");
    content.write_layout(&layout, tag)?;
    let push = attempt
        .step(&CRANE)?
        .args(["push", "--insecure"])
        .args(options)
        .arg(layout)
        .arg(attempt.tagged(tag));
    attempt.run_step(push)?;
    attempt.referee().expect(tag, content, Sameness::Exact)
}

fn there_and_back(attempt: &Attempt<'_>, content: &Content, options: &[&str]) -> Result<()> {
    push_with(attempt, content, "v1", options)?;
    let back = attempt.path("back");
    let pull = attempt.step(&CRANE)?.args(["pull", "--insecure", "--format=oci"]);
    attempt.run_step(pull.arg(attempt.tagged("v1")).arg(&back))?;
    compare::layout(&back, content, Sameness::Exact)
}
