//! A cache of blob descriptors in the memory of one process.
//!
//! A [`MemoryDescriptorCache`] saves the storage a look at a link and a file for every blob that is read. It is
//! bounded by entries, scans do not flush what is used often, and it forgets whatever it likes at any time.
//!
//! The hard decision is what an entry of a repository means. It says that the blob *was* a member when somebody
//! looked, and nothing else makes it: an entry of all repositories, or one under another algorithm's digest, never
//! turns into membership. So removing one link is made known by clearing one entry.
//!
//! What this crate deliberately does not know: storage, HTTP, any runtime. It waits for nothing, its futures are
//! ready at once.
//!
//! Every other provider of the same contract can be held against the behaviours in `testsuite` (feature
//! `testsuite`).
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use hythe_cache::MemoryDescriptorCache;
//! use hythe_distribution::{BlobDescriptorCacheProvider, BlobDescriptorService};
//!
//! let cache = MemoryDescriptorCache::new(NonZeroUsize::new(10_000));
//! let of_one_repository = cache.repository_scoped(&"library/ubuntu".parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod memory;
#[cfg(any(test, feature = "testsuite"))]
pub mod testsuite;

pub use crate::memory::MemoryDescriptorCache;
