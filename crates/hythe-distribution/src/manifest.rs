use std::fmt::Debug;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_manifest::{Descriptor, Manifest};

use crate::{Page, PageRequest, Result, Trust};

/// How a manifest is put.
#[derive(Debug, Clone, Default)]
pub struct PutManifestOptions {
    /// The digest the client addresses it by; it must match the bytes. `None`: sha256.
    pub digest: Option<Digest>,
}

/// Which referrers are wanted.
#[derive(Debug, Clone, Default)]
pub struct ReferrersQuery {
    /// Only those of this artifact type.
    pub artifact_type: Option<String>,
    /// Which page of the list, which is in the order of digests.
    pub page: PageRequest<Digest>,
}

/// A page of the manifests that name a subject.
pub type Referrers = Page<Descriptor, Digest>;

/// The manifests of one repository.
#[async_trait]
pub trait ManifestService: Debug + Send + Sync {
    /// Whether the repository has a manifest of this digest.
    async fn exists(&self, digest: &Digest, trust: Trust) -> Result<bool>;

    /// A manifest, its bytes as they were put.
    ///
    /// # Behaviour
    /// * Not linked here, or its content gone: [`crate::Error::ManifestUnknown`].
    async fn get(&self, digest: &Digest) -> Result<Manifest>;

    /// Verifies and stores a manifest and links it here. No tag is moved.
    ///
    /// # Behaviour
    /// * What it refers to must be there, by the registry's validation rules:
    ///   [`crate::Error::ManifestVerification`] names everything that is not.
    /// * A `subject` need not be there.
    /// * Putting it again is no error.
    /// * Returns the descriptor under the digest the client used.
    /// * Once this returned, it survives a power failure, and it is listed among its subject's referrers.
    async fn put(&self, manifest: &Manifest, options: PutManifestOptions) -> Result<Descriptor>;

    /// Removes the manifest's link from this repository. Tags and content stay.
    ///
    /// # Behaviour
    /// * Deletion switched off: [`crate::Error::Unsupported`], before anything is looked up.
    /// * Not linked here: [`crate::Error::ManifestUnknown`].
    async fn delete(&self, digest: &Digest) -> Result<()>;

    /// The digests of the repository's manifests, in order.
    async fn list(&self, page: PageRequest<Digest>) -> Result<Page<Digest>>;

    /// The manifests of this repository whose `subject` is this digest (OCI distribution spec, Listing
    /// Referrers).
    ///
    /// # Behaviour
    /// * Unknown repository or subject: an empty page.
    /// * A limited page may be shorter than its limit, to bound its bytes; `next` tells whether there is more.
    /// * Descriptors carry the artifact type and all annotations of the referring manifest.
    async fn referrers(&self, subject: &Digest, query: ReferrersQuery) -> Result<Referrers>;
}
