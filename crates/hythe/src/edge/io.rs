//! The connection's IO type: bounded writes per turn, and a deadline for progress.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::ReadBufCursor;
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Bytes that one turn of a connection may write before others get their turn. hyper flushes until the socket
/// refuses, which on a fast network is never; without a bound a small request waits behind whole blobs.
const BYTES_PER_TURN: usize = 1024 * 1024;

pin_project! {
    /// A TCP connection that fails when the peer takes no byte of a response for too long, and that yields after
    /// each mebibyte written.
    pub(crate) struct EdgeIo {
        #[pin]
        stream: TokioIo<TcpStream>,
        #[pin]
        deadline: Sleep,
        deadline_armed: bool,
        write_progress: Duration,
        written_this_turn: usize,
    }
}

impl EdgeIo {
    /// Wraps an accepted connection; `write_progress` is how long a write may make no progress.
    pub(crate) fn new(stream: TcpStream, write_progress: Duration) -> Self {
        Self {
            stream: TokioIo::new(stream),
            deadline: tokio::time::sleep(write_progress),
            deadline_armed: false,
            write_progress,
            written_this_turn: 0,
        }
    }

    fn poll_with(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TokioIo<TcpStream>>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut this = self.project();
        if *this.written_this_turn >= BYTES_PER_TURN {
            *this.written_this_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match write(this.stream, cx) {
            Poll::Ready(Ok(count)) => {
                *this.written_this_turn += count;
                *this.deadline_armed = false;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                *this.written_this_turn = 0;
                if !*this.deadline_armed {
                    this.deadline.as_mut().reset(Instant::now() + *this.write_progress);
                    *this.deadline_armed = true;
                }
                if this.deadline.poll(cx).is_ready() {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the client took no byte of the response in time",
                    )));
                }
                Poll::Pending
            }
        }
    }
}

impl hyper::rt::Read for EdgeIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for EdgeIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = &bytes[..bytes.len().min(BYTES_PER_TURN)];
        self.poll_with(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}
