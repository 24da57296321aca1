//! Response bodies as frames of bytes.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hythe_distribution::FileRange;
use hythe_file_io::{FileTable, ShortFile};
use hythe_handlers::ResponseBody;
use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::JoinHandle;

use super::buffer_pool::{BUFFER_BYTES, BufferPool};

/// From this length on the kernel sends a file by itself; what is shorter is cheaper to read.
const SENT_BY_KERNEL_BYTES: u64 = 128 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A response body that hyper can send.
#[derive(Debug)]
pub(crate) enum EdgeBody {
    /// A file.
    File(FileBody),
    /// Several bodies one after the other.
    Parts(VecDeque<EdgeBody>),
    /// Anything that the handlers already give as bytes.
    Other(ResponseBody),
}

/// How a connection sends files.
#[derive(Debug, Clone)]
pub(crate) struct FileSending {
    /// Where files are registered that the kernel is to send; `None` where bytes change on their way to the socket.
    pub(crate) by_kernel: Option<FileTable>,
    /// What the others are read into.
    pub(crate) buffers: BufferPool,
}

impl EdgeBody {
    /// Turns the handlers' body into one that can be sent.
    pub(crate) fn new(body: ResponseBody, sending: &FileSending) -> Self {
        match body {
            ResponseBody::File(range) => Self::File(FileBody::new(range, sending.clone())),
            ResponseBody::Parts(parts) => {
                Self::Parts(parts.into_iter().map(|part| Self::new(part, sending)).collect())
            }
            other => Self::Other(other),
        }
    }
}

impl Body for EdgeBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::File(body) => body
                .poll_bytes(cx)
                .map(|piece| piece.map(|result| result.map(Frame::data).map_err(BoxError::from))),
            Self::Parts(parts) => {
                while let Some(part) = parts.front_mut() {
                    match ready!(Pin::new(part).poll_frame(cx)) {
                        Some(frame) => return Poll::Ready(Some(frame)),
                        None => drop(parts.pop_front()),
                    }
                }
                Poll::Ready(None)
            }
            Self::Other(body) => Pin::new(body).poll_frame(cx).map_err(BoxError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::File(body) => body.remaining == 0,
            Self::Parts(parts) => parts.iter().all(Self::is_end_stream),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::File(body) => SizeHint::with_exact(body.remaining),
            Self::Parts(parts) => {
                let lengths = parts.iter().map(|part| part.size_hint().exact());
                lengths
                    .sum::<Option<u64>>()
                    .map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Self::Other(body) => body.size_hint(),
        }
    }
}

/// A range of a file. Long ones the kernel sends, where it can; of the others is read at once what the page cache has,
/// and on a blocking thread what it has not.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: Arc<OwnedFd>,
    offset: u64,
    remaining: u64,
    by_kernel: Option<FileTable>,
    buffers: BufferPool,
    waiting: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    fn new(range: FileRange, sending: FileSending) -> Self {
        let is_long = range.length >= SENT_BY_KERNEL_BYTES;
        Self {
            file: range.file,
            offset: range.offset,
            remaining: range.length,
            by_kernel: sending.by_kernel.filter(|_| is_long),
            buffers: sending.buffers,
            waiting: None,
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        // Not when the body is made: that of a HEAD is never asked for its bytes.
        let table = self.by_kernel.take();
        let whole = table.and_then(|table| table.register(self.file.clone(), self.offset, self.remaining));
        match whole {
            Some(bytes) => Poll::Ready(Some(self.advance(bytes))),
            None => self.poll_read(cx),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        if self.waiting.is_none() {
            match self.read_cached() {
                Ok(Some(bytes)) => return Poll::Ready(Some(self.advance(bytes))),
                Ok(None) => self.waiting = Some(self.read_on_a_blocking_thread()),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let Some(task) = self.waiting.as_mut() else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(task).poll(cx));
        self.waiting = None;
        let bytes = read.map_err(io::Error::other).flatten();
        Poll::Ready(Some(bytes.and_then(|bytes| self.advance(bytes))))
    }

    /// What the page cache holds at the current offset; `None` when that is nothing.
    fn read_cached(&self) -> io::Result<Option<Bytes>> {
        let mut buffer = self.buffers.take(self.next_length());
        let room = buffer.room(self.next_length());
        let slices = &mut [IoSliceMut::new(room)];
        match rustix::io::preadv2(&*self.file, slices, self.offset, ReadWriteFlags::NOWAIT) {
            Ok(count) => Ok(Some(buffer.into_bytes(count))),
            // OPNOTSUPP and NOSYS: a file system or kernel that cannot tell what is cached.
            Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn read_on_a_blocking_thread(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, offset, length) = (self.file.clone(), self.offset, self.next_length());
        let buffers = self.buffers.clone();
        tokio::task::spawn_blocking(move || {
            let mut buffer = buffers.take(length);
            let room = buffer.room(length);
            let mut filled = 0;
            while filled < room.len() {
                match rustix::io::pread(&*file, &mut room[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(buffer.into_bytes(filled))
        })
    }

    fn next_length(&self) -> usize {
        self.remaining.min(BUFFER_BYTES as u64) as usize
    }

    /// A file shorter than announced means a damaged store; ending the connection is the only honest signal
    /// after the head was sent.
    fn advance(&mut self, bytes: Bytes) -> io::Result<Bytes> {
        if bytes.is_empty() {
            return Err(ShortFile.into());
        }
        self.offset += bytes.len() as u64;
        self.remaining -= bytes.len() as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http_body_util::BodyExt as _;

    use super::*;

    const LONG: u64 = SENT_BY_KERNEL_BYTES;

    fn body(content: &[u8], offset: u64, length: u64, by_kernel: Option<FileTable>) -> EdgeBody {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let range = FileRange {
            file: Arc::new(file.into()),
            offset,
            length,
        };
        let sending = FileSending {
            by_kernel,
            buffers: BufferPool::default(),
        };
        EdgeBody::new(ResponseBody::File(range), &sending)
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    #[tokio::test]
    async fn exactly_the_range_is_sent() {
        let content = content(3 * BUFFER_BYTES + 7);
        for by_kernel in [None, Some(FileTable::default())] {
            let length = content.len() as u64 - 2000;
            let body = body(&content, 1000, length, by_kernel);
            assert_eq!(body.size_hint().exact(), Some(length));
            let sent = body.collect().await.unwrap().to_bytes();
            assert_eq!(&sent[..], &content[1000..content.len() - 1000]);
        }
    }

    #[tokio::test]
    async fn long_ranges_come_in_one_piece_where_the_kernel_sends_them() {
        let check = async |length: u64, by_kernel: Option<FileTable>, expected: bool| {
            let mut body = body(&content(LONG as usize + 1), 0, length, by_kernel);
            let frame = body.frame().await.unwrap().unwrap();
            let is_whole = frame.data_ref().unwrap().len() as u64 == length;
            assert_eq!(is_whole && body.is_end_stream(), expected, "{length}");
        };
        check(LONG + 1, Some(FileTable::default()), true).await;
        check(LONG + 1, None, false).await;
    }

    #[tokio::test]
    async fn a_file_that_is_too_short_is_an_error() {
        let body = body(b"short", 0, 6, Some(FileTable::default()));
        assert!(body.collect().await.is_err());
    }
}
