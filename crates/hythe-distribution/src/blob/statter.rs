use std::fmt::Debug;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_manifest::Descriptor;

use crate::Result;

/// What an answer may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A cache may answer: enough to describe a blob to a reader.
    Cached,
    /// The storage was looked at, and the content was claimed for use: needed before anything is decided
    /// because the content is there.
    Stored,
}

/// Tells what a repository knows of a blob.
#[async_trait]
pub trait BlobStatter: Debug + Send + Sync {
    /// The descriptor of a blob of this repository.
    ///
    /// # Behaviour
    /// * Not linked here, or its content gone: [`crate::Error::BlobUnknown`].
    /// * The descriptor's digest is the one asked for, whatever the storage calls the content.
    /// * The media type is filled in where it is known.
    async fn stat(&self, digest: &Digest, trust: Trust) -> Result<Descriptor>;
}
