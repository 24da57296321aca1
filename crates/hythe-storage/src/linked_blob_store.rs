use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{
    Blob, BlobCreated, BlobDeleter, BlobIngester, BlobProvider, BlobRange, BlobStatter, BlobWriter,
    CreateOptions, Error, RedirectRequest, Result, ResumeOptions, Trust, UploadId, UploadStatus,
};
use hythe_driver as driver;
use hythe_manifest::{Descriptor, MediaType};
use hythe_reference::RepositoryName;

use crate::blob_store;
use crate::core::Core;
use crate::error::failed;
use crate::gate::Purpose;
use crate::links::{self, Link};
use crate::mount;
use crate::statters::Statters;
use crate::upload;

/// The blobs of one repository: content by digest, seen through the repository's links.
#[derive(Debug)]
pub(crate) struct LinkedBlobStore {
    core: Arc<Core>,
    repository: RepositoryName,
}

impl LinkedBlobStore {
    pub(crate) fn new(core: Arc<Core>, repository: RepositoryName) -> Self {
        Self { core, repository }
    }

    fn statters(&self) -> Statters<'_> {
        Statters::new(&self.core, &self.repository)
    }

    /// Opens a member by what the cache remembers of it. `None` when that does not hold (any more).
    async fn open_cached(&self, digest: &Digest, range: BlobRange) -> Result<Option<Blob>> {
        let Some(cached) = self.statters().cached(digest).await else {
            return Ok(None);
        };
        if let Some(opened) = blob_store::open(&self.core, &cached.digest, range).await? {
            let descriptor = Descriptor {
                digest: *digest,
                size: opened.size,
                ..cached
            };
            return Ok(Some(Blob {
                descriptor,
                range: opened.range,
                content: opened.content,
            }));
        }
        self.forget_the_gone(digest).await;
        Ok(None)
    }

    /// The digest and size of a member's content, which is there: by what the cache remembers, else by its link.
    async fn locate(&self, digest: &Digest, cached: Option<Descriptor>) -> Result<(Digest, u64)> {
        let statters = self.statters();
        if let Some(cached) = cached {
            if let Some(size) = blob_store::size(&self.core, &cached.digest).await? {
                return Ok((cached.digest, size));
            }
            self.forget_the_gone(digest).await;
        }
        let ticket = statters.ticket(digest);
        let unknown = || Error::BlobUnknown { digest: *digest };
        let content = statters.target(digest).await?.ok_or_else(unknown)?;
        let size = blob_store::size(&self.core, &content).await?;
        let size = size.ok_or_else(unknown)?;
        let stored = Descriptor::new(None, content, size);
        statters.remember(digest, &stored, ticket).await;
        Ok((content, size))
    }

    /// Content was collected beside us. The cache must not say so again, but that it cannot be told does no harm:
    /// opening proves.
    async fn forget_the_gone(&self, digest: &Digest) {
        if let Err(error) = self.statters().forget(digest).await {
            tracing::warn!(%error, "descriptor cache remembers a blob that is gone");
        }
    }

    /// Opens a member by its link, and remembers it.
    async fn open_linked(&self, digest: &Digest, range: BlobRange) -> Result<Option<Blob>> {
        let ticket = self.statters().ticket(digest);
        let Some(content) = self.statters().target(digest).await? else {
            return Ok(None);
        };
        let Some(opened) = blob_store::open(&self.core, &content, range).await? else {
            return Ok(None);
        };
        let stored = Descriptor::new(None, content, opened.size);
        self.statters().remember(digest, &stored, ticket).await;
        Ok(Some(Blob {
            descriptor: Descriptor {
                digest: *digest,
                ..stored
            },
            range: opened.range,
            content: opened.content,
        }))
    }
}

#[async_trait]
impl BlobStatter for LinkedBlobStore {
    async fn stat(&self, digest: &Digest, trust: Trust) -> Result<Descriptor> {
        let stored = match trust {
            Trust::Cached => self.statters().linked(digest).await?,
            Trust::Stored => {
                let statters = self.statters();
                statters.authoritative(digest, Purpose::PushCheck).await?
            }
        };
        let stored = stored.ok_or(Error::BlobUnknown { digest: *digest })?;
        self.core.mount_candidates.note(digest, &self.repository);
        Ok(Descriptor {
            digest: *digest,
            ..stored
        })
    }
}

