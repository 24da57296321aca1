//! Getting parts of files into memory before a worker sends them.
//!
//! A worker that sends what is not in the page cache waits for the disk, and with it everybody whose task it would run.
//! So what is to be sent is looked up first; if it is absent, a blocking thread reads a window of the file, and another
//! one while the first is sent. As soon as something is found that nobody had to fetch, looking is enough again.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::task::JoinHandle;

use crate::mapping::resident_prefix;
use crate::table::Place;

/// Sent without being seen in memory when reading it has not made it appear there: 16 pages. Some file systems never
/// show their pages, and memory can be so short that pages go as they come; a transfer must get on all the same.
const UNSEEN_BYTES: usize = 64 * 1024;

/// Bytes read at once where the kernel cannot read without copying.
const SCRATCH_BYTES: usize = 64 * 1024;

/// The reading ahead of one connection.
#[derive(Debug)]
pub(crate) struct WarmUp {
    /// Bytes read by one blocking job.
    window: u64,
    running: Option<(Window, JoinHandle<io::Result<()>>)>,
    /// What was read last.
    done: Option<Window>,
}

/// A part of a registered range.
#[derive(Debug, Clone, Copy)]
struct Window {
    id: u64,
    start: u64,
    end: u64,
}

impl Window {
    fn contains(&self, place: &Place) -> bool {
        self.id == place.id && (self.start..self.end).contains(&place.offset)
    }
}

impl WarmUp {
    pub(crate) fn new(window: u64) -> Self {
        Self {
            window,
            running: None,
            done: None,
        }
    }

    /// How many of the first `at_most` bytes of `slice`, which lies at `place`, can be sent without waiting for a disk:
    /// at least one. `slice` goes on to the end of its range.
    pub(crate) fn poll_sendable(
        &mut self,
        cx: &mut Context<'_>,
        place: &Place,
        slice: &[u8],
        at_most: usize,
    ) -> Poll<io::Result<usize>> {
        let part = &slice[..slice.len().min(at_most)];
        let is_read = self
            .running
            .as_ref()
            .is_some_and(|(window, job)| window.contains(place) && job.is_finished());
        if is_read {
            ready!(self.poll_fetch(cx, place))?;
        }
        loop {
            let resident = resident_prefix(part);
            let was_fetched = self.done.is_some_and(|window| window.contains(place));
            if was_fetched {
                self.fetch_next(place, slice);
            }
            match resident {
                0 if was_fetched => return Poll::Ready(Ok(part.len().min(UNSEEN_BYTES))),
                0 => ready!(self.poll_fetch(cx, place))?,
                resident => return Poll::Ready(Ok(resident)),
            }
        }
    }

    /// Waits until the window at `place` is read.
    fn poll_fetch(&mut self, cx: &mut Context<'_>, place: &Place) -> Poll<io::Result<()>> {
        // One for a range that is not sent any more finishes its window by itself.
        let window = Window {
            id: place.id,
            start: place.offset,
            end: place.end.min(place.offset.saturating_add(self.window)),
        };
        let (window, job) = match self.running.take() {
            Some((window, job)) if window.contains(place) => self.running.insert((window, job)),
            _ => self.running.insert((window, fetch(&place.file, window))),
        };
        let read = ready!(Pin::new(job).poll(cx));
        self.done = Some(*window);
        self.running = None;
        Poll::Ready(read.map_err(io::Error::other).flatten())
    }

    /// Reads the window behind the one that `place` is in, unless it is there already.
    fn fetch_next(&mut self, place: &Place, slice: &[u8]) {
        let Some(done) = self.done else { return };
        if self.running.is_some() || done.end >= place.end {
            return;
        }
        let skipped = usize::try_from(done.end - place.offset).unwrap_or(usize::MAX);
        let next = slice.get(skipped..).unwrap_or_default();
        let next = &next[..next.len().min(self.window.min(UNSEEN_BYTES as u64) as usize)];
        if resident_prefix(next) == next.len() {
            return;
        }
        let window = Window {
            id: place.id,
            start: done.end,
            end: place.end.min(done.end.saturating_add(self.window)),
        };
        self.running = Some((window, fetch(&place.file, window)));
    }
}

fn fetch(file: &Arc<OwnedFd>, window: Window) -> JoinHandle<io::Result<()>> {
    let file = file.clone();
    tokio::task::spawn_blocking(move || read_into_cache(&file, window.start, window.end))
}

