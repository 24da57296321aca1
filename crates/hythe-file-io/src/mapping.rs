//! Mappings of files, and what of them is in memory. The only module with `unsafe` in it.

#![allow(unsafe_code, reason = "mmap, munmap and mincore have no safe form")]

use std::ffi::c_void;
use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};
use std::slice;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::param::page_size;

/// Pages asked about at once: a mebibyte of the smallest pages, and one for a slice that begins within a page.
const PAGES: usize = 257;

/// A range of a file as memory, for reading.
///
/// Nobody is to look at the bytes: it would put pages into this process, wait for the disk, and, if the file has become
/// shorter, end the process with SIGBUS. They are here to be pointed at.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Where the mapping begins: the page that holds the range's first byte.
    start: NonNull<c_void>,
    /// Bytes between `start` and the range.
    skew: usize,
    /// Bytes of the range, at least one.
    length: usize,
}

// SAFETY: `Mapping` owns its pages and gives out nothing but shared views of them; no thread is special to the kernel's
// mappings, so it can be moved to another and dropped there.
unsafe impl Send for Mapping {}

// SAFETY: as above; nothing changes through `&Mapping`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes from `offset` on. The range may begin anywhere, and may reach beyond the end of the file.
    pub(crate) fn new(file: impl AsFd, offset: u64, length: u64) -> io::Result<Self> {
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        let skew = offset % page_size() as u64;
        let mapped = length.checked_add(skew).ok_or_else(too_large)?;
        let mapped = usize::try_from(mapped).map_err(|_| too_large())?;
        // A slice must not be longer, and mapping nothing is an error.
        if mapped > isize::MAX as usize || length == 0 {
            return Err(too_large());
        }
        // SAFETY: with no address wished for and without `MapFlags::FIXED`, the kernel takes addresses that are free, so
        // no memory of anybody's is replaced.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                mapped,
                ProtFlags::READ,
                MapFlags::SHARED,
                file,
                offset - skew,
            )
        }?;
        let start = NonNull::new(start).ok_or_else(|| io::Error::other("mapped at address zero"))?;
        Ok(Self {
            start,
            skew: skew as usize,
            length: length as usize,
        })
    }

    /// The range.
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: `new` mapped `skew + length` bytes from `start`, so the sum stays within one mapping.
        let first = unsafe { self.start.as_ptr().cast::<u8>().add(self.skew) };
        // SAFETY: the bytes are mapped for reading until `drop`, which the borrow of `self` keeps away, and together
        // are no longer than `isize::MAX`, as `new` checked. That they do not change while the slice lives is the rule
        // for those who store the files (see the front page); here nothing reads them.
        unsafe { slice::from_raw_parts(first, self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped, and not unmapped before, for only `drop` does. All slices borrowed `self`.
        let unmapped = unsafe { munmap(self.start.as_ptr(), self.skew + self.length) };
        // Fails only for addresses that are no mapping's. Nobody could do anything about it.
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

/// How many of the first bytes of `mapped`, a part of a mapping, the kernel has in memory and up to date. At most a
/// mebibyte is looked at. What the kernel does not answer counts as absent.
///
/// `mincore` and not `cachestat`: the latter counts pages that are still on their way from the disk.
pub(crate) fn resident_prefix(mapped: &[u8]) -> usize {
    let page = page_size();
    let skew = mapped.as_ptr().addr() % page;
    let length = mapped.len().min(PAGES * page - skew);
    let first_page = mapped.as_ptr().wrapping_sub(skew).cast_mut().cast::<c_void>();
    let mut pages = [0_u8; PAGES];
    let count = (skew + length).div_ceil(page);
    // SAFETY: the kernel writes one byte a page of the range into `pages`: `count` many, and
    // `skew + length <= PAGES * page`. It only looks the addresses up, so nothing is asked of them.
    let answered = unsafe { libc::mincore(first_page, skew + length, pages.as_mut_ptr()) };
    if answered != 0 {
        return 0;
    }
    // Only the lowest bit means something.
    let present = pages[..count].iter().take_while(|page| **page & 1 == 1).count();
    (present * page).saturating_sub(skew).min(length)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    fn file(length: usize) -> (File, Vec<u8>) {
        let content: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        (file, content)
    }

    #[test]
    fn a_range_begins_and_ends_anywhere() {
        let (file, content) = file(3 * page_size());
        let page = page_size();
        for (offset, length) in [
            (0, 1),
            (1, 1),
            (page - 1, 2),
            (page, page),
            (page + 7, 2 * page - 7),
        ] {
            let mapping = Mapping::new(&file, offset as u64, length as u64).unwrap();
            assert_eq!(
                mapping.as_slice(),
                &content[offset..offset + length],
                "{offset} {length}"
            );
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let (file, _) = file(10);
        for (offset, length) in [(0, 0), (1, u64::MAX), (0, u64::MAX), (0, 1 << 62)] {
            assert!(Mapping::new(&file, offset, length).is_err(), "{offset} {length}");
        }
        assert!(Mapping::new(rustix::pipe::pipe().unwrap().0, 0, 1).is_err());
    }

    #[test]
    fn what_was_just_written_is_in_memory_up_to_the_end_of_the_file() {
        let page = page_size();
        let (file, _) = file(10 * page + 5);
        let mapping = Mapping::new(&file, 3, 20 * page as u64).unwrap();
        let check = |begin: usize, end: usize, expected: usize| {
            let found = resident_prefix(&mapping.as_slice()[begin..end]);
            assert_eq!(found, expected, "{begin}..{end}");
        };
        check(0, 1, 1);
        check(0, page, page);
        check(5, 2 * page, 2 * page - 5);
        // The last page of the file counts as a whole.
        check(0, 20 * page, 11 * page - 3);
        check(11 * page, 12 * page, 0);
    }

    #[test]
    fn at_most_a_mebibyte_or_so_is_looked_at() {
        let page = page_size();
        let (file, _) = file(2 * PAGES * page);
        let mapping = Mapping::new(&file, 0, 2 * (PAGES * page) as u64).unwrap();
        assert_eq!(resident_prefix(&mapping.as_slice()[9..]), PAGES * page - 9);
    }
}
