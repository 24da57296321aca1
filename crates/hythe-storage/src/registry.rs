use std::sync::Arc;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_distribution::{Error, Namespace, Page, PageRequest, Repository, Result};
use hythe_driver::StorageDriver;
use hythe_manifest::ManifestTypes;
use hythe_reference::RepositoryName;

use crate::catalog;
use crate::core::Core;
use crate::error::DriverResultExt;
use crate::links::{self, LinkSet};
use crate::options::RegistryOptions;
use crate::repository::StoredRepository;
use crate::statters::Statters;

/// A registry that keeps everything in one storage driver.
///
/// Cheap to clone; clones are the same registry.
#[derive(Debug, Clone)]
pub struct Registry {
    core: Arc<Core>,
}

impl Registry {
    /// A registry over `driver`. Nothing is read or written yet.
    pub fn new(driver: Arc<dyn StorageDriver>, options: RegistryOptions) -> Self {
        Self {
            core: Arc::new(Core::new(driver, options)),
        }
    }

    /// The driver it keeps everything in.
    pub fn driver(&self) -> &Arc<dyn StorageDriver> {
        &self.core.driver
    }
}

#[async_trait]
impl Namespace for Registry {
    fn repository(&self, name: &RepositoryName) -> Arc<dyn Repository> {
        Arc::new(StoredRepository::new(self.core.clone(), name.clone()))
    }

    fn manifest_types(&self) -> &ManifestTypes {
        &self.core.options.manifest_types
    }

    async fn repositories(&self, page: PageRequest<RepositoryName>) -> Result<Page<RepositoryName>> {
        catalog::repositories(&self.core, page).await
    }

    async fn remove_repository(&self, name: &RepositoryName) -> Result<()> {
        if !self.core.options.delete {
            return Err(Error::Unsupported);
        }
        // Manifests first: what is left after a failure has no manifest that lacks a blob.
        let mut existed = remove(&self.core, &self.core.layout.manifests(name)).await?;
        let statters = Statters::new(&self.core, name);
        let blobs = links::enumerate(&self.core, name, &LinkSet::Layers, PageRequest::default()).await?;
        for digest in &blobs.items {
            statters.forget(digest).await?;
        }
        existed |= remove(&self.core, &self.core.layout.layers(name)).await?;
        for digest in &blobs.items {
            statters.forget(digest).await?;
        }
        existed |= remove(&self.core, &self.core.layout.uploads(name)).await?;
        existed |= remove(&self.core, &self.core.layout.referrers(name)).await?;
        if existed {
            Ok(())
        } else {
            Err(Error::RepositoryUnknown { name: name.clone() })
        }
    }

    fn mount_candidates(&self, digest: &Digest) -> Vec<RepositoryName> {
        self.core.mount_candidates.of(digest)
    }
}

/// Removes a directory; whether it was there.
async fn remove(core: &Core, directory: &hythe_driver::DriverPath) -> Result<bool> {
    Ok(core.driver.delete(directory).await.found()?.is_some())
}
