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
        // Content was collected beside us. The cache must not say so again, but that it cannot be told does no
        // harm: opening proves.
        if let Err(error) = self.statters().forget(digest).await {
            tracing::warn!(%error, "descriptor cache remembers a blob that is gone");
        }
        Ok(None)
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
        let possible = self.core.options.redirect && self.core.driver.capabilities().redirect;
        if !possible {
            return Ok(None);
        }
        let unknown = || Error::BlobUnknown { digest: *digest };
        let content = self.statters().target(digest).await?.ok_or_else(unknown)?;
        let path = self.core.layout.blob_data(&content);
        let size = blob_store::size(&self.core, &content)
            .await?
            .ok_or_else(unknown)?;
        let request = driver::RedirectRequest {
            method: request.method.clone(),
            client: request.client,
            content_type: Some("application/octet-stream".to_owned()),
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
