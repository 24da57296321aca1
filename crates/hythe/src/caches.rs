//! The descriptor caches of this build.

use std::sync::Arc;

use hythe_configuration::sections::storage::{Cache, CacheKind};
use hythe_distribution::BlobDescriptorCacheProvider;

use crate::metrics::{CacheMetrics, ObservedCache};

/// The names under `storage.cache.blobdescriptor` that this build can honour.
pub(crate) fn names() -> Vec<String> {
    if cfg!(feature = "cache-inmemory") {
        vec![CacheKind::InMemory.name().to_owned()]
    } else {
        Vec::new()
    }
}

/// The cache that was configured. A kind this build lacks has been refused with the configuration.
pub(crate) fn provider(
    cache: &Cache,
    metrics: Option<Arc<CacheMetrics>>,
) -> Option<Arc<dyn BlobDescriptorCacheProvider>> {
    let provider = configured(cache)?;
    Some(match metrics {
        Some(metrics) => Arc::new(ObservedCache::new(provider, metrics)),
        None => provider,
    })
}

fn configured(cache: &Cache) -> Option<Arc<dyn BlobDescriptorCacheProvider>> {
    match cache.blobdescriptor {
        #[cfg(feature = "cache-inmemory")]
        Some(CacheKind::InMemory) => Some(Arc::new(hythe_cache::MemoryDescriptorCache::new(
            cache.blobdescriptorsize,
        ))),
        _ => None,
    }
}
