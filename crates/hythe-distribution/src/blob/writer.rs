use std::fmt::Debug;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_digest::Digest;
use hythe_manifest::Descriptor;

use crate::{Result, UploadId};

/// One upload session, opened for writing.
///
/// # Behaviour
/// * Dropping a writer keeps what the last `suspend` kept. So a server copies a request body in a task of its
///   own, which suspends the writer when the client goes away: the one place where dropping a future is not the
///   whole of cancellation.
/// * `suspend`, `commit` and `cancel` consume the writer. When `commit` fails the session stays and can be
///   resumed, with all bytes written so far; a wrong digest harms nothing.
#[async_trait]
pub trait BlobWriter: Debug + Send {
    /// The session's name.
    fn id(&self) -> UploadId;

    /// When the session was started.
    fn started_at(&self) -> SystemTime;

    /// Bytes received so far, those of earlier writers included.
    fn size(&self) -> u64;

    /// By what another process may go on with an upload that this writer has begun, as long as it is empty, without
    /// looking for it; see [`crate::ResumeOptions::mark`]. `None` where it has to look anyway.
    fn mark(&self) -> Option<String>;

    /// Appends a batch of pieces in order; all of it or, on an error, none.
    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()>;

    /// Keeps what was written for a later writer.
    async fn suspend(self: Box<Self>) -> Result<()>;

    /// Ends the upload: verifies the content, stores it, links it here under `digest`.
    ///
    /// # Behaviour
    /// * Content of another digest: [`crate::Error::DigestMismatch`]. The session stays.
    /// * Of two that commit one session one wins; for the other it is [`crate::Error::UploadUnknown`].
    /// * Once this returned, content and link survive a power failure.
    async fn commit(self: Box<Self>, digest: &Digest) -> Result<Descriptor>;

    /// Ends the upload and removes what was received.
    async fn cancel(self: Box<Self>) -> Result<()>;
}