/// Waits until a part of a file is in memory, or the file ends.
fn read_into_cache(file: &OwnedFd, start: u64, end: u64) -> io::Result<()> {
    // Pages that are sent to nowhere are read, in order, and not copied.
    let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") else {
        return read_by_copying(file, start, end);
    };
    let mut offset = start;
    while offset < end {
        let count = usize::try_from(end - offset).unwrap_or(usize::MAX);
        match rustix::fs::sendfile(nowhere.as_fd(), file.as_fd(), Some(&mut offset), count) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return read_by_copying(file, offset, end),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn read_by_copying(file: &OwnedFd, start: u64, end: u64) -> io::Result<()> {
    let mut scratch = vec![0; SCRATCH_BYTES];
    let mut offset = start;
    while offset < end {
        let room = scratch
            .len()
            .min(usize::try_from(end - offset).unwrap_or(usize::MAX));
        match rustix::io::pread(file.as_fd(), &mut scratch[..room], offset) {
            Ok(0) => return Ok(()),
            Ok(count) => offset += count as u64,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{IoSlice, Write as _};

    use rustix::fs::{Advice, fadvise};

    use super::*;
    use crate::table::FileTable;

    const WINDOW: usize = 256 * 1024;

    /// A file that is not in memory, where the file system lets it go; sent with windows of [`WINDOW`] bytes.
    struct Cold {
        table: FileTable,
        bytes: bytes::Bytes,
        file: Arc<OwnedFd>,
        warm_up: WarmUp,
    }

    impl Cold {
        fn new(windows: usize) -> Self {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&vec![1; windows * WINDOW]).unwrap();
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
            let file: Arc<OwnedFd> = Arc::new(file.into());
            let table = FileTable::default();
            let bytes = table
                .register(file.clone(), 0, (windows * WINDOW) as u64)
                .unwrap();
            Self {
                table,
                bytes,
                file,
                warm_up: WarmUp::new(WINDOW as u64),
            }
        }

        async fn sendable(&mut self, from: usize) -> io::Result<usize> {
            let slice = &self.bytes[from..];
            let (_, place) = self.table.first_of_a_file(&[IoSlice::new(slice)]).unwrap();
            poll_fn(|cx| self.warm_up.poll_sendable(cx, &place, slice, 1 << 20)).await
        }
    }

    #[tokio::test]
    async fn everything_becomes_sendable_in_turn() {
        let mut cold = Cold::new(8);
        let mut sent = 0;
        while sent < cold.bytes.len() {
            let sendable = cold.sendable(sent).await.unwrap();
            assert!(
                (1..=cold.bytes.len() - sent).contains(&sendable),
                "{sent} {sendable}"
            );
            sent += sendable;
        }
    }

    #[tokio::test]
    async fn what_is_in_memory_needs_no_reading() {
        let mut cold = Cold::new(1);
        read_into_cache(&cold.file, 0, WINDOW as u64).unwrap();
        assert_eq!(cold.sendable(0).await.unwrap(), WINDOW);
        assert!(cold.warm_up.done.is_none());
        assert!(cold.warm_up.running.is_none());
    }

    #[tokio::test]
    async fn while_one_window_is_sent_the_next_is_read() {
        let mut cold = Cold::new(40);
        if resident_prefix(&cold.bytes) > 0 {
            eprintln!("skipped: the file system keeps its files in memory");
            return;
        }
        cold.sendable(0).await.unwrap();
        let done = cold.warm_up.done.unwrap();
        assert_eq!((done.start, done.end), (0, WINDOW as u64));
        // The kernel reads ahead by itself; it may have gone so far that no job of ours was needed.
        let next = &cold.bytes[WINDOW..][..UNSEEN_BYTES];
        assert!(cold.warm_up.running.is_some() || resident_prefix(next) == UNSEEN_BYTES);
    }

    #[tokio::test]
    async fn what_never_shows_in_memory_is_sent_all_the_same() {
        // Nothing is there behind the end of a file, however often it is read.
        let mut cold = Cold::new(1);
        cold.bytes = cold.table.register(cold.file.clone(), 1 << 20, 1 << 20).unwrap();
        assert_eq!(cold.sendable(0).await.unwrap(), UNSEEN_BYTES);
        assert_eq!(cold.sendable((1 << 20) - 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_job_for_another_range_is_not_waited_for() {
        let mut cold = Cold::new(1);
        let first = cold.table.register(cold.file.clone(), 1 << 20, 1 << 20).unwrap();
        let first = std::mem::replace(&mut cold.bytes, first);
        cold.sendable(0).await.unwrap();
        cold.bytes = first;
        assert!(cold.sendable(0).await.unwrap() > 0);
    }

    #[test]
    fn reading_by_copying_reads_up_to_the_end() {
        let cold = Cold::new(1);
        read_by_copying(&cold.file, 5, 10 * WINDOW as u64).unwrap();
        assert_eq!(resident_prefix(&cold.bytes), WINDOW);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let folder = OwnedFd::from(std::fs::File::open("/").unwrap());
        assert!(read_into_cache(&folder, 0, 10).is_err());
        assert!(read_by_copying(&folder, 0, 10).is_err());
    }
}
