//! Registries over every kind of driver, and a clock that stands still.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hythe_cache::MemoryDescriptorCache;
use hythe_distribution::BlobDescriptorCacheProvider;
use hythe_driver::StorageDriver;
use hythe_driver_filesystem::{FilesystemDriver, FilesystemParameters};
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreOptions};
use hythe_storage::{Clock, Registry, RegistryOptions};
use tempfile::TempDir;

/// A directory that is removed with the guard, in memory where there is such a file system: what survives a power
/// failure is tested apart, and thousands of syncs would take minutes.
pub(crate) fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// A driver in a directory.
pub(crate) fn filesystem() -> (Arc<dyn StorageDriver>, TempDir) {
    let directory = directory();
    let driver = FilesystemDriver::new(FilesystemParameters::at(directory.path())).unwrap();
    (Arc::new(driver), directory)
}

/// A bucket in memory, with parts as large as those of S3.
pub(crate) fn object_store() -> Arc<dyn StorageDriver> {
    Arc::new(InMemoryDriver::object_store(ObjectStoreOptions::default()))
}

/// A registry that may delete.
pub(crate) fn registry(driver: &Arc<dyn StorageDriver>) -> Registry {
    Registry::new(driver.clone(), options())
}

/// Deletion on, and a clock that stands at [`now`].
pub(crate) fn options() -> RegistryOptions {
    RegistryOptions {
        delete: true,
        clock: Arc::new(Standing(now())),
        ..RegistryOptions::default()
    }
}

pub(crate) fn cache() -> Arc<dyn BlobDescriptorCacheProvider> {
    Arc::new(MemoryDescriptorCache::new(NonZeroUsize::new(1000)))
}

/// Some time: 2026-11-21T18:14:09Z.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_284_849)
}

/// A clock that always tells one time.
#[derive(Debug)]
pub(crate) struct Standing(pub(crate) SystemTime);

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        self.0
    }
}
