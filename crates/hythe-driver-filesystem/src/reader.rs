//! Opening, looking and small reads: on the calling task when the kernel need not wait, else on a thread.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;
use hythe_driver::{Content, DriverPath, ErrorKind, FileInfo, FileRange, Read, ReadRange};
use rustix::io::{Errno, ReadWriteFlags};

use crate::error::{Failure, Result};
use crate::store::{Store, file_info};

/// Files up to this size are read on the calling task when they are in memory; longer copies belong on a thread.
const MAX_INLINE_BYTES: u64 = 64 * 1024;

/// A file shorter than this lies in one page, of which a read that may not wait gives all or nothing.
const PAGE_BYTES: usize = 4096;

/// An open file.
#[derive(Debug)]
pub(crate) struct Opened {
    file: OwnedFd,
    info: FileInfo,
}

/// What could be told without waiting.
#[derive(Debug)]
pub(crate) enum Cached<T> {
    /// This.
    Known(T),
    /// Nothing; ask again on a thread.
    Unknown,
}

impl Store {
    pub(crate) fn open_cached(&self, path: &DriverPath) -> Cached<Result<Opened>> {
        self.answer_cached(path, self.os.open_cached(path), |file| Opened::new(file, path))
    }

    pub(crate) fn stat_cached(&self, path: &DriverPath) -> Cached<Result<FileInfo>> {
        self.answer_cached(path, self.os.stat_cached(path), |stat| file_info(path, &stat))
    }

    /// The content of a file that is shorter than a page and in memory. Links and most manifests are, and every
    /// request reads some; what is shorter than asked for is whole, so nobody has to ask for its size.
    pub(crate) fn page_cached(&self, path: &DriverPath, limit: u64) -> Cached<Result<Bytes>> {
        let file = match self.os.open_cached(path) {
            Ok(file) if !self.unsynced.is_appearing(path) => file,
            Err(Errno::NOENT) => return Cached::Known(Err(ErrorKind::NotFound.into())),
            _ => return Cached::Unknown,
        };
        let mut page = [0; PAGE_BYTES];
        let slices = &mut [IoSliceMut::new(&mut page)];
        match rustix::io::preadv2(file.as_fd(), slices, 0, ReadWriteFlags::NOWAIT) {
            Ok(count) if count < PAGE_BYTES && count as u64 <= limit => {
                Cached::Known(Ok(Bytes::copy_from_slice(&page[..count])))
            }
            _ => Cached::Unknown,
        }
    }

    /// A name that is just being made durable is not answered for: the answer must wait for the disk.
    fn answer_cached<T, U>(
        &self,
        path: &DriverPath,
        found: rustix::io::Result<T>,
        answer: impl FnOnce(T) -> Result<U>,
    ) -> Cached<Result<U>> {
        match found {
            Ok(_) if self.unsynced.is_appearing(path) => Cached::Unknown,
            Ok(found) => Cached::Known(answer(found)),
            Err(Errno::NOENT) => Cached::Known(Err(ErrorKind::NotFound.into())),
            Err(_) => Cached::Unknown,
        }
    }

    pub(crate) fn open(&self, path: &DriverPath) -> Result<Opened> {
        let file = self.os.open_for_reading(path).map_err(Failure::looking_up)?;
        self.settle_if_appearing(path)?;
        Opened::new(file, path)
    }

    pub(crate) fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        let stat = self.os.stat(path).map_err(Failure::looking_up)?;
        self.settle_if_appearing(path)?;
        file_info(path, &stat)
    }

    /// Who sees a name that another call is just making durable may build on it, so it is made durable first.
    pub(crate) fn settle_if_appearing(&self, path: &DriverPath) -> Result<()> {
        if self.unsynced.is_appearing(path) {
            let appearing = self.unsynced.appearing(path);
            self.settle(path)?;
            appearing.became_durable();
        }
        Ok(())
    }
}

impl Opened {
    fn new(file: OwnedFd, path: &DriverPath) -> Result<Self> {
        let info = file_info(path, &rustix::fs::fstat(&file)?)?;
        if info.is_directory() {
            return Err(ErrorKind::NotAFile.into());
        }
        Ok(Self { file, info })
    }

    /// A range of the file, to be read by whoever sends it.
    pub(crate) fn into_read(self, range: ReadRange) -> Read {
        let range = range.resolve(self.info.size());
        let file = FileRange {
            file: Arc::new(self.file),
            offset: range.start,
            length: range.end - range.start,
        };
        Read {
            info: self.info,
            range,
            content: Content::File(file),
        }
    }

    /// The size, if it is within the limit.
    pub(crate) fn check_size(&self, limit: u64) -> Result<()> {
        if self.info.size() > limit {
            return Err(ErrorKind::TooLarge.into());
        }
        Ok(())
    }

    /// The whole content if it is small and in memory.
    pub(crate) fn content_cached(&self) -> Cached<Bytes> {
        if self.info.size() > MAX_INLINE_BYTES {
            return Cached::Unknown;
        }
        match read_full(&self.file, self.info.size(), ReadWriteFlags::NOWAIT) {
            Ok(content) if content.len() as u64 == self.info.size() => Cached::Known(content),
            // Shorter than announced, or not in memory: a thread finds out which.
            _ => Cached::Unknown,
        }
    }

    /// The whole content.
    pub(crate) fn content(&self) -> Result<Bytes> {
        Ok(read_full(&self.file, self.info.size(), ReadWriteFlags::empty())?)
    }
}

/// Reads `size` bytes, or fewer when the file ends before.
fn read_full(file: impl AsFd, size: u64, flags: ReadWriteFlags) -> rustix::io::Result<Bytes> {
    let mut content = vec![0; usize::try_from(size).map_err(|_| Errno::NOMEM)?];
    let mut filled = 0;
    while filled < content.len() {
        let mut slice = [IoSliceMut::new(&mut content[filled..])];
        match rustix::io::preadv2(file.as_fd(), &mut slice, filled as u64, flags) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    content.truncate(filled);
    Ok(content.into())
}
