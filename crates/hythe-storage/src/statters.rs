//! Descriptor lookups, stacked in one place.
//!
//! ```text
//! linked(repository)        cache of the repository ─► link ─► content       for readers
//! authoritative(repository)                            link ─► gate          before a decision
//! ```
//!
//! Only the repository's set of the cache is asked. The global set could spare the look at the content, but then
//! a size would be told for content that nobody looked at; and opening a blob, which is what readers do next,
//! proves it anyway.
//!
//! Manifests do not pass here: distribution v3 lets blobs and manifests of a repository share cache entries, so
//! that a manifest's digest is readable as a blob as long as it is cached. Here the cache speaks of blobs only.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hythe_digest::Digest;
use hythe_distribution::{BlobDescriptorService, CacheError, Error, Result};
use hythe_manifest::Descriptor;
use hythe_reference::RepositoryName;
use tokio::sync::RwLock;

use crate::blob_store;
use crate::core::Core;
use crate::gate::{self, Purpose};
use crate::links::{self, Link};

/// Lookups of the blobs of one repository.
///
/// The descriptors it works with name the content by the digest it is *stored* by; whoever answers a client
/// puts the digest the client used in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statters<'a> {
    core: &'a Core,
    repository: &'a RepositoryName,
}

/// What was known before a lookup; needed to remember its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    stripe: usize,
    generation: u64,
}

impl<'a> Statters<'a> {
    pub(crate) fn new(core: &'a Core, repository: &'a RepositoryName) -> Self {
        Self { core, repository }
    }

    /// What a cache remembers of a member. A cache that fails knows nothing.
    pub(crate) async fn cached(&self, digest: &Digest) -> Option<Descriptor> {
        match self.cache()?.stat(digest).await {
            Ok(descriptor) => descriptor,
            Err(error) => {
                log_cache(&error);
                None
            }
        }
    }

    /// For readers: the cache, else the link and the storage. `None` for no member, or content that is gone.
    pub(crate) async fn linked(&self, digest: &Digest) -> Result<Option<Descriptor>> {
        if let Some(descriptor) = self.cached(digest).await {
            return Ok(Some(descriptor));
        }
        let ticket = self.ticket(digest);
        let Some(content) = self.target(digest).await? else {
            return Ok(None);
        };
        let Some(size) = blob_store::size(self.core, &content).await? else {
            return Ok(None);
        };
        let descriptor = Descriptor::new(None, content, size);
        self.remember(digest, &descriptor, ticket).await;
        Ok(Some(descriptor))
    }

    /// Before a decision: the link and, through the gate, the storage. No cache is asked, nor told: what is
    /// asked this way is not read often.
    pub(crate) async fn authoritative(
        &self,
        digest: &Digest,
        purpose: Purpose,
    ) -> Result<Option<Descriptor>> {
        let Some(content) = self.target(digest).await? else {
            return Ok(None);
        };
        let size = gate::claim(self.core, &content, purpose).await?;
        Ok(size.map(|size| Descriptor::new(None, content, size)))
    }

    /// What the member's link holds: the digest its content is stored by.
    pub(crate) async fn target(&self, digest: &Digest) -> Result<Option<Digest>> {
        links::read(self.core, self.repository, &Link::Layer(*digest)).await
    }

    /// To be taken before the link is read or made.
    pub(crate) fn ticket(&self, digest: &Digest) -> Ticket {
        self.core.cache_guard.ticket(self.repository, digest)
    }

    /// Tells the cache what was found, unless the member may have been removed since the ticket was taken.
    pub(crate) async fn remember(&self, digest: &Digest, descriptor: &Descriptor, ticket: Ticket) {
        let Some(cache) = self.cache() else { return };
        let set = cache.set(digest, descriptor);
        if let Some(Err(error)) = self.core.cache_guard.unless_removed(ticket, set).await {
            log_cache(&error);
        }
    }

