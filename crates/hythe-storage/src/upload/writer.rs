use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_digest::Digest;
use hythe_distribution::{BlobWriter, Error, Result, UploadId};
use hythe_driver::{self as driver, ErrorKind, FileWriter, ResumeToken, WriterMode};
use hythe_manifest::Descriptor;

use crate::error::{DriverResultExt, failed};

use super::hash_state::{self, Hashers};
use super::hashing::Hashing;
use super::record::Record;
use super::session::{Recording, Session};

/// One upload, opened for writing.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(super) session: Session,
    pub(super) data: Data,
    /// Hashes of exactly what is in `data`; empty when that is not certain, and while `hashing` has them.
    pub(super) hashers: Hashers,
    /// The same while batches are being written; see [`Upload::settled`].
    pub(super) hashing: Option<Hashing>,
    /// What others know of it: bytes that were kept, and their hashes.
    pub(super) kept: (u64, Hashers),
    /// Whether others know that we write.
    pub(super) is_claimed: bool,
    /// Whether there is something to keep that was not kept before.
    pub(super) is_changed: bool,
    /// Whether this is the writer that began the session, so that nobody else can be writing it.
    pub(super) is_new: bool,
}

/// Where the bytes go.
pub(super) enum Data {
    /// Nowhere yet: on a backend that cannot append, a writer is opened with the first byte.
    NotBegun,
    /// Into the driver.
    Open(Box<dyn FileWriter>),
    /// Nowhere any more: a finished file holds all of them, because they had to be read again.
    Sealed {
        /// Bytes in that file.
        size: u64,
    },
    /// They left: somebody commits the upload right now, or a commit failed after it had made them content and
    /// before it made the link. The hashes say which content that is, and that the client had sent it.
    Gone {
        /// Bytes that were received.
        size: u64,
    },
}

impl Data {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::NotBegun => 0,
            Self::Open(writer) => writer.size(),
            Self::Sealed { size } | Self::Gone { size } => *size,
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("NotBegun"),
            Self::Open(writer) => f.debug_tuple("Open").field(writer).finish(),
            Self::Sealed { size } => f.debug_struct("Sealed").field("size", size).finish(),
            Self::Gone { size } => f.debug_struct("Gone").field("size", size).finish(),
        }
    }
}

/// An upload that the driver does not know any more was ended by somebody else.
pub(super) fn ended(session: &Session, error: driver::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidToken => session.unknown(),
        _ => failed(error),
    }
}

impl Upload {
    /// One whose bytes so far are all recorded already.
    pub(super) fn of_kept(session: Session, data: Data, hashers: Hashers) -> Self {
        Self {
            kept: (data.size(), hashers.clone()),
            session,
            data,
            hashers,
            hashing: None,
            is_changed: false,
            is_new: false,
            is_claimed: false,
        }
    }

    /// The driver's writer, opened if need be.
    async fn begun(&mut self) -> Result<&mut Box<dyn FileWriter>> {
        if let Data::NotBegun = self.data {
            let path = self.session.data();
            let writer = self.session.core.driver.writer(&path, WriterMode::Create).await;
            self.data = Data::Open(writer.or_failed()?);
        }
        match &mut self.data {
            Data::Open(writer) => Ok(writer),
            // Only a commit that had to read the content again seals it; the client has said that it is
            // complete, and can still commit it by its right digest.
            Data::Sealed { .. } => Err(Error::Unsupported),
            Data::NotBegun | Data::Gone { .. } => Err(self.session.unknown()),
        }
    }

    /// Where nothing locks an upload: makes sure, before the first part of it is sent, that nobody else sends parts
    /// that would be taken for ours, and that who removes the session finds the backend's upload.
    async fn claim(&mut self, batch: &[Bytes]) -> Result<()> {
        let Data::Open(writer) = &mut self.data else {
            return Ok(());
        };
        if self.session.core.driver.capabilities().append {
            return Ok(());
        }
        let incoming = batch.iter().map(|piece| piece.len() as u64).sum();
        let claimed = writer.claim(incoming).await;
        let Some(token) = claimed.map_err(|error| ended(&self.session, error))? else {
            return Ok(());
        };
        if self.is_claimed {
            // Another token of one writer stands for all that was written.
            let size = writer.size();
            if let Some(hashing) = self.hashing.take() {
                self.hashers = hashing.finish().await;
            }
            self.kept = (size, self.hashers.clone());
        }
        let (size, hashers) = &self.kept;
        let record = Record::new(&self.session, *size, Some(&token), hashers)?;
        let Recording::Taken { by, token } = self.session.record(&record).await? else {
            self.is_claimed = true;
            return Ok(());
        };
        let gone = Data::Gone { size: *size };
        if let Data::Open(writer) = std::mem::replace(&mut self.data, gone) {
            note_abandoned(writer.abandon(token).await);
        }
        Err(by)
    }

