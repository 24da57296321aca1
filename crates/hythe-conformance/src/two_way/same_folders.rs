//! The same requests leave the same files.

use std::path::Path;

use hythe_testutil::ServerProcess;
use tempfile::TempDir;

use super::script::Script;
use super::tree::{AllowedTreeDifferences, Tree};
use super::{Programs, shared};
use crate::failure::Failure;

/// Runs the script on an empty folder with each program and compares the folders. Gives the number of paths.
pub async fn same_folders(programs: &Programs, allowed: &AllowedTreeDifferences) -> Result<usize, Failure> {
    let left = written_by(&programs.hythe, programs.common_script()).await?;
    let right = written_by(&programs.original, programs.common_script()).await?;
    let differences = left.differences(&right);
    let (unexpected, unused) = allowed.judge(&differences);
    let mut complaints: Vec<String> = unexpected
        .iter()
        .map(|difference| {
            format!(
                "{}\n    Hythe    {}\n    original {}",
                difference.path, difference.left, difference.right
            )
        })
        .collect();
    complaints.extend(
        unused
            .iter()
            .map(|path| format!("{path}: allowed to differ, but does not")),
    );
    if complaints.is_empty() {
        return Ok(left.len());
    }
    Err(Failure::new(format!(
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    )))
}

async fn written_by(program: &Path, mut script: Script) -> Result<Tree, Failure> {
    let folder = TempDir::new().map_err(|error| Failure::new(format!("temporary folder: {error}")))?;
    let root = folder.path().join("registry");
    let server = ServerProcess::start(program, &shared(&root)).await?;
    script.begin(&server.client()).await?;
    script.check(&server.client()).await?;
    server.terminate().await?;
    Tree::read(&root)
}
