use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_distribution::{BlobDescriptorCacheProvider, BlobDescriptorService, CacheError};
use hythe_manifest::{Descriptor, MediaType};
use hythe_reference::RepositoryName;
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;

/// More entries than any machine has memory for, where no capacity is configured.
const UNLIMITED: u64 = 1 << 40;
/// What the cache expects to hold when it has no capacity; it sizes its bookkeeping by it, not its memory.
const EXPECTED_WHEN_UNLIMITED: usize = 100_000;

/// Remembers blob descriptors in memory. Clones share one memory.
///
/// # Behaviour
/// * Only media type, digest and size are kept: what the blob itself determines. The rest of a descriptor belongs
///   to the manifest that carries it.
/// * A descriptor set under a digest of another algorithm is also remembered globally under its own.
/// * What contradicts itself is refused, and what contradicts an older entry makes both go: another digest of the
///   same algorithm, or the same digest with another size.
#[derive(Clone)]
pub struct MemoryDescriptorCache {
    entries: Arc<Cache<Key, Entry>>,
}

/// The entries of all repositories have no name.
type Key = (Option<RepositoryName>, Digest);

#[derive(Clone)]
struct Entry {
    media_type: Option<MediaType>,
    digest: Digest,
    size: u64,
}

/// Why a descriptor was not remembered.
#[derive(Debug, thiserror::Error)]
enum Contradiction {
    #[error("descriptor of {actual} was to be remembered as {expected}")]
    Digest { expected: Digest, actual: Digest },
    #[error("blob {digest} was remembered with {remembered} bytes and now has {given}")]
    Size {
        digest: Digest,
        remembered: u64,
        given: u64,
    },
}

impl MemoryDescriptorCache {
    /// An empty cache of about so many entries; `None`: as many as come. A blob in one repository takes two, and
    /// an entry takes about 300 bytes.
    pub fn new(capacity: Option<NonZeroUsize>) -> Self {
        let entries = match capacity {
            Some(capacity) => Cache::new(capacity.get()),
            None => Cache::with_weighter(EXPECTED_WHEN_UNLIMITED, UNLIMITED, UnitWeighter),
        };
        Self {
            entries: Arc::new(entries),
        }
    }

    fn stat(&self, repository: Option<&RepositoryName>, digest: &Digest) -> Option<Descriptor> {
        let entry = self.entries.get(&key(repository, digest))?;
        Some(Descriptor::new(entry.media_type, entry.digest, entry.size))
    }

    fn set(
        &self,
        repository: Option<&RepositoryName>,
        digest: &Digest,
        descriptor: &Descriptor,
    ) -> Result<(), CacheError> {
        self.check(repository, digest, descriptor)?;
        let entry = Entry {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest,
            size: descriptor.size,
        };
        if repository.is_some() {
            self.fill(key(None, digest), &entry);
        }
        if descriptor.digest != *digest {
            self.fill(key(None, &descriptor.digest), &entry);
        }
        self.entries.insert(key(repository, digest), entry);
        Ok(())
    }

    fn clear(&self, repository: Option<&RepositoryName>, digest: &Digest) {
        self.entries.remove(&key(repository, digest));
    }

    fn check(
        &self,
        repository: Option<&RepositoryName>,
        digest: &Digest,
        descriptor: &Descriptor,
    ) -> Result<(), CacheError> {
        let same_algorithm = digest.algorithm() == descriptor.digest.algorithm();
        if same_algorithm && *digest != descriptor.digest {
            return Err(refused(Contradiction::Digest {
                expected: *digest,
                actual: descriptor.digest,
            }));
        }
        match self.entries.peek(&key(None, digest)) {
            // One of the two is wrong and nobody here knows which; the storage will be asked again.
            Some(remembered) if remembered.size != descriptor.size => {
                self.clear(None, digest);
                self.clear(repository, digest);
                Err(refused(Contradiction::Size {
                    digest: *digest,
                    remembered: remembered.size,
                    given: descriptor.size,
                }))
            }
            _ => Ok(()),
        }
    }

    fn fill(&self, key: Key, entry: &Entry) {
        if self.entries.peek(&key).is_none() {
            self.entries.insert(key, entry.clone());
        }
    }
}

impl fmt::Debug for MemoryDescriptorCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDescriptorCache")
            .field("entries", &self.entries.len())
            .finish()
    }
}

