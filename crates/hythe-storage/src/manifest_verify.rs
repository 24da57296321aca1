//! What a manifest may refer to.

use hythe_distribution::{Error, Result};
use hythe_manifest::Manifest;
use hythe_reference::RepositoryName;

use crate::core::Core;

/// The rules for what a manifest refers to.
#[derive(Debug, Clone, Default)]
pub struct ValidationRules {}

/// Checks everything a manifest refers to.
pub(crate) async fn verify(core: &Core, repository: &RepositoryName, manifest: &Manifest) -> Result<()> {
    let _ = (core, repository, manifest);
    Err(Error::Unsupported)
}
