//! Read buffers that are used again, so that sending a file neither allocates nor clears memory.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Bytes of one buffer. Larger reads gain nothing; smaller ones cost 10 to 20 % on long transfers.
pub(crate) const BUFFER_BYTES: usize = 512 * 1024;

/// Buffers kept for reuse at most: 16 MiB. What is beyond is freed, so that a burst of readers does not pin memory.
const KEPT_BUFFERS: usize = 32;

static POOL: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// What is shorter than this gets memory of its own size: a client that is slow to take a small blob must not hold a
/// whole buffer.
const OWN_SIZE_BYTES: usize = 64 * 1024;

/// Memory to read into. A whole buffer of [`BUFFER_BYTES`] bytes returns to the pool when dropped.
#[derive(Debug)]
pub(crate) struct PooledBuffer {
    bytes: Box<[u8]>,
    filled: usize,
}

impl PooledBuffer {
    /// A buffer for `length` bytes, or as many as there are in a buffer. Its content is arbitrary.
    pub(crate) fn take(length: usize) -> Self {
        if length < OWN_SIZE_BYTES {
            return Self {
                bytes: vec![0; length].into_boxed_slice(),
                filled: 0,
            };
        }
        let kept = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = kept.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice());
        Self { bytes, filled: 0 }
    }

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
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < KEPT_BUFFERS {
            pool.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_show_only_what_was_filled() {
        let mut buffer = PooledBuffer::take(5);
        buffer.room(5).copy_from_slice(b"hello");
        let bytes = buffer.into_bytes(5);
        let clone = bytes.slice(1..3);
        drop(bytes);
        assert_eq!(&clone[..], b"el");
    }

    #[test]
    fn small_reads_hold_no_whole_buffer() {
        let check = |length: usize, expected: usize| {
            assert_eq!(
                PooledBuffer::take(length).room(usize::MAX).len(),
                expected,
                "{length}"
            );
        };
        check(1, 1);
        check(OWN_SIZE_BYTES - 1, OWN_SIZE_BYTES - 1);
        check(OWN_SIZE_BYTES, BUFFER_BYTES);
        check(BUFFER_BYTES + 1, BUFFER_BYTES);
    }
}
