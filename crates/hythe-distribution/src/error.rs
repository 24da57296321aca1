use std::time::Duration;

use hythe_digest::Digest;
use hythe_manifest::ManifestError;
use hythe_reference::{RepositoryName, Tag};

use crate::UploadId;

/// The result of a registry operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A cause from below these interfaces.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a registry operation failed, in the registry's own terms.
///
/// There is deliberately no conversion from a storage driver's error: that a path was not found means unknown
/// blob, upload, tag or repository depending on who asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such blob in this repository.
    #[error("blob {digest} is unknown")]
    BlobUnknown {
        /// The blob asked for.
        digest: Digest,
    },
    /// No such upload session.
    #[error("upload {id} is unknown")]
    UploadUnknown {
        /// The session asked for.
        id: UploadId,
    },
    /// The upload is not where the caller believes it to be, or somebody else is writing it.
    #[error("upload {id} has received {size} bytes")]
    UploadOffset {
        /// The session.
        id: UploadId,
        /// Bytes received, as far as known.
        size: u64,
    },
    /// The content does not have the digest the client gave.
    #[error("content does not match digest {expected}")]
    DigestMismatch {
        /// The digest the client gave.
        expected: Digest,
    },
    /// No such manifest in this repository.
    #[error("manifest {digest} is unknown in {repository}")]
    ManifestUnknown {
        /// The repository.
        repository: RepositoryName,
        /// The manifest asked for.
        digest: Digest,
    },
    /// The manifest cannot be read as what it claims to be.
    #[error("manifest is invalid")]
    ManifestInvalid(#[from] ManifestError),
    /// The manifest refers to things that are not there or not allowed.
    #[error("manifest refers to {} unknown or forbidden thing(s)", .0.len())]
    ManifestVerification(Vec<ManifestViolation>),
    /// No such tag in this repository.
    #[error("tag {tag} is unknown")]
    TagUnknown {
        /// The tag asked for.
        tag: Tag,
    },
    /// No such repository.
    #[error("repository {name} is unknown")]
    RepositoryUnknown {
        /// The repository asked for.
        name: RepositoryName,
    },
    /// The operation is switched off or not possible here.
    #[error("the operation is unsupported")]
    Unsupported,
    /// The content exceeds a limit.
    #[error("content exceeds {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The storage cannot serve now; nothing was lost, and a later try may succeed.
    #[error("storage is unavailable: {reason}")]
    Unavailable {
        /// The cause in words that may be shown to a client (no path, no address).
        reason: &'static str,
        /// When to try again, if the backend said so.
        retry_after: Option<Duration>,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// Stored data is damaged.
    #[error("stored data is damaged: {what}")]
    Damaged {
        /// What was found, without a path.
        what: String,
    },
    /// Anything else. The cause is for the log, not for clients.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

/// One thing that is wrong with what a manifest refers to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestViolation {
    /// A blob that is not in the repository.
    #[error("blob {digest} is unknown to the repository")]
    BlobUnknown {
        /// The blob.
        digest: Digest,
    },
    /// A manifest that is not in the repository.
    #[error("manifest {digest} is unknown to the repository")]
    ManifestUnknown {
        /// The manifest.
        digest: Digest,
    },
    /// An address of a layer that the rules forbid.
    #[error("layer {digest} has a forbidden url {url:?}")]
    ForbiddenUrl {
        /// The layer.
        digest: Digest,
        /// The address.
        url: String,
    },
    /// A layer that must name an address and does not.
    #[error("layer {digest} has no url")]
    MissingUrl {
        /// The layer.
        digest: Digest,
    },
}
