//! Hashing beside writing: what is on its way to the storage need not wait for what is being hashed.
//!
//! Only what was written is hashed, so a write that fails leaves nothing to undo. A thread of the blocking pool is
//! taken when there is something to hash and given back when there is nothing more, however long the upload takes:
//! slow clients hold none, and a fast one keeps its own busy without waking another for every batch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::blob_store::HASH_INLINE_BYTES;

use super::hash_state::Hashers;

/// Batches that may wait for their turn or be in it while the next one is written. Their memory is the client's
/// share of the budget, so more would only make others wait.
const MAX_UNFINISHED: usize = 1;

/// The hashes of an upload that is being written.
#[derive(Debug)]
pub(super) struct Hashing {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when a batch is done, for the one who waits.
    progress: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Of all batches but the unfinished ones; empty when that is not certain.
    hashers: Hashers,
    waiting: VecDeque<Vec<Bytes>>,
    /// Whether a thread has been asked for that has not ended.
    has_thread: bool,
    /// Whether that thread has taken the hashes, and a batch.
    is_hashing: bool,
}

impl Hashing {
    /// Goes on from these hashes.
    pub(super) fn begin(hashers: Hashers) -> Self {
        let state = State {
            hashers,
            ..State::default()
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                progress: Notify::new(),
            }),
        }
    }

    /// Hashes a batch: now if it is small, else while the caller goes on.
    pub(super) fn update(&self, batch: Vec<Bytes>) {
        let is_small = batch.iter().map(Bytes::len).sum::<usize>() < HASH_INLINE_BYTES;
        let mut state = self.shared.lock();
        if state.has_thread {
            state.waiting.push_back(batch);
        } else if is_small {
            state.hashers.hash(&batch);
        } else {
            state.waiting.push_back(batch);
            state.has_thread = true;
            let turn = Turn(self.shared.clone());
            drop(state);
            tokio::task::spawn_blocking(move || turn.run());
        }
    }

    /// Waits until another batch may be written.
    pub(super) async fn room(&self) {
        self.until(MAX_UNFINISHED).await;
    }

    /// The hashes of all batches.
    pub(super) async fn finish(self) -> Hashers {
        self.until(0).await;
        std::mem::take(&mut self.shared.lock().hashers)
    }

    async fn until(&self, max_unfinished: usize) {
        while self.shared.lock().unfinished() > max_unfinished {
            self.shared.progress.notified().await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unfinished(&self) -> usize {
        self.waiting.len() + usize::from(self.is_hashing)
    }
}

/// What a thread does, until nothing waits any more. Should it not come to its end, or never begin, nothing is known
/// of the hashes, and the content will be read again.
struct Turn(Arc<Shared>);

impl Turn {
    fn run(self) {
        while let Some((mut hashers, batch)) = self.take() {
            hashers.hash(&batch);
            drop(batch);
            let mut state = self.0.lock();
            state.hashers = hashers;
            state.is_hashing = false;
            drop(state);
            self.0.progress.notify_one();
        }
    }

    fn take(&self) -> Option<(Hashers, Vec<Bytes>)> {
        let mut state = self.0.lock();
        let Some(batch) = state.waiting.pop_front() else {
            state.has_thread = false;
            return None;
        };
        state.is_hashing = true;
        Some((std::mem::take(&mut state.hashers), batch))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.has_thread {
            *state = State::default();
            drop(state);
            self.0.progress.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use hythe_digest::{Algorithm, Digest};

    use super::*;

    #[tokio::test]
    async fn batches_of_all_sizes_are_hashed_in_order() {
        let hashing = Hashing::begin(Hashers::fresh(Some(Algorithm::Sha512)));
        let mut content = Vec::new();
        for (number, length) in [1, HASH_INLINE_BYTES, 7, 3 * HASH_INLINE_BYTES, 0, 5]
            .into_iter()
            .enumerate()
        {
            let piece = Bytes::from(vec![number as u8; length]);
            content.extend_from_slice(&piece);
            hashing.room().await;
            hashing.update(vec![piece.clone(), Bytes::new()]);
        }
        let hashers = hashing.finish().await;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = hashers.digest(algorithm, content.len() as u64);
            assert_eq!(digest, Some(Digest::of(algorithm, &content)));
        }
    }

    #[tokio::test]
    async fn a_thread_that_never_runs_leaves_no_hashes() {
        let hashing = Hashing::begin(Hashers::fresh(None));
        {
            let mut state = hashing.shared.lock();
            state.has_thread = true;
            state.waiting.push_back(vec![Bytes::from("lost")]);
        }
        drop(Turn(hashing.shared.clone()));
        let hashers = hashing.finish().await;
        assert_eq!(hashers.digest(Algorithm::Sha256, 0), None);
        assert_eq!(hashers.digest(Algorithm::Sha256, 4), None);
    }
}
