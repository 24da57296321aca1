//! Questions to the descriptor cache.

use std::sync::Arc;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_distribution::{BlobDescriptorCacheProvider, BlobDescriptorService, CacheError};
use hythe_manifest::Descriptor;
use hythe_reference::RepositoryName;
use prometheus::{IntCounter, Registry};

use super::{Result, counter};

/// How often the cache was asked and knew.
#[derive(Debug)]
pub(crate) struct CacheMetrics {
    requests: IntCounter,
    hits: IntCounter,
    errors: IntCounter,
}

impl CacheMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let metric = |name: &str, help: &str| counter(registry, name, help);
        Ok(Self {
            requests: metric(
                "registry_storage_cache_requests_total",
                "Questions to the descriptor cache.",
            )?,
            hits: metric(
                "registry_storage_cache_hits_total",
                "Questions that the descriptor cache could answer.",
            )?,
            errors: metric(
                "registry_storage_cache_errors_total",
                "Questions to the descriptor cache that failed.",
            )?,
        })
    }
}

/// A cache, or the set of one repository, whose questions are counted.
#[derive(Debug)]
pub(crate) struct ObservedCache<C: ?Sized> {
    metrics: Arc<CacheMetrics>,
    inner: Arc<C>,
}

impl<C: ?Sized> ObservedCache<C> {
    /// Counts the questions to `inner`.
    pub(crate) fn new(inner: Arc<C>, metrics: Arc<CacheMetrics>) -> Self {
        Self { metrics, inner }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<C: BlobDescriptorService + ?Sized> BlobDescriptorService for ObservedCache<C> {
    async fn stat(&self, digest: &Digest) -> std::result::Result<Option<Descriptor>, CacheError> {
        self.metrics.requests.inc();
        let found = self.inner.stat(digest).await;
        match &found {
            Ok(Some(_)) => self.metrics.hits.inc(),
            Ok(None) => {}
            Err(_) => self.metrics.errors.inc(),
        }
        found
    }

    async fn set(&self, digest: &Digest, descriptor: &Descriptor) -> std::result::Result<(), CacheError> {
        self.inner.set(digest, descriptor).await
    }

    async fn clear(&self, digest: &Digest) -> std::result::Result<(), CacheError> {
        self.inner.clear(digest).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<C: BlobDescriptorCacheProvider + ?Sized> BlobDescriptorCacheProvider for ObservedCache<C> {
    fn repository_scoped(&self, name: &RepositoryName) -> Arc<dyn BlobDescriptorService> {
        let inner = self.inner.repository_scoped(name);
        Arc::new(ObservedCache::new(inner, self.metrics.clone()))
    }
}

#[cfg(test)]
mod tests {
    use hythe_cache::MemoryDescriptorCache;

    use super::*;

    #[tokio::test]
    async fn questions_and_answers_are_counted_in_all_repositories() {
        let metrics = Arc::new(CacheMetrics::new(&Registry::new()).unwrap());
        let cache = ObservedCache::new(Arc::new(MemoryDescriptorCache::new(None)), metrics.clone());
        let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let of_one = cache.repository_scoped(&"a/b".parse().unwrap());
        assert!(of_one.stat(&digest).await.unwrap().is_none());
        of_one
            .set(&digest, &Descriptor::new(None, digest, 7))
            .await
            .unwrap();
        assert!(of_one.stat(&digest).await.unwrap().is_some());
        assert!(cache.stat(&digest).await.unwrap().is_some());
        of_one.clear(&digest).await.unwrap();
        assert!(of_one.stat(&digest).await.unwrap().is_none());
        let counts = [&metrics.requests, &metrics.hits, &metrics.errors].map(IntCounter::get);
        assert_eq!(counts, [4, 2, 0]);
    }
}
