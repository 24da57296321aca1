//! Manifests that were read lately, by the digest of their content.
//!
//! Content never changes, so what is remembered is never wrong. It says nothing about membership: whoever asks here
//! has read the link of his repository just before, as for content that is read from storage. What is remembered
//! may be gone from storage, which is why nobody who *decides* something asks here: those ask the [`crate::gate`].

use std::fmt;

use hythe_digest::Digest;
use hythe_manifest::Manifest;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Memory that all remembered manifests may take together, in bytes.
const CAPACITY_BYTES: u64 = 8 * 1024 * 1024;

/// Larger manifests are read each time: reading them costs little beside sending them.
const MAX_MANIFEST_BYTES: usize = 64 * 1024;

/// How many manifests the cache prepares for; most have about a kilobyte.
const EXPECTED_MANIFESTS: usize = 1024;

/// Remembers manifests within a fixed amount of memory.
pub(crate) struct ManifestCache {
    manifests: Cache<Digest, Manifest, ByMemory>,
}

impl ManifestCache {
    /// The manifest of this content.
    pub(crate) fn get(&self, content: &Digest) -> Option<Manifest> {
        self.manifests.get(content)
    }

    /// Remembers a manifest that was read from this content.
    pub(crate) fn remember(&self, content: &Digest, manifest: &Manifest) {
        if manifest.bytes().len() <= MAX_MANIFEST_BYTES {
            self.manifests.insert(*content, manifest.clone());
        }
    }

    /// Forgets what is of no more use.
    pub(crate) fn forget(&self, content: &Digest) {
        self.manifests.remove(content);
    }
}

impl Default for ManifestCache {
    fn default() -> Self {
        Self {
            manifests: Cache::with_weighter(EXPECTED_MANIFESTS, CAPACITY_BYTES, ByMemory),
        }
    }
}

impl fmt::Debug for ManifestCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManifestCache")
            .field("manifests", &self.manifests.len())
            .finish()
    }
}

/// Weighs a manifest by the memory that it takes: its bytes, and what they mean, which is a few times as large.
#[derive(Clone)]
struct ByMemory;

impl Weighter<Digest, Manifest> for ByMemory {
    fn weight(&self, _content: &Digest, manifest: &Manifest) -> u64 {
        1024 + 4 * manifest.size()
    }
}

#[cfg(test)]
mod tests {
    use hythe_manifest::{Descriptor, ImageBuilder, MediaType};

    use super::*;

    fn manifest(annotation: String) -> Manifest {
        let config = Descriptor::new(Some(MediaType::OCI_CONFIG), Digest::sha256(b"{}"), 2);
        ImageBuilder::new(config).annotation("a", annotation).build()
    }

    #[test]
    fn a_manifest_is_remembered_until_it_is_forgotten() {
        let cache = ManifestCache::default();
        let manifest = manifest(String::new());
        let content = Digest::sha256(manifest.bytes());
        assert_eq!(cache.get(&content), None);
        cache.remember(&content, &manifest);
        assert_eq!(cache.get(&content), Some(manifest));
        cache.forget(&content);
        assert_eq!(cache.get(&content), None);
    }

    #[test]
    fn a_large_manifest_is_not_remembered() {
        let cache = ManifestCache::default();
        let manifest = manifest("x".repeat(MAX_MANIFEST_BYTES));
        let content = Digest::sha256(manifest.bytes());
        cache.remember(&content, &manifest);
        assert_eq!(cache.get(&content), None);
    }

    #[test]
    fn memory_is_bounded() {
        let cache = ManifestCache::default();
        for number in 0..1000 {
            let manifest = manifest(format!("{number}{}", "x".repeat(MAX_MANIFEST_BYTES / 2)));
            cache.remember(&Digest::sha256(manifest.bytes()), &manifest);
        }
        assert!(cache.manifests.weight() <= CAPACITY_BYTES);
        assert!(!cache.manifests.is_empty());
    }
}
