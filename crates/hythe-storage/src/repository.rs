use std::sync::Arc;

use hythe_distribution::{BlobStore, ManifestService, Repository, TagService};
use hythe_reference::RepositoryName;

use crate::core::Core;
use crate::linked_blob_store::LinkedBlobStore;
use crate::manifest_store::ManifestStore;
use crate::tag_store::TagStore;

/// One repository of a [`crate::Registry`].
#[derive(Debug)]
pub(crate) struct StoredRepository {
    name: RepositoryName,
    blobs: LinkedBlobStore,
    manifests: ManifestStore,
    tags: TagStore,
}

impl StoredRepository {
    pub(crate) fn new(core: Arc<Core>, name: RepositoryName) -> Self {
        Self {
            blobs: LinkedBlobStore::new(core.clone(), name.clone()),
            manifests: ManifestStore::new(core.clone(), name.clone()),
            tags: TagStore::new(core, name.clone()),
            name,
        }
    }
}

impl Repository for StoredRepository {
    fn name(&self) -> &RepositoryName {
        &self.name
    }

    fn blobs(&self) -> &dyn BlobStore {
        &self.blobs
    }

    fn manifests(&self) -> &dyn ManifestService {
        &self.manifests
    }

    fn tags(&self) -> &dyn TagService {
        &self.tags
    }
}
