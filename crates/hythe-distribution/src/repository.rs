use std::fmt::Debug;

use hythe_reference::RepositoryName;

use crate::{BlobStore, ManifestService, TagService};

/// One repository. Cheap to make; one is made for every request.
pub trait Repository: Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &RepositoryName;

    /// Its blobs.
    fn blobs(&self) -> &dyn BlobStore;

    /// Its manifests.
    fn manifests(&self) -> &dyn ManifestService;

    /// Its tags.
    fn tags(&self) -> &dyn TagService;
}