#[async_trait]
impl BlobProvider for LinkedBlobStore {
    async fn open(&self, digest: &Digest, range: BlobRange) -> Result<Blob> {
        let opened = match self.open_cached(digest, range).await? {
            Some(blob) => Some(blob),
            None => self.open_linked(digest, range).await?,
        };
        let blob = opened.ok_or(Error::BlobUnknown { digest: *digest })?;
        self.core.mount_candidates.note(digest, &self.repository);
        Ok(blob)
    }

    async fn get(&self, digest: &Digest, limit: u64) -> Result<Bytes> {
        let unknown = || Error::BlobUnknown { digest: *digest };
        let content = self.statters().target(digest).await?.ok_or_else(unknown)?;
        blob_store::get(&self.core, &content, limit)
            .await?
            .ok_or_else(unknown)
    }

    async fn redirect_url(
        &self,
        digest: &Digest,
        request: &RedirectRequest,
    ) -> Result<Option<(Descriptor, Uri)>> {
        let capabilities = self.core.driver.capabilities();
        let possible = self.core.options.redirect && capabilities.redirect;
        if !possible || request.wants_suffix && !capabilities.redirect_suffix_ranges {
            return Ok(None);
        }
        let cached = self.statters().cached(digest).await;
        if cached
            .as_ref()
            .is_some_and(|known| known.size < request.minimum_bytes)
        {
            // Opening will prove it.
            return Ok(None);
        }
        let (content, size) = self.locate(digest, cached).await?;
        let path = self.core.layout.blob_data(&content);
        if size < request.minimum_bytes {
            return Ok(None);
        }
        let request = driver::RedirectRequest {
            method: request.method.clone(),
            client: request.client,
            content_type: Some("application/octet-stream".to_owned()),
            valid_for: request.valid_for,
        };
        let url = self
            .core
            .driver
            .redirect_url(&path, &request)
            .await
            .map_err(failed)?;
        Ok(url.map(|url| (Descriptor::new(None, *digest, size), url)))
    }
}

#[async_trait]
impl BlobIngester for LinkedBlobStore {
    async fn put(&self, media_type: Option<MediaType>, content: Bytes) -> Result<Descriptor> {
        let digest = blob_store::hash(Algorithm::CANONICAL, &content).await?;
        let descriptor = Descriptor::new(media_type, digest, content.len() as u64);
        let ticket = self.statters().ticket(&digest);
        blob_store::put(&self.core, &digest, content).await?;
        links::make(&self.core, &self.repository, &Link::Layer(digest), &digest).await?;
        self.statters().remember(&digest, &descriptor, ticket).await;
        self.core.mount_candidates.note(&digest, &self.repository);
        Ok(descriptor)
    }

    async fn create(&self, options: CreateOptions) -> Result<BlobCreated> {
        if let Some(wanted) = &options.mount
            && let Some(mounted) = mount::mount(&self.core, &self.repository, wanted).await?
        {
            return Ok(BlobCreated::Mounted(mounted));
        }
        let upload = upload::create(&self.core, &self.repository, options.algorithm).await?;
        Ok(BlobCreated::Upload(Box::new(upload)))
    }

    async fn upload_status(&self, id: &UploadId) -> Result<UploadStatus> {
        upload::status(&self.core, &self.repository, id).await
    }

    async fn resume(&self, id: &UploadId, options: ResumeOptions) -> Result<Box<dyn BlobWriter>> {
        let upload = upload::resume(&self.core, &self.repository, id, options).await?;
        Ok(Box::new(upload))
    }
}

