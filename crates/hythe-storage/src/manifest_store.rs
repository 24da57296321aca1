use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{
    Error, ManifestService, Page, PageRequest, PutManifestOptions, Referrers, ReferrersQuery, Result, Trust,
};
use hythe_manifest::{Descriptor, MAX_MANIFEST_BYTES, Manifest};
use hythe_reference::RepositoryName;

use crate::blob_store;
use crate::core::Core;
use crate::gate::{self, Purpose};
use crate::links::{self, Link, LinkSet};
use crate::manifest_verify;
use crate::referrers;

/// The manifests of one repository.
#[derive(Debug)]
pub(crate) struct ManifestStore {
    core: Arc<Core>,
    repository: RepositoryName,
}

impl ManifestStore {
    pub(crate) fn new(core: Arc<Core>, repository: RepositoryName) -> Self {
        Self { core, repository }
    }

    fn unknown(&self, digest: &Digest) -> Error {
        Error::ManifestUnknown {
            repository: self.repository.clone(),
            digest: *digest,
        }
    }

    async fn link(&self, link: Link) -> Result<Option<Digest>> {
        links::read(&self.core, &self.repository, &link).await
    }

    async fn content(&self, content: &Digest) -> Result<Option<Bytes>> {
        blob_store::get(&self.core, content, MAX_MANIFEST_BYTES as u64).await
    }

    /// A manifest that is linked as a blob only, which is how 2.1.0 kept them; 2.x fell back like this.
    ///
    /// Any blob can be asked for here, so one that is not a manifest, or too large for one, is no manifest.
    async fn get_legacy(&self, digest: &Digest) -> Result<Option<Manifest>> {
        let Some(content) = self.link(Link::Layer(*digest)).await? else {
            return Ok(None);
        };
        let bytes = match self.content(&content).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(Error::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(self.core.options.manifest_types.recognise(bytes).ok())
    }
}

#[async_trait]
impl ManifestService for ManifestStore {
    async fn exists(&self, digest: &Digest, trust: Trust) -> Result<bool> {
        let Some(content) = self.link(Link::Revision(*digest)).await? else {
            return Ok(self.get_legacy(digest).await?.is_some());
        };
        let size = match trust {
            Trust::Stored => gate::claim(&self.core, &content, Purpose::Dependency).await?,
            Trust::Cached => blob_store::size(&self.core, &content).await?,
        };
        Ok(size.is_some())
    }

    async fn get(&self, digest: &Digest) -> Result<Manifest> {
        let Some(content) = self.link(Link::Revision(*digest)).await? else {
            let legacy = self.get_legacy(digest).await?;
            return legacy.ok_or_else(|| self.unknown(digest));
        };
        if let Some(manifest) = self.core.manifest_cache.get(&content) {
            return Ok(manifest);
        }
        let bytes = self.content(&content).await?;
        let bytes = bytes.ok_or_else(|| self.unknown(digest))?;
        let manifest = self.core.options.manifest_types.recognise(bytes)?;
        self.core.manifest_cache.remember(&content, &manifest);
        Ok(manifest)
    }

    async fn put(&self, manifest: &Manifest, options: PutManifestOptions) -> Result<Descriptor> {
        let bytes = manifest.bytes();
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(Error::TooLarge {
                limit: MAX_MANIFEST_BYTES as u64,
            });
        }
        let algorithm = options
            .digest
            .map_or(Algorithm::CANONICAL, |expected| expected.algorithm());
        let digest = blob_store::hash(algorithm, bytes).await?;
        if let Some(expected) = options.digest
            && expected != digest
        {
            return Err(Error::DigestMismatch { expected });
        }
        let media_type = Some(manifest.media_type().clone());
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);

        manifest_verify::verify(&self.core, &self.repository, manifest).await?;
        blob_store::put(&self.core, &digest, bytes.clone()).await?;
        // Before the link: an entry whose manifest is not linked is not shown, while a linked manifest without
        // its entry would be missing from the list.
        referrers::index(&self.core, &self.repository, manifest, &descriptor).await?;
        links::make(&self.core, &self.repository, &Link::Revision(digest), &digest).await?;
        Ok(descriptor)
    }

    async fn delete(&self, digest: &Digest) -> Result<()> {
        if !self.core.options.delete {
            return Err(Error::Unsupported);
        }
        // A damaged link is a link: it can be deleted.
        if let Ok(None) = self.link(Link::Revision(*digest)).await {
            return Err(self.unknown(digest));
        }
        links::remove(&self.core, &self.repository, &Link::Revision(*digest)).await?;
        self.core.manifest_cache.forget(digest);
        Ok(())
    }

    async fn list(&self, page: PageRequest<Digest>) -> Result<Page<Digest>> {
        links::enumerate(&self.core, &self.repository, &LinkSet::Revisions, page).await
    }

    async fn referrers(&self, subject: &Digest, query: ReferrersQuery) -> Result<Referrers> {
        referrers::query(&self.core, &self.repository, subject, query).await
    }
}

