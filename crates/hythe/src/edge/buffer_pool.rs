//! Read buffers that are used again, so that reading a file neither allocates nor clears memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Bytes of one buffer. Smaller reads cost 10 to 20 % on long transfers; a client that is slow to take what was read
/// holds one buffer.
pub(crate) const BUFFER_BYTES: usize = 128 * 1024;

/// Buffers kept for reuse at most: 4 MiB. What is beyond is freed, so that a burst of readers does not pin memory.
const KEPT_BUFFERS: usize = 32;

/// What is shorter than this gets memory of its own size: a client that is slow to take a small blob must not hold a
/// whole buffer.
const OWN_SIZE_BYTES: usize = 64 * 1024;

/// The buffers that nobody uses now. Cheap to clone; all clones are the same pool.
#[derive(Debug, Clone, Default)]
pub(crate) struct BufferPool {
    unused: Arc<Mutex<Vec<Box<[u8]>>>>,
}

/// Memory to read into. A whole buffer of [`BUFFER_BYTES`] bytes returns to the pool when dropped.
#[derive(Debug)]
pub(crate) struct PooledBuffer {
    bytes: Box<[u8]>,
    filled: usize,
    pool: BufferPool,
}

impl BufferPool {
    /// A buffer for `length` bytes, or as many as there are in a buffer. Its content is arbitrary.
    pub(crate) fn take(&self, length: usize) -> PooledBuffer {
        let bytes = if length < OWN_SIZE_BYTES {
            vec![0; length].into_boxed_slice()
        } else {
            let unused = self.lock().pop();
            unused.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice())
        };
        PooledBuffer {
            bytes,
            filled: 0,
            pool: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledBuffer {
    /// Room for at most `length` bytes.
    pub(crate) fn room(&mut self, length: usize) -> &mut [u8] {
        let length = length.min(self.bytes.len());
        &mut self.bytes[..length]
    }

    /// The first `filled` bytes, as shared bytes that give the buffer back when the last of them is dropped.
    pub(crate) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled.min(self.bytes.len());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.len() != BUFFER_BYTES {
            return;
        }
        let mut unused = self.pool.lock();
        if unused.len() < KEPT_BUFFERS {
            unused.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_show_only_what_was_filled() {
        let mut buffer = BufferPool::default().take(5);
        buffer.room(5).copy_from_slice(b"hello");
        let bytes = buffer.into_bytes(5);
        let clone = bytes.slice(1..3);
        drop(bytes);
        assert_eq!(&clone[..], b"el");
    }

    #[test]
    fn small_reads_hold_no_whole_buffer() {
        let check = |length: usize, expected: usize| {
            let mut buffer = BufferPool::default().take(length);
            assert_eq!(buffer.room(usize::MAX).len(), expected, "{length}");
        };
        check(1, 1);
        check(OWN_SIZE_BYTES - 1, OWN_SIZE_BYTES - 1);
        check(OWN_SIZE_BYTES, BUFFER_BYTES);
        check(BUFFER_BYTES + 1, BUFFER_BYTES);
    }

    #[test]
    fn a_dropped_buffer_is_used_again() {
        let pool = BufferPool::default();
        drop(pool.take(BUFFER_BYTES).into_bytes(1));
        assert_eq!(pool.lock().len(), 1);
        let buffer = pool.take(BUFFER_BYTES);
        assert_eq!(pool.lock().len(), 0);
        drop(buffer);
        drop(
            (0..=KEPT_BUFFERS)
                .map(|_| pool.take(BUFFER_BYTES))
                .collect::<Vec<_>>(),
        );
        assert_eq!(pool.lock().len(), KEPT_BUFFERS);
    }
}