#[async_trait]
impl BlobDeleter for LinkedBlobStore {
    async fn delete(&self, digest: &Digest) -> Result<()> {
        if !self.core.options.delete {
            return Err(Error::Unsupported);
        }
        let statters = self.statters();
        // A damaged link is a link: it can be deleted.
        let is_linked = !matches!(statters.target(digest).await, Ok(None));
        // Before the link goes, so that a cache that cannot be told leaves everything as it is; and after it,
        // for what readers cached in between.
        statters.forget(digest).await?;
        if !is_linked {
            return Err(Error::BlobUnknown { digest: *digest });
        }
        links::remove(&self.core, &self.repository, &Link::Layer(*digest)).await?;
        statters.forget(digest).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::result::Result;
    use std::sync::Mutex;

    use hythe_distribution::{BlobDescriptorCacheProvider, BlobDescriptorService, CacheError, Mount};
    use hythe_driver_inmemory::InMemoryDriver;

    use super::*;
    use crate::options::RegistryOptions;

    /// Remembers everything for ever, for all repositories alike, or fails.
    #[derive(Debug, Default, Clone)]
    struct Cache {
        known: Arc<Mutex<HashMap<Digest, Descriptor>>>,
        fails: bool,
    }

    #[async_trait]
    impl BlobDescriptorService for Cache {
        async fn stat(&self, digest: &Digest) -> Result<Option<Descriptor>, CacheError> {
            self.check("stat")?;
            Ok(self.known.lock().unwrap().get(digest).cloned())
        }

        async fn set(&self, digest: &Digest, descriptor: &Descriptor) -> Result<(), CacheError> {
            self.check("set")?;
            self.known.lock().unwrap().insert(*digest, descriptor.clone());
            Ok(())
        }

        async fn clear(&self, digest: &Digest) -> Result<(), CacheError> {
            self.check("clear")?;
            self.known.lock().unwrap().remove(digest);
            Ok(())
        }
    }

    impl BlobDescriptorCacheProvider for Cache {
        fn repository_scoped(&self, _name: &RepositoryName) -> Arc<dyn BlobDescriptorService> {
            Arc::new(self.clone())
        }
    }

    impl Cache {
        fn check(&self, operation: &'static str) -> Result<(), CacheError> {
            if self.fails {
                let source = "unreachable".into();
                return Err(CacheError { operation, source });
            }
            Ok(())
        }

        fn has(&self, digest: &Digest) -> bool {
            self.known.lock().unwrap().contains_key(digest)
        }
    }

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    fn store(cache: &Cache) -> LinkedBlobStore {
        let options = RegistryOptions {
            delete: true,
            descriptor_cache: Some(Arc::new(cache.clone())),
            ..RegistryOptions::default()
        };
        let core = Core::new(Arc::new(InMemoryDriver::new()), options);
        LinkedBlobStore::new(Arc::new(core), name("a"))
    }

    /// What distribution v3 makes of an upload that was named by sha512.
    async fn alias_of_the_original(store: &LinkedBlobStore, content: &'static [u8]) -> (Digest, Digest) {
        let stored = store.put(None, Bytes::from(content)).await.unwrap().digest;
        let alias = Digest::of(Algorithm::Sha512, content);
        links::make(&store.core, &store.repository, &Link::Layer(alias), &stored)
            .await
            .unwrap();
        (alias, stored)
    }

    #[tokio::test]
    async fn an_alias_is_served_under_the_digest_asked_for() {
        let cache = Cache::default();
        let store = store(&cache);
        let (alias, stored) = alias_of_the_original(&store, b"content").await;
        // The second round is answered by the cache.
        for _ in 0..2 {
            for trust in [Trust::Cached, Trust::Stored] {
                let descriptor = store.stat(&alias, trust).await.unwrap();
                assert_eq!((descriptor.digest, descriptor.size), (alias, 7));
            }
            let blob = store.open(&alias, BlobRange::Full).await.unwrap();
            assert_eq!(blob.descriptor.digest, alias);
            assert_eq!(store.get(&alias, 7).await.unwrap(), "content");
        }
        assert_eq!(store.stat(&stored, Trust::Stored).await.unwrap().digest, stored);
    }

    #[tokio::test]
    async fn an_alias_is_mounted_as_one() {
        let store = store(&Cache::default());
        let (alias, stored) = alias_of_the_original(&store, b"content").await;
        let target = LinkedBlobStore::new(store.core.clone(), name("b"));
        let options = CreateOptions {
            mount: Some(Mount {
                digest: alias,
                from: vec![name("c"), name("a")],
            }),
            algorithm: None,
        };
        let created = target.create(options).await.unwrap();
        assert!(
            matches!(&created, BlobCreated::Mounted(descriptor) if descriptor.digest == alias),
            "{created:?}"
        );
        let link = links::read(&store.core, &name("b"), &Link::Layer(alias)).await;
        assert_eq!(link.unwrap(), Some(stored));
        assert_eq!(target.get(&alias, 7).await.unwrap(), "content");
    }

    #[tokio::test]
    async fn a_damaged_link_is_no_source_of_a_mount() {
        let store = store(&Cache::default());
        let digest = store.put(None, Bytes::from("content")).await.unwrap().digest;
        let damaged = store.core.layout.layer_link(&name("b"), &digest);
        let options = driver::PutOptions::default();
        let put = store.core.driver.put_content(&damaged, "sha256:".into(), options);
        put.await.unwrap();
        let target = LinkedBlobStore::new(store.core.clone(), name("c"));
        let create = async |from: &[&str]| {
            let from = from.iter().map(|source| name(source)).collect();
            let options = CreateOptions {
                mount: Some(Mount { digest, from }),
                algorithm: None,
            };
            target.create(options).await.unwrap()
        };
        assert!(matches!(create(&["b"]).await, BlobCreated::Upload(_)));
        assert!(matches!(create(&["b", "a"]).await, BlobCreated::Mounted(_)));
    }

    #[tokio::test]
    async fn a_cache_never_proves_that_content_is_there() {
        let cache = Cache::default();
        let store = store(&cache);
        let digest = store.put(None, Bytes::from("content")).await.unwrap().digest;
        assert!(cache.has(&digest));
        let data = store.core.layout.blob_data(&digest);
        store.core.driver.delete(&data).await.unwrap();

        let stored = store.stat(&digest, Trust::Stored).await;
        assert!(matches!(stored, Err(Error::BlobUnknown { .. })), "{stored:?}");
        let target = LinkedBlobStore::new(store.core.clone(), name("b"));
        let mount = Mount {
            digest,
            from: vec![name("a")],
        };
        let options = CreateOptions {
            mount: Some(mount),
            algorithm: None,
        };
        assert!(matches!(
            target.create(options).await.unwrap(),
            BlobCreated::Upload(_)
        ));
        let opened = store.open(&digest, BlobRange::Full).await;
        assert!(matches!(opened, Err(Error::BlobUnknown { .. })), "{opened:?}");
        assert!(!cache.has(&digest), "what was found gone is forgotten");
    }

    #[tokio::test]
    async fn a_deleted_blob_is_forgotten_by_the_cache() {
        let cache = Cache::default();
        let store = store(&cache);
        let digest = store.put(None, Bytes::from("content")).await.unwrap().digest;
        store.delete(&digest).await.unwrap();
        assert!(!cache.has(&digest));
        let cached = store.stat(&digest, Trust::Cached).await;
        assert!(matches!(cached, Err(Error::BlobUnknown { .. })), "{cached:?}");

        // Also what a cache remembers wrongly.
        cache
            .set(&digest, &Descriptor::new(None, digest, 7))
            .await
            .unwrap();
        assert!(matches!(
            store.delete(&digest).await,
            Err(Error::BlobUnknown { .. })
        ));
        assert!(!cache.has(&digest));
    }

    #[tokio::test]
    async fn a_failing_cache_fails_nothing_but_deletion() {
        let cache = Cache {
            fails: true,
            ..Cache::default()
        };
        let store = store(&cache);
        let digest = store.put(None, Bytes::from("content")).await.unwrap().digest;
        store.stat(&digest, Trust::Cached).await.unwrap();
        store.open(&digest, BlobRange::Full).await.unwrap();
        assert!(matches!(
            store.delete(&digest).await,
            Err(Error::Unavailable { .. })
        ));
        store.stat(&digest, Trust::Stored).await.unwrap();
    }

    #[tokio::test]
    async fn a_damaged_link_can_be_deleted() {
        let store = store(&Cache::default());
        let digest = store.put(None, Bytes::from("content")).await.unwrap().digest;
        let link = store.core.layout.layer_link(&name("a"), &digest);
        let options = driver::PutOptions::default();
        let damage = Bytes::from("sha256:");
        store
            .core
            .driver
            .put_content(&link, damage, options)
            .await
            .unwrap();
        assert!(matches!(
            store.stat(&digest, Trust::Stored).await,
            Err(Error::Damaged { .. })
        ));
        store.delete(&digest).await.unwrap();
        assert!(matches!(
            store.stat(&digest, Trust::Stored).await,
            Err(Error::BlobUnknown { .. })
        ));
    }
}