#[cfg(test)]
mod tests {
    use hythe_driver_inmemory::InMemoryDriver;
    use hythe_manifest::{ImageBuilder, MediaType};

    use super::*;
    use crate::options::RegistryOptions;

    const SCHEMA_1: &str = r#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#;

    fn store() -> ManifestStore {
        let options = RegistryOptions {
            delete: true,
            ..RegistryOptions::default()
        };
        let core = Core::new(Arc::new(InMemoryDriver::new()), options);
        ManifestStore::new(Arc::new(core), RepositoryName::parse("a").unwrap())
    }

    fn image() -> Manifest {
        let config = Descriptor::new(Some(MediaType::OCI_CONFIG), Digest::sha256(b"{}"), 2);
        ImageBuilder::new(config).build()
    }

    async fn stored(store: &ManifestStore, bytes: Bytes, link: impl Fn(Digest) -> Link) -> Digest {
        let digest = Digest::sha256(&bytes);
        blob_store::put(&store.core, &digest, bytes).await.unwrap();
        links::make(&store.core, &store.repository, &link(digest), &digest)
            .await
            .unwrap();
        digest
    }

    #[tokio::test]
    async fn a_manifest_that_is_linked_as_a_blob_only_is_served() {
        let store = store();
        let manifest = image();
        let digest = stored(&store, manifest.bytes().clone(), Link::Layer).await;
        assert_eq!(store.get(&digest).await.unwrap(), manifest);
        for trust in [Trust::Cached, Trust::Stored] {
            assert!(store.exists(&digest, trust).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_blob_is_no_manifest() {
        let store = store();
        for content in [
            Bytes::from("{}"),
            Bytes::from(SCHEMA_1),
            vec![b' '; MAX_MANIFEST_BYTES + 1].into(),
        ] {
            let digest = stored(&store, content, Link::Layer).await;
            assert!(matches!(
                store.get(&digest).await,
                Err(Error::ManifestUnknown { .. })
            ));
            assert!(!store.exists(&digest, Trust::Stored).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_manifest_of_schema_1_is_there_but_cannot_be_read() {
        let store = store();
        let digest = stored(&store, Bytes::from(SCHEMA_1), Link::Revision).await;
        assert!(store.exists(&digest, Trust::Stored).await.unwrap());
        assert!(matches!(store.get(&digest).await, Err(Error::ManifestInvalid(_))));
        store.delete(&digest).await.unwrap();
        assert!(!store.exists(&digest, Trust::Stored).await.unwrap());
    }

    #[tokio::test]
    async fn a_manifest_that_was_read_before_is_unknown_as_soon_as_its_link_is_gone() {
        let store = store();
        let manifest = image();
        let digest = stored(&store, manifest.bytes().clone(), Link::Revision).await;
        for _ in 0..2 {
            assert_eq!(store.get(&digest).await.unwrap(), manifest);
        }
        // By another process.
        let link = Link::Revision(digest).path(&store.core.layout, &store.repository);
        store.core.driver.delete(&link).await.unwrap();
        assert!(matches!(
            store.get(&digest).await,
            Err(Error::ManifestUnknown { .. })
        ));
    }

    #[tokio::test]
    async fn a_manifest_that_was_read_before_is_not_taken_for_stored() {
        let store = store();
        let digest = stored(&store, image().bytes().clone(), Link::Revision).await;
        store.get(&digest).await.unwrap();
        let data = store.core.layout.blob_data(&digest);
        store.core.driver.delete(&data).await.unwrap();
        assert!(!store.exists(&digest, Trust::Stored).await.unwrap());
    }

    #[tokio::test]
    async fn a_manifest_whose_content_is_gone_is_unknown() {
        let store = store();
        let digest = stored(&store, image().bytes().clone(), Link::Revision).await;
        let data = store.core.layout.blob_data(&digest);
        store.core.driver.delete(&data).await.unwrap();
        assert!(matches!(
            store.get(&digest).await,
            Err(Error::ManifestUnknown { .. })
        ));
        assert!(!store.exists(&digest, Trust::Stored).await.unwrap());
    }
}
