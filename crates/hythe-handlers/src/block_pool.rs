//! Memory for what uploads have received, within one budget for all of them.
//!
//! What comes is copied into blocks that are used again. The copy costs less than fresh memory for every piece does
//! (pages that have to be cleared first), lets the connection use its read buffer again at once, and makes the
//! budget exact: what is taken of it is what is held, whatever the sizes of pieces and the habits of allocators.
//!
//! A manifest needs its memory in one piece and until it is stored. It reserves places and brings its own memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one block: small enough for hundreds of uploads to have one each, large enough to be worth a write.
pub(crate) const BLOCK_BYTES: usize = 128 * 1024;

/// Batches that one upload has at a time when all goes well: one that is received, one that is written, one that is
/// hashed.
const BATCHES_PER_UPLOAD: usize = 3;

/// The memory that uploads may take. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BlockPool {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    blocks: usize,
    /// Those of the places that may be reserved, so that clients who send manifests slowly do not stop all uploads.
    reservable: Arc<Semaphore>,
    reservable_blocks: u32,
}

/// Places that are not for blocks, until dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    _places: Option<OwnedSemaphorePermit>,
    _share: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Shared {
    /// Blocks that nobody uses. They are kept for as long as there are uploads.
    idle: Mutex<Vec<Box<[u8]>>>,
    uploads: AtomicUsize,
}

/// Counts an upload, until dropped.
#[derive(Debug)]
pub(crate) struct Member(BlockPool);

/// A block being filled. Its memory returns to the pool when it is dropped, or when the last of the bytes that it
/// became is.
#[derive(Debug)]
pub(crate) struct Block {
    memory: Box<[u8]>,
    filled: usize,
    shared: Arc<Shared>,
    _place: Option<OwnedSemaphorePermit>,
}

impl BlockPool {
    /// A pool of so many bytes, but at least of one block.
    pub(crate) fn new(bytes: usize) -> Self {
        let blocks = (bytes / BLOCK_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let reservable_blocks = u32::try_from(blocks / 2).unwrap_or(u32::MAX).max(1);
        Self {
            shared: Arc::new(Shared {
                idle: Mutex::new(Vec::new()),
                uploads: AtomicUsize::new(0),
            }),
            places: Arc::new(Semaphore::new(blocks)),
            blocks,
            reservable: Arc::new(Semaphore::new(reservable_blocks as usize)),
            reservable_blocks,
        }
    }

    /// Waits for the places of so many bytes, or for all that may be reserved if that is less.
    pub(crate) async fn reserve(&self, bytes: usize) -> Reserved {
        let wanted = u32::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(u32::MAX);
        let wanted = wanted.min(self.reservable_blocks);
        // All at once: who held some and waited for more could wait for others who do the same. The semaphores are
        // never closed.
        let share = self.reservable.clone().acquire_many_owned(wanted).await.ok();
        let places = self.places.clone().acquire_many_owned(wanted).await.ok();
        Reserved {
            _places: places,
            _share: share,
        }
    }

    /// Uploads, the bytes they have taken, and the bytes there are.
    pub(crate) fn use_of(&self) -> (usize, usize, usize) {
        let uploads = self.shared.uploads.load(Ordering::Relaxed);
        let taken = self.blocks.saturating_sub(self.places.available_permits());
        (uploads, taken * BLOCK_BYTES, self.blocks * BLOCK_BYTES)
    }

    /// Notes an upload that is going to take blocks.
    pub(crate) fn join(&self) -> Member {
        self.shared.uploads.fetch_add(1, Ordering::Relaxed);
        Member(self.clone())
    }
}

impl Member {
    /// The blocks that a batch may have so that every upload gets as many; at least one.
    pub(crate) fn fair_batch_blocks(&self) -> usize {
        let uploads = self.0.shared.uploads.load(Ordering::Relaxed).max(1);
        (self.0.blocks / uploads / BATCHES_PER_UPLOAD).max(1)
    }

    /// A block; `None` if none is free now.
    pub(crate) fn try_take(&self) -> Option<Block> {
        let place = self.0.places.clone().try_acquire_owned().ok()?;
        Some(self.block(Some(place)))
    }

    /// The same, waiting for it in line.
    pub(crate) async fn take(&self) -> Block {
        // The semaphore is never closed, so there is a place in the end.
        let place = self.0.places.clone().acquire_owned().await.ok();
        self.block(place)
    }

