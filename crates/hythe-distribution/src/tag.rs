use std::fmt::Debug;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_reference::Tag;

use crate::{Page, PageRequest, Result};

/// The tags of one repository.
#[async_trait]
pub trait TagService: Debug + Send + Sync {
    /// The digest a tag points to.
    ///
    /// # Behaviour
    /// * No such tag: [`crate::Error::TagUnknown`].
    async fn get(&self, tag: &Tag) -> Result<Digest>;

    /// Points a tag at a manifest of this repository.
    ///
    /// # Behaviour
    /// * A manifest that is not stored here: [`crate::Error::ManifestUnknown`].
    /// * It survives a power failure once this returned. Of concurrent calls the last wins.
    async fn tag(&self, tag: &Tag, digest: &Digest) -> Result<()>;

    /// Removes a tag.
    ///
    /// # Behaviour
    /// * Deletion switched off: [`crate::Error::Unsupported`], before anything is looked up.
    /// * No such tag: [`crate::Error::TagUnknown`].
    async fn untag(&self, tag: &Tag) -> Result<()>;

    /// Removes every tag that points to a manifest, because that manifest is being deleted; returns them.
    async fn untag_all(&self, digest: &Digest) -> Result<Vec<Tag>>;

    /// The tags, in byte order.
    ///
    /// # Behaviour
    /// * A repository that never had a tag: [`crate::Error::RepositoryUnknown`], unless it holds manifests.
    async fn list(&self, page: PageRequest<Tag>) -> Result<Page<Tag>>;

    /// The tags that point to a manifest, in byte order.
    async fn lookup(&self, digest: &Digest) -> Result<Vec<Tag>>;
}
