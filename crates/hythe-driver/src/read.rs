use std::fmt;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::{Error, ErrorKind, FileInfo, Result};

/// Bytes that arrive piece by piece. It ends after the first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The part of a file to read; bytes are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadRange {
    /// Everything.
    #[default]
    Full,
    /// From an offset to the end.
    From(u64),
    /// From an offset, at most so many bytes.
    Bounded {
        /// The first byte.
        offset: u64,
        /// How many bytes at most.
        length: u64,
    },
    /// At most the last so many bytes.
    Suffix(u64),
}

impl ReadRange {
    /// The bytes meant in a file of `size` bytes: never beyond the end, empty at the end if nothing is left.
    pub fn resolve(self, size: u64) -> Range<u64> {
        match self {
            Self::Full => 0..size,
            Self::From(offset) => offset.min(size)..size,
            Self::Bounded { offset, length } => {
                let start = offset.min(size);
                start..offset.saturating_add(length).min(size).max(start)
            }
            Self::Suffix(length) => size.saturating_sub(length)..size,
        }
    }
}

/// An opened file.
#[derive(Debug)]
pub struct Read {
    /// The file read; its size is that of the whole file.
    pub info: FileInfo,
    /// The bytes that `content` yields, as offsets in the file.
    pub range: Range<u64>,
    /// Exactly the bytes of `range`.
    pub content: Content,
}

/// Where the bytes come from.
pub enum Content {
    /// An open file, so that the connection can send it without copying.
    File(FileRange),
    /// A stream.
    Stream(ByteStream),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(range) => f.debug_tuple("File").field(range).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A range of an open file. The file's content does not change while it is open.
#[derive(Debug, Clone)]
pub struct FileRange {
    /// The open file; its own position is not used.
    pub file: Arc<OwnedFd>,
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// Gathers a stream of at most `limit` bytes in memory.
pub async fn collect(driver: &'static str, mut stream: ByteStream, limit: u64) -> Result<Bytes> {
    let mut gathered = BytesMut::new();
    while let Some(piece) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        let piece = piece?;
        if (gathered.len() + piece.len()) as u64 > limit {
            return Err(Error::new(driver, "get_content", ErrorKind::TooLarge));
        }
        gathered.extend_from_slice(&piece);
    }
    Ok(gathered.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_never_leave_the_file() {
        let check =
            |range: ReadRange, expected: Range<u64>| assert_eq!(range.resolve(10), expected, "{range:?}");
        check(ReadRange::Full, 0..10);
        check(ReadRange::From(3), 3..10);
        check(ReadRange::From(11), 10..10);
        check(ReadRange::Bounded { offset: 2, length: 3 }, 2..5);
        check(
            ReadRange::Bounded {
                offset: 8,
                length: u64::MAX,
            },
            8..10,
        );
        check(
            ReadRange::Bounded {
                offset: 12,
                length: 3,
            },
            10..10,
        );
        check(ReadRange::Suffix(4), 6..10);
        check(ReadRange::Suffix(40), 0..10);
    }
}
