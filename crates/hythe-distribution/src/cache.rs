use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_manifest::Descriptor;
use hythe_reference::RepositoryName;

use crate::BoxError;

/// A cache that could not be asked or told. It never fails a request that the storage could serve.
#[derive(Debug, thiserror::Error)]
#[error("descriptor cache failed to {operation}")]
pub struct CacheError {
    /// What was to be done: `stat`, `set` or `clear`.
    pub operation: &'static str,
    /// The cause.
    #[source]
    pub source: BoxError,
}

/// Remembers descriptors by digest, for all repositories or for one.
#[async_trait]
pub trait BlobDescriptorService: Debug + Send + Sync {
    /// The descriptor remembered; `None` when there is none.
    async fn stat(&self, digest: &Digest) -> Result<Option<Descriptor>, CacheError>;

    /// Remembers a descriptor under a digest, which may be of another algorithm than the descriptor's own.
    async fn set(&self, digest: &Digest, descriptor: &Descriptor) -> Result<(), CacheError>;

    /// Forgets. Nothing to forget is no error.
    async fn clear(&self, digest: &Digest) -> Result<(), CacheError>;
}

/// A cache of blob descriptors: one global set, and one set a repository that also says that the blob is a
/// member of it.
///
/// # Behaviour
/// * The sets are apart: clearing a repository's entry leaves the global one and other repositories'.
/// * Setting a repository's entry also fills the global one if that is empty.
/// * An entry may be dropped at any time.
pub trait BlobDescriptorCacheProvider: BlobDescriptorService {
    /// The set of one repository.
    fn repository_scoped(&self, name: &RepositoryName) -> Arc<dyn BlobDescriptorService>;
}
