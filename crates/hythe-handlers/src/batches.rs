//! A request body in batches, within one memory budget for all uploads.
//!
//! A share of the budget is taken before the body is read on, so that what is read has its place. Nobody sits on
//! memory that others wait for: a batch that cannot grow is written as it is, and whoever waits for a client that
//! pauses gives its share back.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::request_body::{BodyFailure, RequestBody, next_piece};

/// A batch is written when it has so many bytes; hashing and writing gain nothing from larger ones.
pub(crate) const BATCH_BYTES: usize = 512 * 1024;

/// A piece shorter than this is copied: it may be the only one that holds a whole read buffer in memory.
pub(crate) const COPIED_PIECE_BYTES: usize = 32 * 1024;

/// The share that is taken for a piece before it comes; pieces are as large as a connection's read buffer.
const EXPECTED_PIECE_BYTES: usize = 64 * 1024;

/// Who sends nothing for so long makes a pause. Who sends at any speed worth waiting for does not.
const PAUSE: Duration = Duration::from_millis(20);

/// The memory that uploads may take.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
    bytes: usize,
}

/// A part of the budget, until it is dropped.
pub(crate) type Share = Option<OwnedSemaphorePermit>;

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let bytes = bytes.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self {
            free: Arc::new(Semaphore::new(bytes)),
            bytes,
        }
    }

    /// A share for so many bytes, or for all that there are; `None` if that is not free now.
    fn try_take(&self, bytes: usize) -> Share {
        self.free
            .clone()
            .try_acquire_many_owned(bytes.min(self.bytes) as u32)
            .ok()
    }

    /// The same, waiting for it in line. The budget is never closed, so there is one in the end.
    async fn take(&self, bytes: usize) -> Share {
        self.free
            .clone()
            .acquire_many_owned(bytes.min(self.bytes) as u32)
            .await
            .ok()
    }
}

/// Makes batches of a body.
pub(crate) struct Batches {
    body: RequestBody,
    announced: Option<u64>,
    received: u64,
    patience: Duration,
    budget: Budget,
    /// Resolves when the future that answers the client is dropped.
    client_gone: oneshot::Receiver<()>,
    /// How the body ended, once it did.
    end: Option<Result<(), BodyFailure>>,
}

/// Bytes of memory that a piece holds: unless it is copied, the whole read buffer that it is a part of.
fn pinned(piece_bytes: usize) -> usize {
    if piece_bytes < COPIED_PIECE_BYTES {
        piece_bytes
    } else {
        piece_bytes.max(EXPECTED_PIECE_BYTES)
    }
}

/// What came of waiting for a piece.
enum Arrival {
    Piece(Bytes),
    Pause,
    /// `end` says how.
    End,
}

impl Batches {
    pub(crate) fn new(
        body: RequestBody,
        announced: Option<u64>,
        patience: Duration,
        budget: Budget,
        client_gone: oneshot::Receiver<()>,
    ) -> Self {
        Self {
            body,
            announced,
            received: 0,
            patience,
            budget,
            client_gone,
            end: None,
        }
    }

    /// The next batch; `None` when the body has ended, one way or another.
    pub(crate) async fn next(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        while batch.length < BATCH_BYTES {
            let Some((piece, share)) = self.piece(batch.is_empty()).await else {
                break;
            };
            batch.push(piece, share);
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// How the body ended. To be asked when there is no next batch.
    pub(crate) fn end(&self) -> Result<(), BodyFailure> {
        self.end.unwrap_or(Err(BodyFailure::Stopped))
    }

    /// The next piece; `None` when the body has ended, or when there is something to write meanwhile.
    async fn piece(&mut self, nothing_to_write: bool) -> Option<(Bytes, Share)> {
        if self.end.is_some() {
            return None;
        }
        let share = match self.budget.try_take(EXPECTED_PIECE_BYTES) {
            None if !nothing_to_write => return None,
            None => self.budget.take(EXPECTED_PIECE_BYTES).await,
            taken => taken,
        };
        match self.arrival(PAUSE).await {
            Arrival::Piece(piece) => {
                let share = cut(share, pinned(piece.len()));
                Some((piece, share))
            }
            Arrival::Pause if nothing_to_write => {
                drop(share);
                self.piece_after_pause().await
            }
            Arrival::Pause | Arrival::End => None,
        }
    }

    /// A piece for which nothing is set aside, because it may take long to come.
    async fn piece_after_pause(&mut self) -> Option<(Bytes, Share)> {
        match self.arrival(self.patience).await {
            Arrival::Piece(piece) => {
                let share = self.budget.take(pinned(piece.len())).await;
                Some((piece, share))
            }
            Arrival::Pause => {
                self.end = Some(Err(BodyFailure::Stalled));
                None
            }
            Arrival::End => None,
        }
    }

    async fn arrival(&mut self, patience: Duration) -> Arrival {
        let next = pin!(next_piece(&mut self.body, patience));
        let next = match select(&mut self.client_gone, next).await {
            Either::Left(_) => Err(BodyFailure::Stopped),
            Either::Right((next, _)) => next,
        };
        let end = match next {
            Ok(Some(piece)) => {
                let received = self.received + piece.len() as u64;
                if self.announced.is_none_or(|announced| received <= announced) {
                    self.received = received;
                    return Arrival::Piece(piece);
                }
                Err(BodyFailure::TooLong)
            }
            Ok(None) if self.announced.is_some_and(|announced| self.received < announced) => {
                Err(BodyFailure::TooShort)
            }
            Ok(None) => Ok(()),
            Err(BodyFailure::Stalled) => return Arrival::Pause,
            Err(failure) => Err(failure),
        };
        self.end = Some(end);
        Arrival::End
    }
}

/// The part of a share that a piece needs; the rest is free again. A piece that is larger than expected has to do
/// with what there is.
fn cut(share: Share, length: usize) -> Share {
    let mut share = share?;
    share.split(length).or(Some(share))
}

/// What is written at once.
#[derive(Default)]
pub(crate) struct Batch {
    pieces: Vec<Bytes>,
    short: BytesMut,
    length: usize,
    share: Share,
}

impl Batch {
    /// The pieces, and the share of the budget to be kept until they are written.
    pub(crate) fn into_parts(mut self) -> (Vec<Bytes>, Share) {
        self.seal_short();
        (self.pieces, self.share)
    }

    fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn push(&mut self, piece: Bytes, share: Share) {
        self.length += piece.len();
        match (&mut self.share, share) {
            (Some(held), Some(share)) => held.merge(share),
            (held, share) => *held = held.take().or(share),
        }
        if piece.len() < COPIED_PIECE_BYTES {
            self.short.extend_from_slice(&piece);
        } else {
            self.seal_short();
            self.pieces.push(piece);
        }
    }

    fn seal_short(&mut self) {
        if !self.short.is_empty() {
            self.pieces.push(self.short.split().freeze());
        }
    }
}