    /// Makes the cache forget a member, also what is being set right now.
    ///
    /// A cache that cannot be told is an error: the blob would be served after its deletion was acknowledged.
    pub(crate) async fn forget(&self, digest: &Digest) -> Result<()> {
        let Some(cache) = self.cache() else { return Ok(()) };
        self.core.cache_guard.removed(self.repository, digest).await;
        cache.clear(digest).await.map_err(|error| Error::Unavailable {
            reason: "descriptor cache cannot be told",
            retry_after: None,
            source: error.into(),
        })
    }

    fn cache(&self) -> Option<Arc<dyn BlobDescriptorService>> {
        let cache = self.core.options.descriptor_cache.as_ref()?;
        Some(cache.repository_scoped(self.repository))
    }
}

fn log_cache(error: &CacheError) {
    tracing::warn!(%error, cause = %error.source, "descriptor cache failed, going on without");
}

/// Members share a stripe by chance; that costs a lookup not being cached, now and then.
const STRIPES: usize = 64;

/// Keeps a lookup that overlaps a removal from being cached after the removal.
///
/// A lookup takes the stripe's generation before it reads the link, and its result is cached only if the
/// generation is still the same. A removal counts it up and waits for those that were just being cached, and
/// does so both before and after the link goes; whatever was cached in between it clears afterwards.
#[derive(Debug)]
pub(crate) struct CacheGuard {
    hasher: RandomState,
    stripes: Vec<Stripe>,
}

#[derive(Debug, Default)]
struct Stripe {
    generation: AtomicU64,
    /// Shared by those that set, exclusive for the one that waits for them.
    setting: RwLock<()>,
}

impl Default for CacheGuard {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            stripes: std::iter::repeat_with(Stripe::default).take(STRIPES).collect(),
        }
    }
}

impl CacheGuard {
    fn stripe(&self, repository: &RepositoryName, digest: &Digest) -> usize {
        (self.hasher.hash_one((repository, digest)) % STRIPES as u64) as usize
    }

    fn ticket(&self, repository: &RepositoryName, digest: &Digest) -> Ticket {
        let stripe = self.stripe(repository, digest);
        Ticket {
            stripe,
            generation: self.stripes[stripe].generation.load(Ordering::SeqCst),
        }
    }

    async fn unless_removed<T>(&self, ticket: Ticket, set: impl Future<Output = T>) -> Option<T> {
        let stripe = &self.stripes[ticket.stripe];
        let _setting = stripe.setting.read().await;
        if stripe.generation.load(Ordering::SeqCst) != ticket.generation {
            return None;
        }
        Some(set.await)
    }

    async fn removed(&self, repository: &RepositoryName, digest: &Digest) {
        let stripe = &self.stripes[self.stripe(repository, digest)];
        stripe.generation.fetch_add(1, Ordering::SeqCst);
        let _nobody_sets = stripe.setting.write().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lookup_that_overlaps_a_removal_is_not_cached() {
        let guard = CacheGuard::default();
        let name = RepositoryName::parse("a").unwrap();
        let digest = Digest::sha256(b"");

        let undisturbed = guard.ticket(&name, &digest);
        assert_eq!(guard.unless_removed(undisturbed, async { 1 }).await, Some(1));

        let overlapping = guard.ticket(&name, &digest);
        guard.removed(&name, &digest).await;
        assert_eq!(guard.unless_removed(overlapping, async { 1 }).await, None);
    }

    #[tokio::test]
    async fn a_removal_waits_for_what_is_being_cached() {
        let guard = CacheGuard::default();
        let name = RepositoryName::parse("a").unwrap();
        let digest = Digest::sha256(b"");
        let (go, wait) = tokio::sync::oneshot::channel::<()>();

        let ticket = guard.ticket(&name, &digest);
        let setting = guard.unless_removed(ticket, wait);
        let removing = guard.removed(&name, &digest);
        tokio::pin!(setting, removing);
        assert!(futures_util::poll!(setting.as_mut()).is_pending());
        assert!(futures_util::poll!(removing.as_mut()).is_pending());
        go.send(()).unwrap();
        assert!(setting.await.is_some());
        removing.await;
    }
}