/// The set of all repositories.
#[async_trait]
impl BlobDescriptorService for MemoryDescriptorCache {
    async fn stat(&self, digest: &Digest) -> Result<Option<Descriptor>, CacheError> {
        Ok(self.stat(None, digest))
    }

    async fn set(&self, digest: &Digest, descriptor: &Descriptor) -> Result<(), CacheError> {
        self.set(None, digest, descriptor)
    }

    async fn clear(&self, digest: &Digest) -> Result<(), CacheError> {
        self.clear(None, digest);
        Ok(())
    }
}

impl BlobDescriptorCacheProvider for MemoryDescriptorCache {
    fn repository_scoped(&self, name: &RepositoryName) -> Arc<dyn BlobDescriptorService> {
        Arc::new(OfRepository {
            cache: self.clone(),
            name: name.clone(),
        })
    }
}

/// The set of one repository.
#[derive(Debug)]
struct OfRepository {
    cache: MemoryDescriptorCache,
    name: RepositoryName,
}

#[async_trait]
impl BlobDescriptorService for OfRepository {
    async fn stat(&self, digest: &Digest) -> Result<Option<Descriptor>, CacheError> {
        Ok(self.cache.stat(Some(&self.name), digest))
    }

    async fn set(&self, digest: &Digest, descriptor: &Descriptor) -> Result<(), CacheError> {
        self.cache.set(Some(&self.name), digest, descriptor)
    }

    async fn clear(&self, digest: &Digest) -> Result<(), CacheError> {
        self.cache.clear(Some(&self.name), digest);
        Ok(())
    }
}

fn key(repository: Option<&RepositoryName>, digest: &Digest) -> Key {
    (repository.cloned(), *digest)
}

fn refused(contradiction: Contradiction) -> CacheError {
    CacheError {
        operation: "set",
        source: contradiction.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn unlimited() -> MemoryDescriptorCache {
        MemoryDescriptorCache::new(None)
    }

    async fn of_ten_thousand_entries() -> MemoryDescriptorCache {
        MemoryDescriptorCache::new(NonZeroUsize::new(10_000))
    }

    mod without_capacity {
        crate::cache_suite!(super::unlimited);
    }

    mod with_capacity {
        crate::cache_suite!(super::of_ten_thousand_entries);
    }

    fn descriptor(content: &[u8]) -> Descriptor {
        Descriptor::new(None, Digest::sha256(content), content.len() as u64)
    }

    #[test]
    fn entries_never_exceed_the_capacity() {
        let cache = MemoryDescriptorCache::new(NonZeroUsize::new(100));
        let name = RepositoryName::parse("a").unwrap();
        for number in 0..10_000_u32 {
            let descriptor = descriptor(&number.to_be_bytes());
            cache.set(Some(&name), &descriptor.digest, &descriptor).unwrap();
        }
        assert!(cache.entries.len() <= 100, "{cache:?}");
        assert!(!cache.entries.is_empty());
    }

    #[test]
    fn a_cache_without_capacity_drops_nothing() {
        let cache = MemoryDescriptorCache::new(None);
        for number in 0..20_000_u32 {
            let descriptor = descriptor(&number.to_be_bytes());
            cache.set(None, &descriptor.digest, &descriptor).unwrap();
        }
        assert_eq!(cache.entries.len(), 20_000);
    }

    #[test]
    fn another_size_makes_both_entries_go() {
        let cache = MemoryDescriptorCache::new(None);
        let name = RepositoryName::parse("a").unwrap();
        let first = descriptor(b"abc");
        cache.set(Some(&name), &first.digest, &first).unwrap();

        let larger = Descriptor::new(None, first.digest, 4);
        let refused = cache.set(Some(&name), &first.digest, &larger).unwrap_err();

        assert_eq!(
            refused.source.to_string(),
            format!("blob {} was remembered with 3 bytes and now has 4", first.digest)
        );
        assert_eq!(cache.stat(Some(&name), &first.digest), None);
        assert_eq!(cache.stat(None, &first.digest), None);
    }

    #[test]
    fn the_rest_of_a_descriptor_is_not_kept() {
        let cache = MemoryDescriptorCache::new(None);
        let mut carried = descriptor(b"abc");
        carried.urls = vec!["https://example.org/".to_owned()];
        cache.set(None, &carried.digest, &carried).unwrap();
        assert_eq!(cache.stat(None, &carried.digest), Some(descriptor(b"abc")));
    }
}
