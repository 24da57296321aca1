//! Objects go by the thousand, unfinished uploads one by one.

use std::time::Duration;

use aws_sdk_s3::types::{Delete, Error as ObjectError, ObjectIdentifier};
use futures_util::future::try_join_all;
use hythe_driver::{ErrorKind, Result};

use crate::client::Client;
use crate::error::{Failure, kind};

/// Uploads aborted at once.
const ABORTS: usize = 16;
/// How often what was refused for the moment is tried again.
const TRIES: u32 = 3;
const DELAY: Duration = Duration::from_millis(200);

impl Client {
    /// Deletes at most a thousand objects in one call. Objects that the service could not delete for the moment are
    /// tried again; what is left then is an error that names the first.
    pub(crate) async fn delete_objects(&self, keys: &[String]) -> Result<()> {
        match keys {
            [] => Ok(()),
            [key] => self.delete_object(key).await,
            keys => self.delete_batch(keys.to_vec()).await,
        }
    }

    async fn delete_object(&self, key: &str) -> Result<()> {
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .delete_object()
                .bucket(&*self.bucket)
                .key(key)
                .send()
                .await
        };
        match sent.map_err(Failure::from) {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == ErrorKind::NotFound => Ok(()),
            Err(failure) => Err(self.failed("DeleteObject", key)(failure)),
        }
    }

    async fn delete_batch(&self, mut keys: Vec<String>) -> Result<()> {
        for tried in 1.. {
            let refused = self.delete_once(&keys).await?;
            let refused: Vec<ObjectError> = refused.into_iter().filter(is_left).collect();
            let Some(first) = refused.first() else { break };
            let failure = object_failure(first, refused.len(), keys.len());
            let is_temporary = matches!(failure.kind, ErrorKind::Throttled | ErrorKind::Unavailable);
            if !is_temporary || tried == TRIES {
                return Err(self.failed("DeleteObjects", first.key().unwrap_or_default())(
                    failure,
                ));
            }
            tokio::time::sleep(DELAY * tried).await;
            let left = refused.iter().filter_map(|error| error.key());
            keys = left.map(str::to_owned).collect();
        }
        Ok(())
    }

    /// What the service says it could not delete.
    async fn delete_once(&self, keys: &[String]) -> Result<Vec<ObjectError>> {
        let failed = self.failed("DeleteObjects", keys.first().cloned().unwrap_or_default());
        let objects = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build());
        let delete = objects
            .collect::<std::result::Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
        let delete = match delete {
            Ok(delete) => delete,
            Err(error) => return Err(failed(Failure::new(ErrorKind::Other, error.to_string()))),
        };
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .delete_objects()
                .bucket(&*self.bucket)
                .delete(delete)
                .send()
                .await
        };
        Ok(sent
            .map_err(|error| failed(error.into()))?
            .errors
            .unwrap_or_default())
    }

    /// Aborts the unfinished uploads of a key and of those that go on with `/`, and says whether there were any.
    /// MinIO tells only those of the exact key.
    pub(crate) async fn abort_uploads_below(&self, key: &str) -> Result<bool> {
        let is_below = |found: &str| {
            found
                .strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut has_aborted = false;
        let mut after: Option<(String, String)> = None;
        loop {
            let Some(page) = self.uploads_page(key, after.take()).await? else {
                return Ok(has_aborted);
            };
            let found = page.uploads().iter();
            let found = found.filter_map(|upload| Some((upload.key()?, upload.upload_id()?)));
            let mine: Vec<_> = found.filter(|(found, _)| is_below(found)).collect();
            for batch in mine.chunks(ABORTS) {
                try_join_all(batch.iter().map(|(key, upload)| self.abort(key, upload))).await?;
            }
            has_aborted |= !mine.is_empty();
            if !page.is_truncated().unwrap_or_default() {
                return Ok(has_aborted);
            }
            // What was aborted is listed no more, so the first page is another one. (versitygw refuses to go on
            // after a page.)
            if mine.is_empty() {
                after = page.next_key_marker().map(|key| {
                    let upload = page.next_upload_id_marker().unwrap_or_default();
                    (key.to_owned(), upload.to_owned())
                });
                if after.is_none() {
                    return Ok(has_aborted);
                }
            }
        }
    }
}

/// An object that is gone already is what was wanted.
fn is_left(error: &ObjectError) -> bool {
    !matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion"))
}

fn object_failure(error: &ObjectError, count: usize, of: usize) -> Failure {
    let code = error.code().unwrap_or_default();
    let status = if code == "AccessDenied" { 403 } else { 500 };
    let message = error.message().unwrap_or_default();
    Failure::new(
        kind(status, code),
        format!("{code}: {message} ({count} of {of} objects were not deleted)"),
    )
}
