use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};

/// Bytes that are not in a part yet. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Buffer {
    pieces: VecDeque<Bytes>,
    size: u64,
}

impl Buffer {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn append(&mut self, batch: Vec<Bytes>) {
        for piece in batch.into_iter().filter(|piece| !piece.is_empty()) {
            self.size += piece.len() as u64;
            self.pieces.push_back(piece);
        }
    }

    /// The first `count` bytes, which stay.
    pub(super) fn first(&self, count: u64) -> Vec<Bytes> {
        let mut left = count;
        let mut first = Vec::new();
        for piece in &self.pieces {
            if left == 0 {
                break;
            }
            let length = left.min(piece.len() as u64);
            first.push(piece.slice(..length as usize));
            left -= length;
        }
        first
    }

    /// Removes the first `count` bytes.
    pub(super) fn remove_first(&mut self, count: u64) {
        let mut left = count.min(self.size);
        self.size -= left;
        while let Some(piece) = self.pieces.front_mut() {
            if (piece.len() as u64) > left {
                let _ = piece.split_to(left as usize);
                return;
            }
            left -= piece.len() as u64;
            self.pieces.pop_front();
        }
    }

    pub(super) fn pieces(&self) -> Vec<Bytes> {
        self.pieces.iter().cloned().collect()
    }

    pub(super) fn copy_to(&self, target: &mut BytesMut) {
        for piece in &self.pieces {
            target.extend_from_slice(piece);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.size)
    }
}

impl From<Bytes> for Buffer {
    fn from(bytes: Bytes) -> Self {
        let mut buffer = Self::default();
        buffer.append(vec![bytes]);
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        for count in 0..=6 {
            let mut buffer = Buffer::default();
            buffer.append(vec!["ab".into(), Bytes::new(), "c".into()]);
            buffer.append(vec!["def".into()]);
            assert_eq!(
                buffer.first(count).concat(),
                "abcdef".as_bytes()[..count as usize]
            );
            buffer.remove_first(count);
            assert_eq!(buffer.pieces().concat(), "abcdef".as_bytes()[count as usize..]);
            assert_eq!(buffer.size(), 6 - count);
        }
    }
}
