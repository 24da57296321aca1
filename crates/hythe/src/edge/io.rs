//! The connection's IO type: bounded writes per turn, and a deadline for progress.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::ReadBufCursor;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Bytes that one turn of a connection may write before others get their turn. hyper flushes until the socket
/// refuses, which on a fast network is never; without a bound a small request waits behind whole blobs.
const BYTES_PER_TURN: usize = 1024 * 1024;

/// A TCP connection that fails when the peer takes no byte of a response for too long, and that yields after each
/// mebibyte written.
pub(crate) struct EdgeIo {
    stream: TokioIo<TcpStream>,
    /// Runs from the moment a write had to wait; made when that first happens.
    deadline: Option<Pin<Box<Sleep>>>,
    deadline_armed: bool,
    write_progress: Duration,
    written_this_turn: usize,
}

impl EdgeIo {
    /// Wraps an accepted connection; `write_progress` is how long a write may make no progress.
    pub(crate) fn new(stream: TcpStream, write_progress: Duration) -> Self {
        Self {
            stream: TokioIo::new(stream),
            deadline: None,
            deadline_armed: false,
            write_progress,
            written_this_turn: 0,
        }
    }

    fn poll_with(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TokioIo<TcpStream>>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.written_this_turn >= BYTES_PER_TURN {
            self.written_this_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = write(Pin::new(&mut self.stream), cx);
        match &written {
            Poll::Ready(Ok(count)) => {
                self.written_this_turn += count;
                self.deadline_armed = false;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.written_this_turn = 0;
                if self.is_overdue(cx) {
                    let overdue = "the client took no byte of the response in time";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, overdue)));
                }
            }
        }
        written
    }

    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.write_progress)));
        if !self.deadline_armed {
            deadline.as_mut().reset(Instant::now() + self.write_progress);
            self.deadline_armed = true;
        }
        deadline.as_mut().poll(cx).is_ready()
    }
}

impl hyper::rt::Read for EdgeIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for EdgeIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = &bytes[..bytes.len().min(BYTES_PER_TURN)];
        self.get_mut()
            .poll_with(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_with(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
