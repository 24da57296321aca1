//! Request bodies of several pieces, sent without being gathered first.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use azure_core::http::Body;
use azure_core::stream::SeekableStream;
use bytes::Bytes;
use futures_util::io::AsyncRead;

/// How much is handed to the connection at once, in bytes.
const STEP_BYTES: usize = 128 << 10;

/// A request body of these pieces, one after another.
pub(crate) fn body_of(mut pieces: Vec<Bytes>) -> Body {
    pieces.retain(|piece| !piece.is_empty());
    match pieces.as_slice() {
        [] => Body::Bytes(Bytes::new()),
        [_] => Body::Bytes(pieces.swap_remove(0)),
        _ => {
            let pieces: Box<dyn SeekableStream> = Box::new(Pieces {
                size: pieces.iter().map(|piece| piece.len() as u64).sum(),
                all: pieces.into(),
                index: 0,
                offset: 0,
            });
            Body::SeekableStream(pieces)
        }
    }
}

#[derive(Clone)]
struct Pieces {
    all: Arc<[Bytes]>,
    size: u64,
    /// The piece that is read next, and from where in it.
    index: usize,
    offset: usize,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({} bytes)", self.size)
    }
}

#[async_trait]
impl SeekableStream for Pieces {
    async fn reset(&mut self) -> azure_core::Result<()> {
        (self.index, self.offset) = (0, 0);
        Ok(())
    }

    fn len(&self) -> Option<u64> {
        Some(self.size)
    }

    fn buffer_size(&self) -> usize {
        STEP_BYTES
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut filled = 0;
        while let Some(piece) = this.all.get(this.index)
            && filled < buffer.len()
        {
            let rest = &piece[this.offset..];
            let length = rest.len().min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&rest[..length]);
            filled += length;
            this.offset += length;
            if this.offset == piece.len() {
                (this.index, this.offset) = (this.index + 1, 0);
            }
        }
        Poll::Ready(Ok(filled))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::AsyncReadExt as _;

    use super::*;

    async fn content(body: &mut Body) -> Vec<u8> {
        match body {
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::SeekableStream(stream) => {
                let mut content = Vec::new();
                stream.read_to_end(&mut content).await.unwrap();
                content
            }
        }
    }

    #[tokio::test]
    async fn pieces_are_read_in_order_as_often_as_wanted() {
        for pieces in [vec![], vec![""], vec!["one"], vec!["", "a", "", "bc", "def"]] {
            let expected = pieces.concat();
            let mut body = body_of(pieces.into_iter().map(Bytes::from).collect());
            assert_eq!(body.len(), Some(expected.len() as u64));
            for _ in 0..2 {
                assert_eq!(content(&mut body).await, expected.as_bytes());
                body.reset().await.unwrap();
            }
        }
    }
}
