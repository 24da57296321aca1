//! The connection.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::table::{FileTable, Place};
use crate::warm_up::WarmUp;

/// How much is done at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a file that one write sends at most. More than a mebibyte gains nothing, less than 128 KiB costs.
    pub sent_bytes: usize,
    /// Bytes that a blocking thread reads in one go when a file is not in memory.
    pub warm_up_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sent_bytes: 1024 * 1024,
            warm_up_bytes: 4 * 1024 * 1024,
        }
    }
}

/// A file has fewer bytes than were announced: what is stored is damaged. What was promised cannot be sent, so the
/// connection has to break. Found in the [`io::Error`] that the write fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortFile;

/// A TCP connection that sends the ranges of its [`FileTable`] straight from the page cache. In all else it is the
/// [`TcpStream`].
///
/// Writes must be vectored or plain with slices as they come from [`FileTable::register`]; whoever copies them into a
/// buffer first reads the mapping, with all that this costs.
#[derive(Debug)]
pub struct FileStream {
    stream: TcpStream,
    files: FileTable,
    limits: Limits,
    warm_up: WarmUp,
    awaits_file: bool,
    /// Whether the kernel can send files over this connection. If it says no, they are written like other bytes.
    can_send_files: bool,
}

impl FileStream {
    /// Wraps a connection.
    pub fn new(stream: TcpStream, limits: Limits) -> Self {
        Self {
            stream,
            files: FileTable::default(),
            limits,
            warm_up: WarmUp::new(limits.warm_up_bytes),
            awaits_file: false,
            can_send_files: true,
        }
    }

    /// Where files that this connection is to send are registered.
    pub fn files(&self) -> FileTable {
        self.files.clone()
    }

    /// Whether the last write had to wait for a disk, and not for the peer.
    pub fn awaits_file(&self) -> bool {
        self.awaits_file
    }

    fn poll_write_slices(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.awaits_file = false;
        let Some((index, place)) = self.files.first_of_a_file(slices) else {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        };
        let (lead, slice) = (&slices[..index], &*slices[index]);
        // A connection that takes nothing needs no file.
        ready!(self.stream.poll_write_ready(cx))?;
        let sendable = self
            .warm_up
            .poll_sendable(cx, &place, slice, self.limits.sent_bytes);
        let sendable = match sendable {
            Poll::Ready(sendable) => sendable?,
            // What comes before the file need not wait for the disk.
            Poll::Pending if has_bytes(lead) => {
                return Pin::new(&mut self.stream).poll_write_vectored(cx, lead);
            }
            Poll::Pending => {
                self.awaits_file = true;
                return Poll::Pending;
            }
        };
        let sent_lead = if has_bytes(lead) {
            let sent = ready!(self.poll_lead(cx, lead))?;
            if sent < lead.iter().map(|slice| slice.len()).sum() {
                return Poll::Ready(Ok(sent));
            }
            sent
        } else {
            0
        };
        match self.poll_file(cx, &place, &slice[..sendable]) {
            Poll::Ready(Ok(sent)) => Poll::Ready(Ok(sent_lead + sent)),
            // The lead is gone, so it must be reported; the next write meets the same obstacle again.
            _ if sent_lead > 0 => Poll::Ready(Ok(sent_lead)),
            other => other,
        }
    }

    /// Sends what comes before a file, to leave together with the file's first bytes.
    fn poll_lead(&self, cx: &mut Context<'_>, lead: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        self.poll_io(cx, || {
            let mut nothing = SendAncillaryBuffer::default();
            retry_on_intr(|| sendmsg(self.stream.as_fd(), lead, &mut nothing, flags))
        })
    }

    fn poll_file(&mut self, cx: &mut Context<'_>, place: &Place, slice: &[u8]) -> Poll<io::Result<usize>> {
        if self.can_send_files {
            let sent = ready!(self.poll_io(cx, || {
                // A copy, since the descriptor and its own offset are shared with whoever else sends the file.
                let mut offset = place.offset;
                let (socket, file) = (self.stream.as_fd(), place.file.as_fd());
                retry_on_intr(|| rustix::fs::sendfile(socket, file, Some(&mut offset), slice.len()))
            }));
            match sent {
                Ok(0) => return Poll::Ready(Err(ShortFile.into())),
                Err(error) if is_unsupported(&error) => self.can_send_files = false,
                other => return Poll::Ready(other),
            }
        }
        // The kernel copies from the mapping; past the end of a file that became shorter it finds EFAULT.
        Pin::new(&mut self.stream).poll_write(cx, slice)
    }

    /// Tries until the socket does not refuse; a refusal makes this task wait for the socket.
    fn poll_io(
        &self,
        cx: &mut Context<'_>,
        mut operation: impl FnMut() -> Result<usize, Errno>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let tried = self
                .stream
                .try_io(Interest::WRITABLE, || operation().map_err(io::Error::from));
            match tried {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }
}

impl AsyncRead for FileStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FileStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_slices(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_slices(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl fmt::Display for ShortFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored file is shorter than announced")
    }
}

impl std::error::Error for ShortFile {}

impl From<ShortFile> for io::Error {
    fn from(short: ShortFile) -> Self {
        Self::new(io::ErrorKind::UnexpectedEof, short)
    }
}

fn has_bytes(slices: &[IoSlice<'_>]) -> bool {
    slices.iter().any(|slice| !slice.is_empty())
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    error
        .raw_os_error()
        .is_some_and(|code| unsupported.iter().any(|errno| errno.raw_os_error() == code))
}
