use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use hythe_distribution::BlobDescriptorCacheProvider;
use hythe_manifest::ManifestTypes;

use crate::manifest_verify::ValidationRules;

/// How a [`crate::Registry`] behaves; complete before it is built.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Whether clients may be sent to the backend for blobs, where the driver can (`storage.redirect.disable`
    /// is its opposite).
    pub redirect: bool,
    /// Whether blobs, manifests, tags and repositories can be deleted (`storage.delete.enabled`).
    pub delete: bool,
    /// Whether hash states are kept with uploads, so that resuming does not hash everything again.
    pub resumable_digests: bool,
    /// Remembers descriptors of blobs for readers (`storage.cache`).
    pub descriptor_cache: Option<Arc<dyn BlobDescriptorCacheProvider>>,
    /// The manifest types that are taken and served.
    pub manifest_types: ManifestTypes,
    /// What a manifest may refer to (`validation`).
    pub validation: ValidationRules,
    /// How many tags are read at once to find those of a digest (`storage.tag.concurrencylimit`).
    pub tag_lookup_concurrency: NonZeroUsize,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            redirect: true,
            delete: false,
            resumable_digests: true,
            descriptor_cache: None,
            manifest_types: ManifestTypes::standard(),
            validation: ValidationRules::default(),
            tag_lookup_concurrency: NonZeroUsize::new(8).expect("8 is not zero"),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Says what time it is, for the times that are stored.
pub trait Clock: Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
