//! The names of all repositories.

use hythe_distribution::{Error, Page, PageRequest, Result};
use hythe_reference::RepositoryName;

use crate::core::Core;

/// The names of the repositories that hold or held manifests, in byte order of `name/`.
pub(crate) async fn repositories(
    core: &Core,
    page: PageRequest<RepositoryName>,
) -> Result<Page<RepositoryName>> {
    let _ = (core, page);
    Err(Error::Unsupported)
}
