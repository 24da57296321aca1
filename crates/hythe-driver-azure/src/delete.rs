//! Deleting blobs.

use azure_core::http::Etag;
use azure_storage_blob::models::BlobClientDeleteOptions;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hythe_driver::Version;

use crate::client::{Client, counted};
use crate::error::{Failure, Result};
use crate::retry::Attempts;

/// How many blobs are deleted at once.
const AT_ONCE: usize = 16;

impl Client {
    /// Deletes a blob and says whether it was there.
    pub(crate) async fn delete(&self, key: &str) -> Result<bool> {
        self.delete_version(key, None).await
    }

    /// Deletes a blob if it is of this version, and says whether it was there.
    pub(crate) async fn delete_version(&self, key: &str, version: Option<&Version>) -> Result<bool> {
        let attempts = Attempts::default();
        let options = BlobClientDeleteOptions {
            if_match: version.map(|version| Etag::from(version.as_str())),
            method_options: counted(&attempts),
            ..BlobClientDeleteOptions::default()
        };
        match self
            .blob(key)
            .delete(Some(options))
            .await
            .map_err(self.failed(key))
        {
            Ok(_) => Ok(true),
            // An earlier try may have deleted it, and its answer was lost.
            Err(failure) if failure.is_not_found() => Ok(attempts.were_several()),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes blobs; those that are not there are no error. A failure tells the index of its key.
    pub(crate) async fn delete_all(&self, keys: &[String]) -> std::result::Result<(), (usize, Failure)> {
        let deletions = keys.iter().cloned().enumerate().map(|(index, key)| {
            let client = self.clone();
            async move {
                let deleted = client.delete(&key).await;
                deleted.map(|_| ()).map_err(|failure| (index, failure))
            }
        });
        stream::iter(deletions)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }
}
