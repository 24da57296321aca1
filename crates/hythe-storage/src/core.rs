use std::fmt;
use std::sync::Arc;

use hythe_driver::StorageDriver;

use crate::layout::Layout;
use crate::manifest_cache::ManifestCache;
use crate::mount::MountCandidates;
use crate::options::RegistryOptions;
use crate::statters::CacheGuard;
use crate::upload::Closing;

/// What all parts of one registry share.
pub(crate) struct Core {
    /// Where everything is kept.
    pub(crate) driver: Arc<dyn StorageDriver>,
    /// Under which keys.
    pub(crate) layout: Layout,
    /// How the registry was set up.
    pub(crate) options: RegistryOptions,
    /// Keeps what is being deleted from being cached again.
    pub(crate) cache_guard: CacheGuard,
    /// Manifests that were read lately.
    pub(crate) manifest_cache: ManifestCache,
    /// Which repositories had which blobs lately.
    pub(crate) mount_candidates: MountCandidates,
    /// The uploads that are being committed by this process.
    pub(crate) closing: Closing,
}

impl Core {
    pub(crate) fn new(driver: Arc<dyn StorageDriver>, options: RegistryOptions) -> Self {
        Self {
            driver,
            layout: Layout::default(),
            options,
            cache_guard: CacheGuard::default(),
            manifest_cache: ManifestCache::default(),
            mount_candidates: MountCandidates::default(),
            closing: Closing::default(),
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("driver", &self.driver)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
