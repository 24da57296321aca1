use std::fmt::Debug;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_manifest::{Descriptor, MediaType};
use hythe_reference::RepositoryName;

use crate::{BlobWriter, Result, UploadId};

/// A request to link a blob that another repository has.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The blob wanted, as the client names it.
    pub digest: Digest,
    /// Repositories to look in, in order; only those the caller may pull from.
    pub from: Vec<RepositoryName>,
}

/// How an upload is started.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// Link this blob instead, if one of its sources has it.
    pub mount: Option<Mount>,
    /// The algorithm the client announced for the digest it will give at the end (OCI distribution spec,
    /// `digest-algorithm`), so that it can be computed while the content arrives.
    pub algorithm: Option<Algorithm>,
}

/// What starting an upload led to.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made once an upload; a box would only move it"
)]
pub enum BlobCreated {
    /// The blob was mounted; nothing needs to be uploaded.
    Mounted(Descriptor),
    /// An upload session, empty.
    Upload(Box<dyn BlobWriter>),
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadStatus {
    /// Bytes received.
    pub size: u64,
    /// When it was started.
    pub started_at: SystemTime,
}

/// How an upload is continued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResumeOptions {
    /// Refuse with [`crate::Error::UploadOffset`] unless exactly so many bytes have been received.
    pub expected_size: Option<u64>,
    /// The [`crate::BlobWriter::mark`] of the writer that began the upload, if it is expected to be empty. The upload need
    /// not be looked for then: whether it is there, and empty, shows at the latest when something is kept.
    pub mark: Option<String>,
}

/// Takes new blobs.
#[async_trait]
pub trait BlobIngester: Debug + Send + Sync {
    /// Stores a small blob and links it here.
    async fn put(&self, media_type: Option<MediaType>, content: Bytes) -> Result<Descriptor>;

    /// Starts an upload, or mounts.
    ///
    /// # Behaviour
    /// * A mount whose blob none of the sources has falls back to an upload.
    /// * The session exists durably enough to be found by another process at once; an empty upload that is
    ///   dropped without being suspended may be lost.
    async fn create(&self, options: CreateOptions) -> Result<BlobCreated>;

    /// Where an upload stands.
    ///
    /// # Behaviour
    /// * No such upload: [`crate::Error::UploadUnknown`].
    /// * It may be asked while the upload is being written.
    async fn upload_status(&self, id: &UploadId) -> Result<UploadStatus>;

    /// Continues an upload, also one that another process began.
    ///
    /// # Behaviour
    /// * No such upload: [`crate::Error::UploadUnknown`].
    /// * Somebody else is writing it, or it is not of the expected size: [`crate::Error::UploadOffset`] with
    ///   the size as it is.
    async fn resume(&self, id: &UploadId, options: ResumeOptions) -> Result<Box<dyn BlobWriter>>;
}
