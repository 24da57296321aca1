use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Pieces shorter than this are joined with the next, so that many small writes do not make many small pieces.
const SMALL_PIECE_BYTES: usize = 64 * 1024;

/// The bytes of a file, in pieces. Cloning shares them.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pieces: Vec<Bytes>,
    size: u64,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.size)
    }
}

impl Content {
    /// Content of one piece. The bytes are copied: a piece of a request may pin a far larger buffer.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        content.append(&[Bytes::copy_from_slice(bytes)]);
        content
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a copy of a batch at the end.
    pub(crate) fn append(&mut self, batch: &[Bytes]) {
        let added: usize = batch.iter().map(Bytes::len).sum();
        if added == 0 {
            return;
        }
        let joined = self.pieces.pop_if(|last| last.len() < SMALL_PIECE_BYTES);
        let kept = joined.as_ref().map_or(0, Bytes::len);
        let mut piece = BytesMut::with_capacity(kept + added);
        for part in joined.iter().chain(batch) {
            piece.extend_from_slice(part);
        }
        self.pieces.push(piece.freeze());
        self.size += added as u64;
    }

    /// The pieces of a range, which must lie within the content.
    pub(crate) fn slices(&self, range: Range<u64>) -> Vec<Bytes> {
        let mut start = 0_u64;
        let mut slices = Vec::new();
        for piece in &self.pieces {
            let end = start + piece.len() as u64;
            let from = range.start.clamp(start, end) - start;
            let to = range.end.clamp(start, end) - start;
            if from < to {
                slices.push(piece.slice(from as usize..to as usize));
            }
            start = end;
        }
        slices
    }

    /// All of it in one piece.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match self.pieces.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => pieces.concat().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_the_bytes_of_the_range() {
        let mut content = Content::default();
        for byte in 0..4_u8 {
            content.append(&[Bytes::from(vec![byte; SMALL_PIECE_BYTES])]);
        }
        let whole = content.to_bytes();
        assert_eq!(content.size(), whole.len() as u64);
        let check = |range: Range<usize>| {
            let slices = content.slices(range.start as u64..range.end as u64);
            assert_eq!(slices.concat(), &whole[range.clone()], "{range:?}");
        };
        check(0..whole.len());
        check(1..SMALL_PIECE_BYTES);
        check(SMALL_PIECE_BYTES - 1..2 * SMALL_PIECE_BYTES + 1);
        check(7..7);
        check(whole.len()..whole.len());
    }

    #[test]
    fn small_appends_are_joined() {
        let mut content = Content::default();
        for byte in 0..100_u8 {
            content.append(&[Bytes::from(vec![byte])]);
        }
        assert_eq!(content.pieces.len(), 1);
        assert_eq!(content.to_bytes(), (0..100_u8).collect::<Vec<_>>());
    }
}
