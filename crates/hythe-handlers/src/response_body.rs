//! The body of a response, still in parts: a file stays a file, so that the edge of the connection can send it
//! without copying. This module never reads one.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http_body::{Body, Frame, SizeHint};
use hythe_distribution::{ByteStream, Content, Error, FileRange};
use uuid::Uuid;

/// The body of a response.
///
/// As an [`http_body::Body`] it yields everything but files: those the connection edge takes out with a `match`
/// (or [`ResponseBody::take_file`]) and sends in its own way. The length is always known.
#[derive(Default)]
#[non_exhaustive]
pub enum ResponseBody {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory.
    Full(Bytes),
    /// A range of an open file.
    File(FileRange),
    /// Bytes that arrive piece by piece.
    Stream {
        /// The bytes.
        stream: ByteStream,
        /// How many bytes are still to come.
        length: u64,
    },
    /// Several bodies one after the other, as in a `multipart/byteranges` answer.
    Parts(VecDeque<ResponseBody>),
}

/// Why a body could not be sent to its end. What was sent so far cannot be taken back: the connection has to end.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResponseBodyError {
    /// The content could not be read.
    Content(Error),
    /// A file was asked for its bytes here, which is the task of the connection edge.
    FileNotTaken,
}

impl ResponseBody {
    /// A body of `length` bytes of opened content.
    pub fn of_content(content: Content, length: u64) -> Self {
        match content {
            Content::File(file) => Self::File(file),
            Content::Stream(stream) => Self::Stream { stream, length },
        }
    }

    /// The same, whose streams tell the log when they break: the client only sees that the connection ends.
    pub(crate) fn logged(self, request_id: Uuid) -> Self {
        let log = move |error: &Error| {
            tracing::error!(
                http.request.id = %request_id,
                error = error as &dyn std::error::Error,
                "stored content could not be read to its end"
            );
        };
        match self {
            Self::Stream { stream, length } => Self::Stream {
                stream: stream.inspect_err(log).boxed(),
                length,
            },
            Self::Parts(parts) => {
                Self::Parts(parts.into_iter().map(|part| part.logged(request_id)).collect())
            }
            other => other,
        }
    }

    /// How many bytes are still to come.
    pub fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Full(bytes) => bytes.len() as u64,
            Self::File(file) => file.length,
            Self::Stream { length, .. } => *length,
            Self::Parts(parts) => parts.iter().map(Self::length).sum(),
        }
    }

    /// Takes the file out, if this is one, and leaves nothing behind.
    pub fn take_file(&mut self) -> Option<FileRange> {
        match std::mem::take(self) {
            Self::File(file) => Some(file),
            other => {
                *self = other;
                None
            }
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ResponseBodyError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Self::File(_) => Poll::Ready(Some(Err(ResponseBodyError::FileNotTaken))),
            Self::Stream { stream, length } => match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    *length = length.saturating_sub(bytes.len() as u64);
                    Poll::Ready(Some(Ok(bytes)))
                }
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(ResponseBodyError::Content(error)))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
            Self::Parts(parts) => {
                while let Some(part) = parts.front_mut() {
                    match part.poll_bytes(cx) {
                        Poll::Ready(None) => drop(parts.pop_front()),
                        other => return other,
                    }
                }
                Poll::Ready(None)
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ResponseBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseBodyError>>> {
        self.get_mut().poll_bytes(cx).map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Full(bytes)
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Stream { length, .. } => write!(f, "Stream({length} bytes)"),
            Self::Parts(parts) => f.debug_tuple("Parts").field(parts).finish(),
        }
    }
}

impl fmt::Display for ResponseBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(_) => f.write_str("stored content could not be read to its end"),
            Self::FileNotTaken => f.write_str("a file was not taken out of its body"),
        }
    }
}

impl std::error::Error for ResponseBodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Content(error) => Some(error),
            Self::FileNotTaken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    fn stream_of(pieces: &[&'static str]) -> ResponseBody {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
            .collect();
        let length = pieces
            .iter()
            .flatten()
            .map(|piece: &Bytes| piece.len() as u64)
            .sum();
        ResponseBody::Stream {
            stream: Box::pin(stream::iter(pieces)),
            length,
        }
    }

    #[tokio::test]
    async fn parts_are_sent_one_after_the_other_and_the_length_is_exact() {
        let parts = [
            ResponseBody::Full(Bytes::from_static(b"head ")),
            ResponseBody::Empty,
            stream_of(&["one ", "two "]),
            ResponseBody::Full(Bytes::from_static(b"tail")),
        ];
        let body = ResponseBody::Parts(parts.into());
        assert_eq!(body.size_hint().exact(), Some(17));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "head one two tail");
    }

    #[tokio::test]
    async fn nothing_is_the_end_of_the_stream() {
        for body in [
            ResponseBody::Empty,
            ResponseBody::Full(Bytes::new()),
            stream_of(&[]),
        ] {
            assert!(body.is_end_stream(), "{body:?}");
            assert_eq!(body.collect().await.unwrap().to_bytes(), "");
        }
    }

    #[tokio::test]
    async fn a_broken_stream_is_an_error() {
        let body = ResponseBody::Stream {
            stream: Box::pin(stream::iter([Err(Error::Unsupported)])),
            length: 3,
        };
        assert!(matches!(body.collect().await, Err(ResponseBodyError::Content(_))));
    }
}
