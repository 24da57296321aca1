//! The blocks of which a large blob is made.

use std::collections::HashMap;
use std::ops::Range;

use azure_core::http::RequestContent;
use azure_storage_blob::models::{
    BlockBlobClientCommitBlockListOptions, BlockBlobClientStageBlockFromUrlOptions, BlockListType,
    BlockLookupList,
};
use bytes::Bytes;
use hythe_driver::{ErrorKind, PutMode};

use crate::body::body_of;
use crate::client::{Client, MARKER};
use crate::error::Result;
use crate::list::{Listing, Start};

/// As many as the service tells at once at most is five times this.
const PAGE_KEYS: usize = 1000;

impl Client {
    /// Sends a block. The ids of a blob's blocks must be equally long.
    pub(crate) async fn put_block(&self, key: &str, id: &[u8], content: Vec<Bytes>) -> Result<()> {
        let size = content.iter().map(|piece| piece.len() as u64).sum();
        let blob = self.blob(key).block_blob_client();
        let sent = blob.stage_block(id, size, body_of(content).into(), None).await;
        sent.map(|_| ()).map_err(self.failed(key))
    }

    /// Makes a block of a range of another blob, within the service.
    pub(crate) async fn put_block_of(
        &self,
        key: &str,
        id: &[u8],
        source: &str,
        range: Range<u64>,
    ) -> Result<()> {
        // The service fetches the source as anybody would, so its address must be signed.
        let source = self.readable_address(source).await?;
        let options = BlockBlobClientStageBlockFromUrlOptions {
            source_range: Some((range.start..range.end).into()),
            ..BlockBlobClientStageBlockFromUrlOptions::default()
        };
        let blob = self.blob(key).block_blob_client();
        let sent = blob.stage_block_from_url(id, 0, source, Some(options)).await;
        sent.map(|_| ()).map_err(self.failed(key))
    }

    /// Makes the blob of these blocks; the service forgets all others. Repeating it changes nothing. Blocks that are
    /// not there are [`ErrorKind::InvalidToken`].
    pub(crate) async fn put_block_list(&self, key: &str, ids: Vec<Vec<u8>>, marker: &str) -> Result<()> {
        let list = BlockLookupList {
            // Also finds blocks that an earlier try has made part of the blob already.
            latest: Some(ids),
            ..BlockLookupList::default()
        };
        let list = RequestContent::try_from(list).map_err(self.failed(key))?;
        let options = BlockBlobClientCommitBlockListOptions {
            metadata: Some(HashMap::from([(MARKER.to_owned(), marker.to_owned())])),
            ..BlockBlobClientCommitBlockListOptions::default()
        };
        let blob = self.blob(key).block_blob_client();
        let committed = blob.commit_block_list(list, Some(options)).await;
        committed
            .map(|_| ())
            .map_err(self.failed(key))
            .map_err(|failure| {
                if failure.code() == "InvalidBlockList" {
                    failure.meaning(ErrorKind::InvalidToken)
                } else {
                    failure
                }
            })
    }

    /// The ids of blocks that were sent and are no part of a blob.
    pub(crate) async fn uncommitted_blocks(&self, key: &str) -> Result<Vec<Vec<u8>>> {
        let blob = self.blob(key).block_blob_client();
        let listed = blob.get_block_list(BlockListType::Uncommitted, None).await;
        let list = match listed
            .and_then(azure_core::http::Response::into_model)
            .map_err(self.failed(key))
        {
            Ok(list) => list,
            Err(failure) if failure.is_not_found() => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let blocks = list.uncommitted_blocks.unwrap_or_default();
        Ok(blocks.into_iter().filter_map(|block| block.name).collect())
    }

    /// Makes the service forget the blocks of a key at which there is no blob.
    ///
    /// They cannot be deleted, but are forgotten when a blob takes their name. A blob that is there stays.
    pub(crate) async fn discard_blocks(&self, key: &str) -> Result<()> {
        match self.put(key, Vec::new(), &PutMode::Create).await {
            Ok(version) => match self.delete_version(key, version.as_ref()).await {
                Err(failure) if failure.is_condition() => Ok(()),
                deleted => deleted.map(|_| ()),
            },
            Err(failure) if failure.is_condition() => match self.head_any(key).await {
                // Azurite takes a name with blocks for a blob, but lets it be deleted, which Azure does not.
                Err(failure) if failure.is_not_found() => self.delete(key).await.map(|_| ()),
                found => found.map(|_| ()),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Makes the service forget the blocks of a key, and of keys that go on with a slash, at which there are no
    /// blobs. Says whether there were any.
    pub(crate) async fn discard_below(&self, key: &str) -> Result<bool> {
        let below = format!("{key}/");
        let mut has_found = false;
        let mut marker: Option<String> = None;
        loop {
            let listed = self
                .list(Listing {
                    prefix: key,
                    is_delimited: false,
                    start: marker.as_deref().map_or(Start::First, Start::Marker),
                    limit: PAGE_KEYS,
                    has_uncommitted: true,
                })
                .await?;
            for found in listed.blobs {
                if found.key == key || found.key.starts_with(&below) {
                    self.discard_blocks(&found.key).await?;
                    has_found = true;
                }
            }
            let Some(next) = listed.marker else {
                return Ok(has_found);
            };
            marker = Some(next);
        }
    }
}
