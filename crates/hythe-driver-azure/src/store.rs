//! Directories, which Azure does not have: the calls from which the common code makes them.

use async_trait::async_trait;
use hythe_driver::objects::{KeyRoot, Object, ObjectStore, Page, PageRequest, PageStart};
use hythe_driver::{DriverPath, Result};

use crate::client::Client;
use crate::error::{Failure, NAME};
use crate::list::{Listing, Start};

/// A container as a store of keys.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) client: Client,
    pub(crate) keys: KeyRoot,
}

impl Store {
    /// The path is added by who calls.
    fn failed(operation: &'static str) -> impl Fn(Failure) -> hythe_driver::Error {
        move |failure| failure.of(operation, &DriverPath::root())
    }
}

#[async_trait]
impl ObjectStore for Store {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &KeyRoot {
        &self.keys
    }

    fn seeks(&self) -> bool {
        true
    }

    async fn list_page(&self, request: PageRequest<'_>) -> Result<Page> {
        let listing = Listing {
            prefix: request.prefix,
            is_delimited: request.delimited,
            start: match request.start {
                PageStart::First => Start::First,
                PageStart::After(key) => Start::At(key),
                PageStart::Continue(marker) => Start::Marker(marker),
            },
            limit: request.limit,
            has_uncommitted: false,
        };
        let listed = self.client.list(listing).await.map_err(Self::failed("list"))?;
        let objects = listed.blobs.into_iter().map(|blob| Object {
            key: blob.key,
            size: blob.size,
            modified: blob.modified,
            version: blob.version,
        });
        Ok(Page {
            objects: objects.collect(),
            prefixes: listed.prefixes,
            next: listed.marker,
        })
    }

    async fn head_object(&self, key: &str) -> Result<Object> {
        let found = self.client.head(key).await.map_err(Self::failed("stat"))?;
        Ok(Object {
            key: key.to_owned(),
            size: found.size,
            modified: found.modified,
            version: found.version,
        })
    }

    async fn delete_keys(&self, keys: &[String]) -> Result<()> {
        let deleted = self.client.delete_all(keys).await;
        deleted.map_err(|(_, failure)| Self::failed("delete")(failure))
    }

    async fn abort_uploads(&self, key: &str) -> Result<bool> {
        let aborted = self.client.discard_below(key).await;
        aborted.map_err(Self::failed("delete"))
    }
}