    /// The same upload with all of its hashes.
    pub(super) async fn settled(mut self) -> Self {
        if let Some(hashing) = self.hashing.take() {
            self.hashers = hashing.finish().await;
        }
        self
    }

    /// Keeps everything for a later writer.
    pub(super) async fn keep(self) -> Result<()> {
        let Self {
            mut session,
            data,
            hashers,
            is_changed,
            is_new,
            ..
        } = self.settled().await;
        if session.core.driver.capabilities().append {
            match data {
                Data::Open(writer) => keep_in_place(&session, writer, &hashers, is_changed).await,
                Data::NotBegun | Data::Sealed { .. } | Data::Gone { .. } => Ok(()),
            }
        } else {
            match data {
                Data::Open(writer) if is_changed => {
                    keep_recorded(&mut session, writer, &hashers, |record| record).await?;
                    Ok(())
                }
                // It may have been taken for granted that the session is there.
                Data::NotBegun if !is_new => session.find_again().await,
                // A writer that wrote nothing leaves what its token said.
                Data::Open(_) | Data::NotBegun | Data::Sealed { .. } | Data::Gone { .. } => Ok(()),
            }
        }
    }
}

/// Bytes first, then the states that speak of them.
pub(super) async fn keep_in_place(
    session: &Session,
    writer: Box<dyn FileWriter>,
    hashers: &Hashers,
    is_changed: bool,
) -> Result<()> {
    let size = writer.size();
    writer.suspend().await.map_err(|error| ended(session, error))?;
    if is_changed {
        hash_state::save(&session.core, &session.repository, &session.id, hashers, size).await;
    }
    Ok(())
}

/// Bytes first, then the record that speaks of them, with what `add` adds to it. Of several writers one gets his
/// record in.
pub(super) async fn keep_recorded(
    session: &mut Session,
    writer: Box<dyn FileWriter>,
    hashers: &Hashers,
    add: impl FnOnce(Record) -> Record,
) -> Result<WriterMode> {
    let size = writer.size();
    let token = writer.suspend().await.map_err(|error| ended(session, error))?;
    let record = add(Record::new(session, size, token.as_ref(), hashers)?);
    let mode = token.map_or(WriterMode::Append, WriterMode::Resume);
    match session.record(&record).await? {
        Recording::Kept => Ok(mode),
        Recording::Taken { by, token } => {
            abandon(session, mode, token).await;
            Err(by)
        }
    }
}

/// Removes bytes that no record speaks of, because somebody else recorded his.
async fn abandon(session: &Session, lost: WriterMode, kept: Option<ResumeToken>) {
    let path = session.data();
    let abandoned = match session.core.driver.writer(&path, lost).await {
        Ok(writer) => writer.abandon(kept).await,
        Err(error) => Err(error),
    };
    note_abandoned(abandoned);
}

pub(super) fn note_abandoned(abandoned: driver::Result<()>) {
    if let Err(error) = abandoned {
        tracing::warn!(%error, "bytes of an upload that another writer won were not removed");
    }
}

#[async_trait]
impl BlobWriter for Upload {
    fn id(&self) -> UploadId {
        self.session.id
    }

    fn started_at(&self) -> SystemTime {
        self.session.started_at
    }

    fn size(&self) -> u64 {
        self.data.size()
    }

    fn mark(&self) -> Option<String> {
        let is_certain = self.is_new && !self.kept.1.has_announced();
        let is_empty = matches!(self.data, Data::NotBegun);
        self.session.mark().filter(|_| is_certain && is_empty)
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
        if batch.iter().all(Bytes::is_empty) {
            return Ok(());
        }
        self.begun().await?;
        self.claim(&batch).await?;
        self.is_changed = true;
        // Should this future be dropped half-way, nobody knows how far the driver came: then the hashes stay
        // taken, and the content is read again before it is committed.
        let hashing = match self.hashing.take() {
            Some(hashing) => hashing,
            None => Hashing::begin(std::mem::take(&mut self.hashers)),
        };
        hashing.room().await;
        let written = self.begun().await?.write(batch.clone()).await;
        if written.is_ok() {
            hashing.update(batch);
        }
        self.hashing = Some(hashing);
        written.map_err(|error| ended(&self.session, error))
    }

    async fn suspend(self: Box<Self>) -> Result<()> {
        self.keep().await
    }

    async fn commit(self: Box<Self>, digest: &Digest) -> Result<Descriptor> {
        super::commit::commit(*self, digest).await
    }

    async fn cancel(self: Box<Self>) -> Result<()> {
        super::cancel::cancel(*self).await
    }
}
