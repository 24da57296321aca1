//! The writer: in memory as long as it is too small for a part, then part by part.
//!
//! | Module | Verb |
//! |---|---|
//! | `open` | opens an upload by its token or by what is found at its path |
//! | `send` | turns bytes into parts |
//! | `fold` | makes what is there the first parts of a new upload |
//! | `claim` | sets apart what this writer will send, gives up what it sent |
//! | `commit` | makes it an object |

mod claim;
mod commit;
mod fold;
mod open;
mod send;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::buffer::Buffer;
use super::flight::Flight;
use super::parts::Parts;
use super::state::{State, Tail, copied};
use super::{INLINE_TAIL_BYTES, MultipartBackend, PartLimits};
use crate::{CommitOptions, DriverPath, Error, ErrorKind, FileWriter, PutMode, Result, ResumeToken};

/// So many tails that newer ones replaced are deleted together.
const OLD_TAILS: usize = 8;

/// Writes an upload of an object store.
#[derive(Debug)]
pub struct MultipartFileWriter {
    backend: Arc<dyn MultipartBackend>,
    limits: PartLimits,
    path: DriverPath,
    /// Other for each writer.
    nonce: u64,
    upload: Option<String>,
    /// Whether this writer began `upload`, so that nobody else can have completed it.
    is_own_upload: bool,
    /// See [`State`], for this and the following.
    base: u64,
    parts: Parts,
    sent: u64,
    next_number: u32,
    ends_small: bool,
    has_own: bool,
    tails: Vec<u64>,
    /// Parts on their way, which come after `parts`.
    flight: Flight,
    /// While a batch is being written: the first part that may hold some of it. Should the write fail, it is undone
    /// from here.
    undo_from: Option<u32>,
    /// What comes after those.
    buffer: Buffer,
    kept: Option<Kept>,
}

/// What others know of the upload: the token that this writer was opened with, or its claim.
#[derive(Debug)]
struct Kept {
    token: ResumeToken,
    /// Bytes that it stands for.
    size: u64,
    is_claim: bool,
    /// Bytes in parts that it allows to be folded.
    folds: Option<u64>,
}

impl MultipartFileWriter {
    /// Whether nothing was added to what the token says that others know.
    fn is_as_kept(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.size == self.size())
    }

    fn is_claimed(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.is_claim)
    }

    fn state(&self, tail: Tail) -> State {
        State {
            upload: self.upload.clone(),
            base: self.base,
            parts: self.parts.clone(),
            sent: self.sent,
            next_number: self.next_number,
            ends_small: self.ends_small,
            has_own: self.has_own,
            tail,
            old_tails: self.tails.clone(),
            folds: false,
        }
    }

    fn failed(&self, operation: &'static str, kind: ErrorKind) -> Error {
        Error::new(self.backend.name(), operation, kind).at(&self.path)
    }

    fn tail_path(&self, nonce: u64) -> Result<DriverPath> {
        tail_path(self.backend.name(), &self.path, nonce)
    }

    /// Puts what is in no part where a later writer finds it.
    async fn keep_tail(&mut self) -> Result<Tail> {
        if self.buffer.size() <= INLINE_TAIL_BYTES {
            return Ok(Tail::Inline(copied(&self.buffer)));
        }
        let path = self.tail_path(self.nonce)?;
        let pieces = self.buffer.pieces();
        let version = self
            .backend
            .put_object(&path, pieces, &PutMode::Overwrite)
            .await?;
        Ok(Tail::Object {
            nonce: self.nonce,
            size: self.buffer.size(),
            version,
        })
    }

    /// Deletes tails that no token names any more. They are looked for again when the upload ends.
    async fn delete_old_tails(&mut self) {
        // The last one is what others may still open.
        let count = self.tails.len().saturating_sub(1);
        if count < OLD_TAILS {
            return;
        }
        let paths = self.tails[..count].iter().map(|nonce| self.tail_path(*nonce));
        let paths: Vec<DriverPath> = paths.filter_map(Result::ok).collect();
        if self.backend.delete_objects(&paths).await.is_ok() {
            self.tails.drain(..count);
        }
    }

    async fn delete_leftovers(&self, has_own: bool) -> Result<()> {
        let mut leftovers = Vec::new();
        if has_own {
            leftovers.push(self.path.clone());
        }
        for nonce in &self.tails {
            leftovers.push(self.tail_path(*nonce)?);
        }
        if leftovers.is_empty() {
            return Ok(());
        }
        self.backend.delete_objects(&leftovers).await
    }
}

/// Where bytes are kept that are too many for a token and too few for a part.
fn tail_path(driver: &'static str, path: &DriverPath, nonce: u64) -> Result<DriverPath> {
    DriverPath::parse(&format!("{path}.tail-{nonce:016x}")).map_err(|error| {
        Error::new(driver, "writer", ErrorKind::InvalidPath)
            .at(path)
            .because(error)
    })
}

#[async_trait]
impl FileWriter for MultipartFileWriter {
    fn size(&self) -> u64 {
        self.base + self.sent + self.flight.size() + self.buffer.size()
    }

    async fn claim(&mut self, incoming: u64) -> Result<Option<ResumeToken>> {
        self.claim_upload(incoming).await
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let incoming = batch.iter().map(|piece| piece.len() as u64).sum();
        self.prepare(incoming).await?;
        let before = self.buffer.clone();
        self.buffer.append(batch);
        self.undo_from = Some(self.next_number);
        let sent = self.send_full_parts().await;
        let first = self.undo_from.take();
        match (&sent, first) {
            (Err(_), Some(first)) => self.take_back(before, first),
            _ => self.note_sent(),
        }
        sent
    }

    async fn suspend(mut self: Box<Self>) -> Result<Option<ResumeToken>> {
        if self.is_as_kept() {
            return Ok(self.kept.map(|kept| kept.token));
        }
        // A write that was dropped may have left more than a part's worth, and cannot be undone any more.
        self.undo_from = None;
        // What would have to be folded first stays in the tail, because nobody knows yet that it may be.
        if !self.must_fold(self.buffer.size()) {
            self.prepare(0).await?;
            self.send_full_parts().await?;
            if self.is_claimed() {
                self.send_what_is_enough().await?;
            }
        }
        self.finish_flight().await?;
        let tail = self.keep_tail().await?;
        self.delete_old_tails().await;
        let state = self.state(tail);
        Ok(Some(state.to_token(self.backend.name(), &self.path)))
    }

    async fn commit(mut self: Box<Self>, options: CommitOptions) -> Result<()> {
        self.commit_upload(options).await
    }

    async fn cancel(self: Box<Self>) -> Result<()> {
        if let Some(upload) = &self.upload {
            self.backend.abort_upload(&self.path, upload).await?;
        }
        // A commit that failed may have completed it.
        self.delete_leftovers(self.has_own || self.upload.is_some()).await
    }

    async fn abandon(self: Box<Self>, kept: Option<ResumeToken>) -> Result<()> {
        self.abandon_upload(kept).await
    }
}
