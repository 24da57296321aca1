//! The descriptor caches of this build.

use std::sync::Arc;

use hythe_configuration::sections::storage::{Cache, CacheKind};
use hythe_distribution::BlobDescriptorCacheProvider;

/// The names under `storage.cache.blobdescriptor` that this build can honour.
pub(crate) fn names() -> Vec<String> {
    if cfg!(feature = "cache-inmemory") {
        vec![CacheKind::InMemory.name().to_owned()]
    } else {
        Vec::new()
    }
}

/// The cache that was configured. A kind this build lacks has been refused with the configuration.
pub(crate) fn provider(cache: &Cache) -> Option<Arc<dyn BlobDescriptorCacheProvider>> {
    match cache.blobdescriptor {
        #[cfg(feature = "cache-inmemory")]
        Some(CacheKind::InMemory) => Some(Arc::new(hythe_cache::MemoryDescriptorCache::new(
            cache.blobdescriptorsize,
        ))),
        _ => None,
    }
}
