use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_manifest::ManifestTypes;
use hythe_reference::RepositoryName;

use crate::{Page, PageRequest, Repository, Result};

/// A registry: all its repositories.
#[async_trait]
pub trait Namespace: Debug + Send + Sync {
    /// A repository. It need not exist; it comes into being with the first thing stored in it.
    fn repository(&self, name: &RepositoryName) -> Arc<dyn Repository>;

    /// The manifest types this registry takes and serves.
    fn manifest_types(&self) -> &ManifestTypes;

    /// The names of the repositories that hold or held manifests, in byte order of `name/`.
    async fn repositories(&self, page: PageRequest<RepositoryName>) -> Result<Page<RepositoryName>>;

    /// Removes a repository with its links and uploads; repositories nested in its name stay. Contents stay for
    /// collection.
    ///
    /// # Behaviour
    /// * Deletion switched off: [`crate::Error::Unsupported`].
    /// * No such repository: [`crate::Error::RepositoryUnknown`].
    async fn remove_repository(&self, name: &RepositoryName) -> Result<()>;

    /// Repositories that this process knows to have held the blob lately, at most 32, for mounts that name no
    /// source. They are hints: the mount looks itself.
    fn mount_candidates(&self, digest: &Digest) -> Vec<RepositoryName>;
}
