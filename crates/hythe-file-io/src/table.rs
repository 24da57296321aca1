//! Which addresses are ranges of which files, for one connection.

use std::io::IoSlice;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustix::fs::fstat;
use rustix::process::geteuid;

use crate::mapping::Mapping;

/// The ranges of files that one connection has still to send. Cheap to clone; all clones are the same table.
#[derive(Debug, Clone, Default)]
pub struct FileTable {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Few: one for each answer, or part of an answer, under way.
    all: Vec<Entry>,
    /// The next entry's.
    id: u64,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    /// The first byte's address.
    address: usize,
    length: usize,
    file: Arc<OwnedFd>,
    /// The first byte's place in the file.
    offset: u64,
}

/// Where a slice lies in a file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Of the registration; never given twice by one table.
    pub(crate) id: u64,
    pub(crate) file: Arc<OwnedFd>,
    /// Of the slice's first byte.
    pub(crate) offset: u64,
    /// Where the range that it is a part of ends.
    pub(crate) end: u64,
}

impl FileTable {
    /// Bytes that stand for `length` bytes of `file` from `offset` on: the connection that this table belongs to sends
    /// them without anybody looking at them, which nobody else should do either.
    ///
    /// `None` when that is not possible: the range is empty, the system has no address space for it, or this process
    /// could not learn what of the file is in memory. The file is then to be read.
    ///
    /// Nobody may change the file or make it shorter until the last of the bytes is dropped.
    pub fn register(&self, file: Arc<OwnedFd>, offset: u64, length: u64) -> Option<Bytes> {
        // To anybody else the kernel says that all of a file is in memory (mm/mincore.c, can_do_mincore), so that nobody
        // learns from it what others read.
        if fstat(file.as_fd()).ok()?.st_uid != geteuid().as_raw() {
            return None;
        }
        let mapping = Mapping::new(file.as_fd(), offset, length).ok()?;
        let mut entries = self.lock();
        let id = entries.id;
        entries.id += 1;
        entries.all.push(Entry {
            id,
            address: mapping.as_slice().as_ptr().addr(),
            length: mapping.as_slice().len(),
            file,
            offset,
        });
        drop(entries);
        Some(Bytes::from_owner(Registered {
            id,
            table: self.clone(),
            mapping,
        }))
    }

    /// The first of the slices that is of a file, however short it is.
    pub(crate) fn first_of_a_file(&self, slices: &[IoSlice<'_>]) -> Option<(usize, Place)> {
        let entries = self.lock();
        if entries.all.is_empty() {
            return None;
        }
        slices
            .iter()
            .enumerate()
            .filter(|(_, slice)| !slice.is_empty())
            .find_map(|(index, slice)| Some((index, entries.place(slice)?)))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing panics under the lock.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn place(&self, slice: &[u8]) -> Option<Place> {
        let address = slice.as_ptr().addr();
        self.all.iter().find_map(|entry| {
            let skipped = address.checked_sub(entry.address)?;
            let is_within = skipped < entry.length && slice.len() <= entry.length - skipped;
            is_within.then(|| Place {
                id: entry.id,
                file: entry.file.clone(),
                offset: entry.offset + skipped as u64,
                end: entry.offset + entry.length as u64,
            })
        })
    }
}

/// What the bytes of a registration own.
struct Registered {
    id: u64,
    table: FileTable,
    // Dropped after `drop` has run, so after the entry is gone: the system gives addresses out again at once.
    mapping: Mapping,
}

impl AsRef<[u8]> for Registered {
    fn as_ref(&self) -> &[u8] {
        self.mapping.as_slice()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.table.lock().all.retain(|entry| entry.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    fn file(length: usize) -> Arc<OwnedFd> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; length]).unwrap();
        Arc::new(file.into())
    }

    fn place_of(table: &FileTable, slice: &[u8]) -> Option<(u64, u64)> {
        let (_, place) = table.first_of_a_file(&[IoSlice::new(slice)])?;
        Some((place.offset, place.end))
    }

    #[test]
    fn every_part_of_a_range_is_found_with_its_place() {
        let table = FileTable::default();
        let bytes = table.register(file(10_000), 100, 9_000).unwrap();
        assert_eq!(place_of(&table, &bytes), Some((100, 9_100)));
        assert_eq!(place_of(&table, &bytes[4_000..5_000]), Some((4_100, 9_100)));
        assert_eq!(place_of(&table, &bytes[8_999..]), Some((9_099, 9_100)));
    }

    #[test]
    fn other_bytes_are_no_files() {
        let table = FileTable::default();
        assert_eq!(place_of(&table, b"bytes"), None);
        let bytes = table.register(file(10_000), 100, 9_000).unwrap();
        assert_eq!(place_of(&table, b"bytes"), None);
        assert_eq!(place_of(&table, &bytes[..0]), None);
        assert_eq!(place_of(&FileTable::default(), &bytes), None);
    }

    #[test]
    fn the_first_slice_of_a_file_is_found_behind_others() {
        let table = FileTable::default();
        let one = table.register(file(10), 0, 10).unwrap();
        let two = table.register(file(10), 0, 10).unwrap();
        let slices = [&b"head"[..], b"", &two, &one].map(IoSlice::new);
        let (index, place) = table.first_of_a_file(&slices).unwrap();
        assert_eq!((index, place.id), (2, 1));
    }

    #[test]
    fn dropping_the_last_of_the_bytes_forgets_the_range_and_closes_the_file() {
        let table = FileTable::default();
        let file = file(10);
        let bytes = table.register(file.clone(), 0, 10).unwrap();
        let part = bytes.slice(3..4);
        drop(bytes);
        assert_eq!(place_of(&table, &part), Some((3, 10)));
        drop(part);
        assert!(table.lock().all.is_empty());
        assert_eq!(Arc::strong_count(&file), 1);
    }

    #[test]
    fn what_cannot_be_mapped_is_not_registered() {
        let table = FileTable::default();
        assert!(table.register(file(10), 0, 0).is_none());
        assert!(table.register(file(10), 0, u64::MAX).is_none());
        let folder = File::open(std::env::temp_dir()).unwrap();
        assert!(table.register(Arc::new(folder.into()), 0, 10).is_none());
    }
}
