//! A request body in batches, in memory that all uploads share.
//!
//! A block of memory is taken before the body is read on, so that what is read has its place. Nobody sits on memory
//! that others wait for: batches are the smaller the more uploads there are, one that cannot grow is written as it
//! is, and whoever waits for a client that pauses gives its block back.
//!
//! The body is read by the future that answers the client, on the task of its connection, because a hop to another
//! task for every piece costs more than the piece. Batches go to the task that writes them. When the future is
//! dropped, what it had collected goes there as the last batch.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::block_pool::{Block, BlockPool, Member};
use crate::request_body::{BodyFailure, RequestBody, next_piece};

/// A batch is written when it has so many blocks, a mebibyte: large enough that waking threads for it costs little
/// beside hashing it, while larger ones gain nothing.
pub(crate) const MAX_BATCH_BLOCKS: usize = 8;

/// The first batch of a body; each one after it may be twice as long as the one before, so that a short body is
/// written while it comes.
pub(crate) const FIRST_BATCH_BLOCKS: usize = 2;

/// Who sends nothing for so long makes a pause. Who sends at any speed worth waiting for does not.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes batches of a body and hands them over. When this is dropped before the body has ended, the other side gets
/// what came.
pub(crate) struct Receiver {
    body: RequestBody,
    announced: Option<u64>,
    received: u64,
    patience: Duration,
    memory: Member,
    batch: Vec<Block>,
    /// What came and is in no block yet.
    piece: Bytes,
    /// How long the next batch may be.
    batch_blocks: usize,
    /// How the body ended, once it did.
    end: Option<Result<(), BodyFailure>>,
    outbox: mpsc::Sender<Delivery>,
    /// Where the batch goes.
    place: Option<mpsc::OwnedPermit<Delivery>>,
    /// Where what is there goes when this is dropped while another batch waits.
    last_place: Option<mpsc::OwnedPermit<Delivery>>,
}

/// The batches of a body, in their order.
pub(crate) struct Batches {
    inbox: mpsc::Receiver<Delivery>,
    end: Option<Result<(), BodyFailure>>,
}

struct Delivery {
    pieces: Vec<Bytes>,
    /// How the body ended, if this is all of it.
    end: Option<Result<(), BodyFailure>>,
}

/// The two sides of a body: who receives it, and who gets the batches.
pub(crate) fn batches(
    body: RequestBody,
    announced: Option<u64>,
    patience: Duration,
    memory: &BlockPool,
) -> (Receiver, Batches) {
    // One batch is being received, or waits while another is written; and there may be a last one.
    let (outbox, inbox) = mpsc::channel(2);
    let last_place = outbox.clone().try_reserve_owned().ok();
    let receiver = Receiver {
        body,
        announced,
        received: 0,
        patience,
        memory: memory.join(),
        batch: Vec::new(),
        piece: Bytes::new(),
        batch_blocks: FIRST_BATCH_BLOCKS,
        end: None,
        outbox,
        place: None,
        last_place,
    };
    (receiver, Batches { inbox, end: None })
}

impl Batches {
    /// The next batch; `None` when the body has ended, one way or another.
    pub(crate) async fn next(&mut self) -> Option<Vec<Bytes>> {
        if self.end.is_some() {
            return None;
        }
        let Delivery { pieces, end } = self.inbox.recv().await?;
        self.end = end;
        (!pieces.is_empty()).then_some(pieces)
    }

    /// How the body ended. To be asked when there is no next batch.
    pub(crate) fn end(&self) -> Result<(), BodyFailure> {
        self.end.unwrap_or(Err(BodyFailure::Stopped))
    }
}

/// What came of waiting for a piece.
enum Arrival {
    Piece(Bytes),
    Pause,
    /// `end` says how.
    End,
}

impl Receiver {
    /// Receives the body to its end, or until nobody takes batches any more.
    pub(crate) async fn run(mut self) {
        while self.end.is_none() {
            let Ok(place) = self.outbox.clone().reserve_owned().await else {
                return;
            };
            self.place = Some(place);
            self.fill().await;
            self.deliver();
        }
    }

    /// Fills a batch: to its length, or until there is something better to do than to wait.
    async fn fill(&mut self) {
        let blocks = self.batch_blocks.min(self.memory.fair_batch_blocks());
        self.batch_blocks = (2 * self.batch_blocks).min(MAX_BATCH_BLOCKS);
        loop {
            if !self.has_room() {
                if self.batch.len() >= blocks {
                    return;
                }
                match self.memory.try_take() {
                    Some(block) => self.batch.push(block),
                    None if self.batch.is_empty() => self.batch.push(self.memory.take().await),
                    None => return,
                }
            }
            if self.piece.is_empty() && !self.receive().await {
                return;
            }
            if let Some(block) = self.batch.last_mut() {
                block.fill(&mut self.piece);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.batch.last().is_some_and(|block| block.room() > 0)
    }

    /// Receives a piece; `false` when the body has ended, or when there is something to write meanwhile.
    async fn receive(&mut self) -> bool {
        let arrival = match self.arrival(PAUSE).await {
            Arrival::Pause if self.batch.iter().all(|block| block.filled() == 0) => {
                // It may take long.
                self.batch.clear();
                self.arrival(self.patience).await
            }
            Arrival::Pause => return false,
            arrival => arrival,
        };
        match arrival {
            Arrival::Piece(piece) => {
                self.piece = piece;
                true
            }
            Arrival::Pause => {
                self.end = Some(Err(BodyFailure::Stalled));
                false
            }
            Arrival::End => false,
        }
    }

    async fn arrival(&mut self, patience: Duration) -> Arrival {
        let next = pin!(next_piece(&mut self.body, patience));
        let end = match next.await {
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

    fn deliver(&mut self) {
        let filled = self.batch.drain(..).filter(|block| block.filled() > 0);
        let pieces = filled.map(Block::into_bytes).collect();
        if let Some(place) = self.place.take() {
            let end = self.end;
            send(place, Delivery { pieces, end });
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.deliver();
        if !self.piece.is_empty()
            && let Some(place) = self.last_place.take()
        {
            let pieces = vec![std::mem::take(&mut self.piece)];
            send(place, Delivery { pieces, end: None });
        }
    }
}

fn send(place: mpsc::OwnedPermit<Delivery>, delivery: Delivery) {
    if !delivery.pieces.is_empty() || delivery.end.is_some() {
        place.send(delivery);
    }
}
