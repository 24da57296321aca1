//! Writing a small blob in one request.

use std::collections::HashMap;
use std::num::NonZero;

use azure_core::http::headers::ETAG;
use azure_storage_blob::models::BlockBlobClientUploadOptions;
use bytes::Bytes;
use hythe_driver::{ErrorKind, PutMode, Version};
use uuid::Uuid;

use crate::body::body_of;
use crate::client::{Client, MARKER, conditions, counted};
use crate::error::{Failure, Result};
use crate::retry::Attempts;

/// The largest blob that one request can make: 5000 MiB.
const MAXIMUM_BYTES: NonZero<u64> = NonZero::new(5000 << 20).expect("it is not zero");

impl Client {
    /// Makes or replaces a blob, and returns its version.
    ///
    /// A blob that distribution appended to cannot be replaced as it is; it is deleted first.
    pub(crate) async fn put(
        &self,
        key: &str,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>> {
        match self.put_block_blob(key, content.clone(), mode).await {
            Err(failure) if failure.code() == "InvalidBlobType" => {
                let mode = self.make_room(key, mode, failure).await?;
                self.put_block_blob(key, content, &mode).await
            }
            put => put,
        }
    }

    async fn put_block_blob(
        &self,
        key: &str,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>> {
        let attempts = Attempts::default();
        let (if_match, if_none_match) = conditions(mode);
        let marker = (*mode != PutMode::Overwrite).then(|| Uuid::new_v4().to_string());
        let options = BlockBlobClientUploadOptions {
            if_match,
            if_none_match,
            metadata: marker
                .clone()
                .map(|marker| HashMap::from([(MARKER.to_owned(), marker)])),
            method_options: counted(&attempts),
            parallel: NonZero::new(1),
            // Larger than any content, so that it is one request.
            partition_size: Some(MAXIMUM_BYTES),
            ..BlockBlobClientUploadOptions::default()
        };
        let blob = self.blob(key).block_blob_client();
        let put = blob.upload(body_of(content).into(), Some(options)).await;
        match put.map_err(self.failed(key)) {
            Ok(put) => Ok(put
                .raw_response
                .headers()
                .get_optional_string(&ETAG)
                .map(Version::new)),
            Err(failure) if failure.is_condition() => {
                if attempts.were_several()
                    && let Some(version) = self.own_put(key, marker.as_deref()).await
                {
                    return Ok(Some(version));
                }
                Err(meaning_of_condition(failure, mode))
            }
            Err(failure) if failure.is_not_found() && matches!(mode, PutMode::Update(_)) => {
                Err(failure.meaning(ErrorKind::PreconditionFailed))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The version of what an earlier try of this put made, whose answer was lost.
    async fn own_put(&self, key: &str, marker: Option<&str>) -> Option<Version> {
        let found = self.head_any(key).await.ok()?;
        if marker.is_some() && found.marker.as_deref() == marker {
            found.version
        } else {
            None
        }
    }

    /// Deletes a blob of another type if the mode allows replacing it, and says how to put then.
    async fn make_room(&self, key: &str, mode: &PutMode, refused: Failure) -> Result<PutMode> {
        let found = match self.head_any(key).await {
            Ok(found) => found,
            // Somebody else deleted it meanwhile.
            Err(failure) if failure.is_not_found() => return Ok(mode.clone()),
            Err(failure) => return Err(failure),
        };
        let replaces = match mode {
            PutMode::Overwrite => true,
            PutMode::Create => return Err(refused.meaning(ErrorKind::AlreadyExists)),
            PutMode::Update(version) => found.version.as_ref() == Some(version),
        };
        if !replaces {
            return Err(refused.meaning(ErrorKind::PreconditionFailed));
        }
        // Only what was looked at; if it has changed, whoever changed it made room or will be replaced.
        match self.delete_version(key, found.version.as_ref()).await {
            Err(failure) if failure.is_condition() => {}
            deleted => {
                deleted?;
            }
        }
        Ok(match mode {
            PutMode::Update(_) => PutMode::Create,
            mode => mode.clone(),
        })
    }
}

/// A condition that did not hold, as the contract of puts calls it.
pub(super) fn meaning_of_condition(failure: Failure, mode: &PutMode) -> Failure {
    match mode {
        PutMode::Create => failure.meaning(ErrorKind::AlreadyExists),
        PutMode::Overwrite | PutMode::Update(_) => failure.meaning(ErrorKind::PreconditionFailed),
    }
}
