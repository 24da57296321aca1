//! Uploads in parts, as the service keeps them.

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use hythe_driver::multipart::{FoundUpload, Part};
use hythe_driver::{ErrorKind, PutMode, Result};

use crate::client::{CONTENT_TYPE, Client};
use crate::error::Failure;
use crate::interceptors::Attempts;
use crate::put::{body, content_length};

impl Client {
    /// Begins an upload and returns its id.
    pub(crate) async fn create_upload(&self, key: &str) -> Result<String> {
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .create_multipart_upload()
                .bucket(&*self.bucket)
                .key(key)
                .content_type(CONTENT_TYPE)
                .acl(self.acl())
                .set_storage_class(self.storage_class())
                .set_server_side_encryption(self.encryption())
                .set_ssekms_key_id(self.encryption_key())
                .send()
                .await
        };
        let created = sent.map_err(self.failed("CreateMultipartUpload", key))?;
        created.upload_id.ok_or_else(|| {
            let failure = Failure::new(ErrorKind::Other, "the answer names no upload");
            self.failed("CreateMultipartUpload", key)(failure)
        })
    }

    /// Sends a part and returns its ETag.
    pub(crate) async fn send_part(
        &self,
        key: &str,
        upload: &str,
        number: u32,
        content: &[Bytes],
    ) -> Result<String> {
        let mut request = self
            .sdk
            .upload_part()
            .bucket(&*self.bucket)
            .key(key)
            .upload_id(upload)
            .part_number(number.cast_signed())
            .content_length(content_length(content))
            .body(body(content))
            .customize();
        if self.is_protected {
            request = request.disable_payload_signing();
        }
        let sent = {
            let _permit = self.permit().await;
            request.send().await
        };
        let sent = sent.map_err(self.failed("UploadPart", key))?;
        Ok(sent.e_tag.unwrap_or_default())
    }

    /// Makes the parts the object at the key, of `size` bytes.
    pub(crate) async fn complete(
        &self,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
        size: u64,
        mode: &PutMode,
    ) -> Result<()> {
        let attempts = Attempts::default();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let is_new = *mode == PutMode::Create && self.support().await?.create;
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .complete_multipart_upload()
                .bucket(&*self.bucket)
                .key(key)
                .upload_id(upload)
                .multipart_upload(parts)
                .set_if_none_match(is_new.then(|| "*".to_owned()))
                .customize()
                .interceptor(attempts.clone())
                .send()
                .await
        };
        let Err(error) = sent else { return Ok(()) };
        let failure = Failure::from(error);
        let may_be_done = attempts.are_several()
            && matches!(
                failure.kind,
                ErrorKind::InvalidToken | ErrorKind::NotFound | ErrorKind::PreconditionFailed
            );
        if may_be_done && self.head(key).await.is_ok_and(|object| object.size == size) {
            return Ok(());
        }
        let kind = match failure.kind {
            // Some services have no word of their own for an upload that is gone.
            ErrorKind::NotFound => ErrorKind::InvalidToken,
            // Another writer has sent a part of the same number since.
            _ if matches!(failure.code.as_str(), "InvalidPart" | "InvalidPartOrder") => {
                ErrorKind::InvalidToken
            }
            ErrorKind::PreconditionFailed if is_new => ErrorKind::AlreadyExists,
            kind => kind,
        };
        Err(self.failed("CompleteMultipartUpload", key)(
            failure.with_kind(kind),
        ))
    }

    /// Drops an upload; one that is gone is no error.
    pub(crate) async fn abort(&self, key: &str, upload: &str) -> Result<()> {
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .abort_multipart_upload()
                .bucket(&*self.bucket)
                .key(key)
                .upload_id(upload)
                .send()
                .await
        };
        match sent.map_err(Failure::from) {
            Ok(_) => Ok(()),
            Err(failure) if matches!(failure.kind, ErrorKind::InvalidToken | ErrorKind::NotFound) => Ok(()),
            Err(failure) => Err(self.failed("AbortMultipartUpload", key)(failure)),
        }
    }

    /// The unfinished upload of exactly this key, as far as the service knows one: distribution keeps no other note of
    /// its uploads.
    pub(crate) async fn find_by_key(&self, key: &str) -> Result<Option<FoundUpload>> {
        let mut after = None;
        loop {
            let Some(page) = self.uploads_page(key, after.take()).await? else {
                let failure = Failure::new(ErrorKind::Unsupported, "the service does not list uploads");
                return Err(self.failed("ListMultipartUploads", key)(failure));
            };
            let mine = page.uploads().iter().find(|upload| upload.key() == Some(key));
            if let Some(upload) = mine.and_then(|upload| upload.upload_id()) {
                return self.list_parts(key, upload).await.map(Some);
            }
            // Keys that go on after this one come later.
            let is_beyond = page
                .uploads()
                .last()
                .and_then(|upload| upload.key())
                .is_some_and(|last| last > key);
            let next = page.next_key_marker().unwrap_or_default();
            if is_beyond || next.is_empty() || !page.is_truncated().unwrap_or_default() {
                return Ok(None);
            }
            after = Some((
                next.to_owned(),
                page.next_upload_id_marker().unwrap_or_default().to_owned(),
            ));
        }
    }

    async fn list_parts(&self, key: &str, upload: &str) -> Result<FoundUpload> {
        let mut found = FoundUpload {
            upload: Some(upload.to_owned()),
            ..FoundUpload::default()
        };
        let mut after: Option<String> = None;
        loop {
            let sent = {
                let _permit = self.permit().await;
                self.sdk
                    .list_parts()
                    .bucket(&*self.bucket)
                    .key(key)
                    .upload_id(upload)
                    .set_part_number_marker(after.take())
                    .send()
                    .await
            };
            let page = sent.map_err(self.failed("ListParts", key))?;
            for part in page.parts() {
                let size = part.size().unwrap_or_default().unsigned_abs();
                found.size += size;
                found.last_part_size = size;
                found.parts.push(Part {
                    number: part.part_number().unwrap_or_default().unsigned_abs(),
                    mark: part.e_tag().unwrap_or_default().to_owned(),
                });
            }
            match page.next_part_number_marker() {
                Some(next) if page.is_truncated().unwrap_or_default() => after = Some(next.to_owned()),
                _ => return Ok(found),
            }
        }
    }

    /// A page of the unfinished uploads whose keys begin so; `None` from a service that cannot tell.
    pub(crate) async fn uploads_page(
        &self,
        prefix: &str,
        after: Option<(String, String)>,
    ) -> Result<Option<ListMultipartUploadsOutput>> {
        let (key, upload) = after.unzip();
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .list_multipart_uploads()
                .bucket(&*self.bucket)
                .prefix(prefix)
                .set_key_marker(key)
                .set_upload_id_marker(upload.filter(|upload| !upload.is_empty()))
                .send()
                .await
        };
        match sent.map_err(Failure::from) {
            Ok(page) => Ok(Some(page)),
            Err(failure) if failure.kind == ErrorKind::Unsupported => Ok(None),
            Err(failure) => Err(self.failed("ListMultipartUploads", prefix)(failure)),
        }
    }
}

/// A part as completing names it.
pub(crate) fn completed_part(number: u32, mark: &str) -> CompletedPart {
    CompletedPart::builder()
        .part_number(number.cast_signed())
        .e_tag(mark)
        .build()
}
