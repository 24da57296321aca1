use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out and answered with this status, and with this `Retry-After` in seconds.
    Refuse(u16, Option<u64>),
    /// It is not carried out, and the connection ends.
    Drop,
    /// It is carried out, and the connection ends without an answer.
    Lose,
    /// It is carried out, and answered with this status all the same.
    LoseAs(u16),
    /// It is carried out, and the connection ends after so many bytes of the answer's body.
    Cut(usize),
    /// Of a chunk only the first 256 KiB are taken; other requests are carried out.
    TakeLess,
}

/// The connection ends here.
#[derive(Debug, thiserror::Error)]
#[error("planned")]
pub(super) struct Ended;

/// The body of an answer, which may end too early.
#[derive(Debug)]
pub(super) struct AnswerBody {
    content: Bytes,
    length: u64,
    has_waited: bool,
}

impl AnswerBody {
    pub(super) fn whole(content: Bytes) -> Self {
        let length = content.len() as u64;
        Self {
            content,
            length,
            has_waited: false,
        }
    }

    pub(super) fn cut(content: &Bytes, after: usize) -> Self {
        Self {
            length: content.len() as u64,
            content: content.slice(..after.min(content.len())),
            has_waited: false,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        let this = self.get_mut();
        if this.length == 0 {
            return Poll::Ready(None);
        }
        if this.content.is_empty() && !std::mem::replace(&mut this.has_waited, true) {
            // What was sent so far is to arrive.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.content.is_empty() {
            return Poll::Ready(Some(Err(Ended)));
        }
        let piece = this.content.split_to(this.content.len().min(64 * 1024));
        this.length -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
