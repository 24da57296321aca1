use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use hythe_driver::multipart::{MultipartBackend, Part, PartLimits};
use hythe_driver::{DriverPath, Error, ErrorKind, PutMode, Result, Version};

use super::bucket::{Bucket, gather};
use crate::driver::NAME;

/// The requests of an upload.
#[derive(Debug, Clone)]
pub(super) struct Backend {
    bucket: Arc<Mutex<Bucket>>,
    limits: PartLimits,
}

impl Backend {
    pub(super) fn new(bucket: Arc<Mutex<Bucket>>, limits: PartLimits) -> Self {
        Self { bucket, limits }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        lock(&self.bucket)
    }
}

/// The bucket is whole between its requests, so a panic elsewhere while it was locked has not damaged it.
pub(super) fn lock(bucket: &Mutex<Bucket>) -> MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key of a path: S3 keys do not begin with a slash.
pub(super) fn key(path: &DriverPath) -> &str {
    &path.as_str()[1..]
}

fn failed(operation: &'static str, path: &DriverPath) -> impl Fn(ErrorKind) -> Error {
    move |kind| Error::new(NAME, operation, kind).at(path)
}

#[async_trait]
impl MultipartBackend for Backend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn part_limits(&self) -> PartLimits {
        self.limits
    }

    async fn put_object(
        &self,
        path: &DriverPath,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>> {
        let put = self.bucket().put(key(path), gather(&content), mode);
        put.map(Some).map_err(failed("put_object", path))
    }

    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)> {
        let object = self.bucket().get(key(path)).map_err(failed("get_object", path))?;
        if object.content.size() > limit {
            return Err(failed("get_object", path)(ErrorKind::TooLarge));
        }
        Ok((object.content.to_bytes(), Some(object.version)))
    }

    async fn object_size(&self, path: &DriverPath) -> Result<u64> {
        let object = self
            .bucket()
            .head(key(path))
            .map_err(failed("object_size", path))?;
        Ok(object.content.size())
    }

    async fn copy_object(
        &self,
        from: &DriverPath,
        to: &DriverPath,
        _size: u64,
        mode: &PutMode,
    ) -> Result<()> {
        let copied = self.bucket().copy(key(from), key(to), mode);
        copied.map(|_| ()).map_err(|kind| match kind {
            ErrorKind::NotFound => failed("copy_object", from)(kind),
            _ => failed("copy_object", to)(kind),
        })
    }

    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()> {
        let keys: Vec<String> = paths.iter().map(|path| key(path).to_owned()).collect();
        let deleted = self.bucket().delete(&keys);
        deleted.map_err(|kind| Error::new(NAME, "delete_objects", kind))
    }

    async fn create_upload(&self, path: &DriverPath) -> Result<String> {
        let created = self.bucket().create_upload(key(path));
        created.map_err(failed("create_upload", path))
    }

    async fn put_part(
        &self,
        path: &DriverPath,
        upload: &str,
        number: u32,
        content: Vec<Bytes>,
    ) -> Result<String> {
        let put = self
            .bucket()
            .put_part(key(path), upload, number, gather(&content));
        put.map_err(failed("put_part", path))
    }

    async fn complete_upload(&self, path: &DriverPath, upload: &str, parts: &[Part]) -> Result<()> {
        let completed = self.bucket().complete_upload(key(path), upload, parts);
        completed.map_err(failed("complete_upload", path))
    }

    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()> {
        let aborted = self.bucket().abort_upload(key(path), upload);
        aborted.map_err(failed("abort_upload", path))
    }
}
