//! Keeping free memory with the machine.
//!
//! A virtual machine may give memory that nobody uses back to its host (free page reporting), in blocks of 2 MiB. Getting
//! it again costs ten times what copying into it does, and whoever writes large files on an idle machine pays that with
//! every page of the page cache. It would drown what registries do themselves. Where one page of each block is in use,
//! the rest of it stays.

/// The size of the blocks that a machine gives back, and of what is taken between two pages that are kept.
const BLOCK_BYTES: usize = 2 * 1024 * 1024;

/// What is kept of each.
const PAGE_BYTES: usize = 4096;

/// Keeps the memory until dropped.
#[derive(Debug)]
pub(crate) struct KeptMemory {
    _pages: Vec<Vec<u8>>,
}

impl KeptMemory {
    /// Uses so many GiB once, and then a page of each 2 MiB of them.
    pub(crate) fn new(gibibytes: usize) -> Self {
        let blocks = gibibytes * (1024 * 1024 * 1024 / BLOCK_BYTES);
        // Written and not only reserved: memory is given out when it is first touched, one page after the other.
        let taken = (0..blocks).map(|_| (vec![1; BLOCK_BYTES - PAGE_BYTES], vec![1; PAGE_BYTES]));
        let taken: Vec<(Vec<u8>, Vec<u8>)> = taken.collect();
        Self {
            _pages: taken.into_iter().map(|(_given_back, kept)| kept).collect(),
        }
    }
}