    fn block(&self, place: Option<OwnedSemaphorePermit>) -> Block {
        let idle = self.0.shared.idle().pop();
        Block {
            memory: idle.unwrap_or_else(|| vec![0; BLOCK_BYTES].into_boxed_slice()),
            filled: 0,
            shared: self.0.shared.clone(),
            _place: place,
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.0.shared.uploads.fetch_sub(1, Ordering::Relaxed) == 1 {
            *self.0.shared.idle() = Vec::new();
        }
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Block {
    /// Copies what there is room for, and leaves the rest.
    pub(crate) fn fill(&mut self, piece: &mut Bytes) {
        let copied = piece.split_to(piece.len().min(self.room()));
        let end = self.filled + copied.len();
        self.memory[self.filled..end].copy_from_slice(&copied);
        self.filled = end;
    }

    /// Bytes that there is room for.
    pub(crate) fn room(&self) -> usize {
        self.memory.len() - self.filled
    }

    /// Bytes that are there.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// What is there.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let mut idle = self.shared.idle();
        // Behind the lock, so that the last upload to end leaves nothing.
        if self.shared.uploads.load(Ordering::Relaxed) > 0 {
            idle.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn blocks_are_used_again_and_no_more_are_given_than_there_are() {
        let pool = BlockPool::new(2 * BLOCK_BYTES);
        let member = pool.join();
        let first = member.take().await;
        let address = first.memory.as_ptr();
        let second = member.try_take().unwrap();
        assert!(member.try_take().is_none());

        let bytes = first.into_bytes();
        let clone = bytes.clone();
        drop(bytes);
        assert!(member.try_take().is_none(), "a clone holds it");
        drop(clone);
        assert_eq!(member.try_take().unwrap().memory.as_ptr(), address);
        drop(second);
    }

    #[tokio::test]
    async fn half_of_the_budget_may_be_reserved() {
        let pool = BlockPool::new(8 * BLOCK_BYTES);
        let member = pool.join();
        let reserved = pool.reserve(2 * BLOCK_BYTES + 1).await;
        let mut too_much = Box::pin(pool.reserve(usize::MAX));
        assert!(futures_util::poll!(&mut too_much).is_pending());
        let blocks: Vec<_> = std::iter::from_fn(|| member.try_take()).collect();
        assert_eq!(blocks.len(), 5);
        drop((reserved, blocks));
        let _all_that_may_be = too_much.await;
        let blocks: Vec<_> = std::iter::from_fn(|| member.try_take()).collect();
        assert_eq!(blocks.len(), 4);
    }

    #[test]
    fn a_block_takes_what_it_has_room_for() {
        let member = BlockPool::new(0).join();
        let mut block = member.try_take().unwrap();
        let mut piece = Bytes::from(vec![7; BLOCK_BYTES + 3]);
        block.fill(&mut Bytes::from("ab"));
        block.fill(&mut piece);
        assert_eq!((block.room(), block.filled(), piece.len()), (0, BLOCK_BYTES, 5));
        let bytes = block.into_bytes();
        assert_eq!(&bytes[..3], b"ab\x07");
        assert_eq!(bytes.len(), BLOCK_BYTES);
    }

    #[test]
    fn shares_are_fair() {
        let pool = BlockPool::new(24 * BLOCK_BYTES);
        let first = pool.join();
        assert_eq!(first.fair_batch_blocks(), 8);
        let others: Vec<_> = (0..3).map(|_| pool.join()).collect();
        assert_eq!(first.fair_batch_blocks(), 2);
        drop(others);
        assert_eq!(first.fair_batch_blocks(), 8);
        let _others: Vec<_> = (0..100).map(|_| pool.join()).collect();
        assert_eq!(first.fair_batch_blocks(), 1);
    }

    #[test]
    fn the_last_upload_leaves_no_memory_behind() {
        let pool = BlockPool::new(4 * BLOCK_BYTES);
        let member = pool.join();
        let (held, returned) = (member.try_take().unwrap(), member.try_take().unwrap());
        drop(returned);
        assert_eq!(pool.shared.idle().len(), 1);
        drop(member);
        drop(held);
        assert!(pool.shared.idle().is_empty());
    }
}
