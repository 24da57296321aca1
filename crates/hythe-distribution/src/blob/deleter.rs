use std::fmt::Debug;

use async_trait::async_trait;
use hythe_digest::Digest;

use crate::Result;

/// Takes blobs out of a repository.
#[async_trait]
pub trait BlobDeleter: Debug + Send + Sync {
    /// Removes the blob's link from this repository. The content stays for collection.
    ///
    /// # Behaviour
    /// * Deletion switched off: [`crate::Error::Unsupported`], before anything is looked up.
    /// * Not linked here: [`crate::Error::BlobUnknown`].
    /// * It is unknown to every reader at once, whatever a cache holds.
    async fn delete(&self, digest: &Digest) -> Result<()>;
}
