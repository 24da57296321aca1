use std::fmt::{self, Debug};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DriverPath, PutMode, Result};

/// How a writer is opened.
#[derive(Debug, Clone)]
pub enum WriterMode {
    /// Start over.
    Create,
    /// Continue at the end of what is there.
    Append,
    /// Continue where a writer was suspended.
    Resume(ResumeToken),
}

/// How a written file is made visible.
#[derive(Debug, Clone, Default)]
pub struct CommitOptions {
    /// Where the content is to appear; `None` for the writer's own path, which else is gone afterwards.
    pub destination: Option<DriverPath>,
    /// When to replace what is there.
    pub mode: PutMode,
}

/// What a driver needs to continue a suspended upload, opaque to everybody else. At most some hundred kilobytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeToken(Bytes);

impl ResumeToken {
    /// A token from the bytes a driver made.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, to be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumeToken({} bytes)", self.0.len())
    }
}

/// Writes one large file, front to back.
///
/// # Behaviour
/// * Dropping a writer keeps at least what an earlier `suspend` kept; bytes written since may be kept or lost.
/// * `suspend`, `commit`, `cancel` and `abandon` consume the writer. When one of them fails the upload is
///   as it was after the last successful `suspend` or `claim`, or further, and can be opened again.
#[async_trait]
pub trait FileWriter: Debug + Send {
    /// Bytes in the file so far, those of earlier writers included.
    fn size(&self) -> u64;

    /// Sets apart what this writer is going to send from what others may send for the same upload. To be called
    /// before each [`Self::write`] by who keeps tokens that several may resume.
    ///
    /// # Behaviour
    /// * `None`: nothing has to be kept before the next `incoming` bytes are written, because the driver locks the
    ///   path, because this writer has claimed all that it needs, or because so few bytes leave nothing that could be mixed.
    /// * A writer's first token stands for what it was opened with, without what it wrote since. Who can keep it, given
    ///   that nobody else kept one since, goes on writing; who cannot calls [`Self::abandon`]. From then on no part
    ///   that a writer of an older token sends gets into the content.
    /// * A writer that claimed the upload may return another token, which stands for all that was written: what was sent
    ///   is about to be rebuilt, so that what was kept before could not be resumed any more.
    async fn claim(&mut self, incoming: u64) -> Result<Option<ResumeToken>>;

    /// Appends a batch of pieces in order.
    ///
    /// # Behaviour
    /// * All of the batch or, on an error, none of it: `size` and the content stay as before, and the writer can
    ///   still be suspended or cancelled.
    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()>;

    /// Keeps what was written, durably, for a later writer.
    ///
    /// # Behaviour
    /// * Returns a token where [`WriterMode::Append`] on the same path would not do; an older token of the same
    ///   upload may be refused from then on.
    async fn suspend(self: Box<Self>) -> Result<Option<ResumeToken>>;

    /// Makes the content visible, whole and at once.
    ///
    /// # Behaviour
    /// * It survives a power failure once this returned.
    /// * With [`PutMode::Create`] and a file at the destination: [`crate::ErrorKind::AlreadyExists`], nothing
    ///   changed.
    /// * An upload of no bytes makes an empty file.
    async fn commit(self: Box<Self>, options: CommitOptions) -> Result<()>;

    /// Removes what was written, and whatever the backend holds for it.
    async fn cancel(self: Box<Self>) -> Result<()>;

    /// Gives up what this writer, or who suspended what it was opened with, added alone, because somebody else goes
    /// on with the upload.
    ///
    /// # Behaviour
    /// * What `kept`, the token by which the other one goes on, names stays; with `None` all of it goes as with
    ///   [`Self::cancel`].
    /// * A driver that locks the path leaves everything as it is.
    async fn abandon(self: Box<Self>, kept: Option<ResumeToken>) -> Result<()>;
}
