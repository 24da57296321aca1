//! The connection's IO type: bounded writes per turn, deadlines for progress, and an end that does not destroy the
//! last answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hythe_file_io::FileStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

use super::framing::Framing;

/// Bytes that one turn of a connection may write before others get their turn. hyper flushes until the socket
/// refuses, which on a fast network is never; without a bound a small request waits behind whole blobs.
const BYTES_PER_TURN: usize = 1024 * 1024;

/// How long a client that is in the middle of a message is listened to after the last answer. Closing at once would
/// make the system send a reset, which can overtake the answer and destroy it (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// The bytes with which a connection says which version of HTTP it speaks: the length of HTTP/2's preface.
const OPENING_BYTES: usize = 24;

/// What carries the bytes of a connection.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether the last write had to wait for a disk, and not for the peer.
    fn awaits_file(&self) -> bool {
        false
    }
}

impl Transport for FileStream {
    fn awaits_file(&self) -> bool {
        FileStream::awaits_file(self)
    }
}

impl Transport for TlsStream<TcpStream> {}

impl Transport for UnixStream {}

/// A connection that fails when the peer takes no byte of a response for too long, and that yields after each
/// mebibyte written.
pub(crate) struct EdgeIo<S> {
    stream: S,
    framing: Framing,
    opening: Option<Opening>,
    /// Runs from the moment a write had to wait; made when that first happens.
    deadline: Option<Pin<Box<Sleep>>>,
    deadline_armed: bool,
    write_progress: Duration,
    written_this_turn: usize,
    /// Runs from the moment the write side was closed in the middle of a message of the client.
    lingering: Option<Pin<Box<Sleep>>>,
}

/// The time within which the first bytes have to come.
struct Opening {
    deadline: Pin<Box<Sleep>>,
    received: usize,
}

impl<S: Transport> EdgeIo<S> {
    /// Wraps an accepted connection; `write_progress` is how long a write may make no progress. `framing` sees
    /// every byte received.
    pub(crate) fn new(stream: S, write_progress: Duration, framing: Framing) -> Self {
        Self {
            stream,
            framing,
            opening: None,
            deadline: None,
            deadline_armed: false,
            write_progress,
            written_this_turn: 0,
            lingering: None,
        }
    }

    /// The same, with a limit for the bytes that tell HTTP/2 from HTTP/1.1: hyper waits for them without one.
    pub(crate) fn with_opening_limit(mut self, limit: Duration) -> Self {
        self.opening = Some(Opening {
            deadline: Box::pin(tokio::time::sleep(limit)),
            received: 0,
        });
        self
    }

    fn poll_with(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
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
            // It is the disk that is slow.
            Poll::Pending if self.stream.awaits_file() => {
                self.written_this_turn = 0;
                self.deadline_armed = false;
            }
            Poll::Pending => {
                self.written_this_turn = 0;
                if self.is_overdue(cx) {
                    return Poll::Ready(Err(timed_out("the client took no byte of the response in time")));
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

    /// Reads and drops what still comes, until the client has understood that nobody listens.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let stream = &mut self.stream;
        let lingering = self
            .lingering
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut room = [0; 8 * 1024];
        while lingering.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut room);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: Transport> AsyncRead for EdgeIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        let received = &buffer.filled()[before..];
        this.framing.observe(received);
        if let Some(opening) = &mut this.opening {
            opening.received += received.len();
            if opening.received >= OPENING_BYTES {
                this.opening = None;
            } else if read.is_pending() && opening.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(timed_out("the client did not say which HTTP it speaks")));
            }
        }
        read
    }
}

impl<S: Transport> AsyncWrite for EdgeIo<S> {
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
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if this.framing.is_between_messages() {
                return Poll::Ready(Ok(()));
            }
        }
        this.poll_linger(cx).map(Ok)
    }
}

fn timed_out(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, reason)
}
