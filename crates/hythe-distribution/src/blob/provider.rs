use std::fmt::{self, Debug};
use std::net::IpAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{Method, Uri};
use hythe_digest::Digest;
use hythe_manifest::Descriptor;

use crate::Result;

/// Bytes that arrive piece by piece. It ends after the first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The part of a blob to open; bytes are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlobRange {
    /// Everything.
    #[default]
    Full,
    /// From an offset to the end.
    From(u64),
    /// From an offset, at most so many bytes.
    Bounded {
        /// The first byte.
        offset: u64,
        /// How many bytes at most.
        length: u64,
    },
    /// At most the last so many bytes.
    Suffix(u64),
}

/// An opened blob.
#[derive(Debug)]
pub struct Blob {
    /// What it is: the digest asked for, the size of the whole blob in bytes.
    pub descriptor: Descriptor,
    /// The bytes that `content` yields. Empty, at the end, when the range asked for begins at or after it.
    pub range: Range<u64>,
    /// Exactly the bytes of `range`.
    pub content: Content,
}

/// Where the bytes come from.
pub enum Content {
    /// An open file, so that the connection can send it without copying.
    File(FileRange),
    /// A stream.
    Stream(ByteStream),
}

impl Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(range) => f.debug_tuple("File").field(range).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A range of an open file whose content does not change while it is open.
#[derive(Debug, Clone)]
pub struct FileRange {
    /// The open file; its own position is not used.
    pub file: Arc<OwnedFd>,
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// What is needed to hand out an address for a blob.
#[derive(Debug, Clone)]
pub struct RedirectRequest {
    /// The method the client will use.
    pub method: Method,
    /// The client's address, for policies by network.
    pub client: Option<IpAddr>,
    /// Whether the client wants the last bytes, however many there are, which not every backend understands.
    pub wants_suffix: bool,
    /// The smallest blob worth another request of the client, in bytes.
    pub minimum_bytes: u64,
    /// How long the address should work; it may be less.
    pub valid_for: Duration,
}

/// Opens blobs.
#[async_trait]
pub trait BlobProvider: Debug + Send + Sync {
    /// Opens a blob of this repository. Opening proves that the content is there.
    ///
    /// # Behaviour
    /// * Not linked here, or its content gone: [`crate::Error::BlobUnknown`].
    /// * A deletion meanwhile does not harm what is open.
    async fn open(&self, digest: &Digest, range: BlobRange) -> Result<Blob>;

    /// The whole blob in memory.
    ///
    /// # Behaviour
    /// * More than `limit` bytes: [`crate::Error::TooLarge`].
    async fn get(&self, digest: &Digest, limit: u64) -> Result<Bytes>;

    /// The blob's descriptor and an address where a client may fetch it by itself; `None`: serve it here.
    ///
    /// # Behaviour
    /// * The storage is looked at, so that no address is given for a blob that is gone.
    /// * A blob of fewer than [`RedirectRequest::minimum_bytes`] has none, nor has one whose end is wanted
    ///   ([`RedirectRequest::wants_suffix`]) from a backend that cannot find it.
    async fn redirect_url(
        &self,
        digest: &Digest,
        request: &RedirectRequest,
    ) -> Result<Option<(Descriptor, Uri)>>;
}
