//! The calls that uploads need, for the writer that all object stores share.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_driver::multipart::{
    FoundUpload, MultipartBackend, NewPart, Part, PartBudget, PartLimits, SentPart,
};
use hythe_driver::{DriverPath, Error, ErrorKind, PutMode, Result, Version};

use crate::client::Client;
use crate::error::NAME;
use crate::upload::completed_part;

/// S3 takes no smaller part but the last.
pub(crate) const MINIMUM_PART_BYTES: u64 = 5 << 20;
/// S3 takes no larger part.
const MAXIMUM_PART_BYTES: u64 = 5 << 30;
/// Parts of one upload on their way at once.
const PARTS_IN_FLIGHT: usize = 4;
/// S3 allows no more parts.
const MAXIMUM_PARTS: u32 = 10_000;

#[async_trait]
impl MultipartBackend for Client {
    fn name(&self) -> &'static str {
        NAME
    }

    fn part_limits(&self) -> PartLimits {
        PartLimits {
            minimum_bytes: MINIMUM_PART_BYTES,
            preferred_bytes: self.parameters.chunk_bytes,
            maximum_bytes: MAXIMUM_PART_BYTES,
            buffered_bytes: PartLimits::BUFFERED_BYTES,
            maximum_parts: MAXIMUM_PARTS,
            alignment_bytes: 1,
            in_flight: PARTS_IN_FLIGHT,
        }
    }

    fn budget(&self) -> &PartBudget {
        &self.budget
    }

    async fn put_object(
        &self,
        path: &DriverPath,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>> {
        let put = self.put(&self.keys.key(path), &content, mode).await;
        put.map_err(at(path))
    }

    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)> {
        self.get_versioned(path, limit).await.map_err(at(path))
    }

    async fn object_size(&self, path: &DriverPath) -> Result<u64> {
        let object = self.head(&self.keys.key(path)).await.map_err(at(path))?;
        Ok(object.size)
    }

    async fn copy_object(&self, from: &DriverPath, to: &DriverPath, size: u64, mode: &PutMode) -> Result<()> {
        let copied = self
            .copy(&self.keys.key(from), &self.keys.key(to), size, mode)
            .await;
        copied.map_err(|error| {
            let path = if error.is_not_found() { from } else { to };
            error.at(path)
        })
    }

    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()> {
        let keys: Vec<String> = paths.iter().map(|path| self.keys.key(path)).collect();
        let deleted = Client::delete_objects(self, &keys).await;
        deleted.map_err(|error| match paths.first() {
            Some(path) => error.at(path),
            None => error,
        })
    }

    async fn create_upload(&self, path: &DriverPath) -> Result<String> {
        let created = Client::create_upload(self, &self.keys.key(path)).await;
        created.map_err(at(path))
    }

    async fn put_part(&self, path: &DriverPath, upload: &str, part: NewPart) -> Result<SentPart> {
        let sent = self
            .send_part(&self.keys.key(path), upload, part.number, &part.content)
            .await;
        sent.map(SentPart::marked)
            .map_err(|error| gone_is_invalid(error).at(path))
    }

    async fn copy_part(
        &self,
        path: &DriverPath,
        upload: &str,
        number: u32,
        source: &DriverPath,
        range: Range<u64>,
    ) -> Result<SentPart> {
        let (from, to) = (self.keys.key(source), self.keys.key(path));
        let copied = self.copy_range(&from, &to, upload, number, range).await;
        let copied = copied.map_err(self.failed("UploadPartCopy", from));
        copied.map(SentPart::marked).map_err(at(source))
    }

    fn derived_mark(&self, _upload: &str, _number: u32, _nonce: u64) -> Option<String> {
        None
    }

    async fn complete_upload(
        &self,
        path: &DriverPath,
        upload: &str,
        parts: &[Part],
        size: u64,
    ) -> Result<()> {
        let parts = parts.iter().map(|part| completed_part(part.number, &part.mark));
        let completed = self
            .complete(
                &self.keys.key(path),
                upload,
                parts.collect(),
                size,
                &PutMode::Overwrite,
            )
            .await;
        completed.map_err(at(path))
    }

    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()> {
        self.abort(&self.keys.key(path), upload).await.map_err(at(path))
    }

    async fn find_upload(&self, path: &DriverPath) -> Result<Option<FoundUpload>> {
        self.find_by_key(&self.keys.key(path)).await.map_err(at(path))
    }
}

fn at(path: &DriverPath) -> impl FnOnce(Error) -> Error {
    move |error| error.at(path)
}

/// Some services have no word of their own for an upload that is gone.
fn gone_is_invalid(error: Error) -> Error {
    if error.is_not_found() {
        return Error::new(NAME, "upload", ErrorKind::InvalidToken).because(error);
    }
    error
}
