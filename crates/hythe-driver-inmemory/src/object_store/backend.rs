use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_driver::multipart::{
    FoundUpload, MultipartBackend, NewPart, Part, PartBudget, PartLimits, SentPart,
};
use hythe_driver::objects::{KeyRoot, Object, ObjectStore, Page, PageRequest};
use hythe_driver::{DriverPath, Error, ErrorKind, PutMode, Result, Version};

use super::bucket::{Bucket, gather};
use super::options::ObjectStoreOptions;
use crate::driver::NAME;

/// The requests of a driver.
#[derive(Debug, Clone)]
pub(super) struct Backend {
    bucket: Arc<Mutex<Bucket>>,
    options: Arc<ObjectStoreOptions>,
    keys: KeyRoot,
    budget: PartBudget,
}

impl Backend {
    pub(super) fn new(options: ObjectStoreOptions) -> Self {
        Self {
            bucket: Arc::new(Mutex::new(Bucket::new(
                options.minimum_part_bytes,
                options.page_keys,
            ))),
            keys: KeyRoot::new(&options.root_directory),
            budget: PartBudget::new(options.budget_bytes),
            options: Arc::new(options),
        }
    }

    /// The bucket is whole between its requests, so a panic elsewhere while it was locked has not damaged it.
    pub(super) fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of a request.
    pub(super) async fn turn(&self) {
        let mut left = self.options.yields;
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    pub(super) fn key(&self, path: &DriverPath) -> String {
        self.keys.key(path)
    }
}

/// A part on its way, until dropped.
struct Running<'a>(&'a Backend);

impl<'a> Running<'a> {
    fn begin(backend: &'a Backend) -> Self {
        backend.bucket().begin_part();
        Self(backend)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.bucket().end_part();
    }
}

pub(super) fn failed(operation: &'static str, path: &DriverPath) -> impl Fn(ErrorKind) -> Error {
    move |kind| Error::new(NAME, operation, kind).at(path)
}

/// What the driver of a whole service would get for one request about a key.
fn refused(kind: ErrorKind) -> Error {
    Error::new(NAME, "request", kind)
}

#[async_trait]
impl ObjectStore for Backend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &KeyRoot {
        &self.keys
    }

    fn seeks(&self) -> bool {
        self.options.seeks
    }

    async fn list_page(&self, request: PageRequest<'_>) -> Result<Page> {
        self.turn().await;
        self.bucket().list(request).map_err(refused)
    }

    async fn head_object(&self, key: &str) -> Result<Object> {
        self.turn().await;
        let stored = self.bucket().head(key).map_err(refused)?;
        Ok(stored.told(key))
    }

    async fn delete_keys(&self, keys: &[String]) -> Result<()> {
        self.turn().await;
        self.bucket().delete(keys).map_err(refused)
    }

    async fn abort_uploads(&self, key: &str) -> Result<bool> {
        self.turn().await;
        let mut bucket = self.bucket();
        let by_prefix = self.options.lists_uploads_by_prefix;
        let is_below = |found: &str| {
            let rest = found.strip_prefix(key).filter(|_| by_prefix);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let mut has_any = false;
        for (found, id) in bucket.list_uploads(key).map_err(refused)? {
            if found == key || is_below(&found) {
                bucket.abort_upload(&found, &id).map_err(refused)?;
                has_any = true;
            }
        }
        Ok(has_any)
    }
}

#[async_trait]
impl MultipartBackend for Backend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn part_limits(&self) -> PartLimits {
        self.options.part_limits()
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
        self.turn().await;
        let put = self.bucket().put(&self.key(path), gather(&content), mode);
        put.map(Some).map_err(failed("put_object", path))
    }

    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)> {
        self.turn().await;
        let stored = self.bucket().get(&self.key(path));
        let stored = stored.map_err(failed("get_object", path))?;
        if stored.content.size() > limit {
            return Err(failed("get_object", path)(ErrorKind::TooLarge));
        }
        Ok((stored.content.to_bytes(), Some(stored.version)))
    }

    async fn object_size(&self, path: &DriverPath) -> Result<u64> {
        self.turn().await;
        let stored = self.bucket().head(&self.key(path));
        Ok(stored.map_err(failed("object_size", path))?.content.size())
    }

    async fn copy_object(
        &self,
        from: &DriverPath,
        to: &DriverPath,
        _size: u64,
        mode: &PutMode,
    ) -> Result<()> {
        self.turn().await;
        let copied = self.bucket().copy(&self.key(from), &self.key(to), mode);
        copied.map(|_| ()).map_err(|kind| match kind {
            ErrorKind::NotFound => failed("copy_object", from)(kind),
            _ => failed("copy_object", to)(kind),
        })
    }

    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()> {
        self.turn().await;
        let keys: Vec<String> = paths.iter().map(|path| self.key(path)).collect();
        let deleted = self.bucket().delete(&keys);
        deleted.map_err(|kind| Error::new(NAME, "delete_objects", kind))
    }

    async fn create_upload(&self, path: &DriverPath) -> Result<String> {
        self.turn().await;
        let created = self.bucket().create_upload(&self.key(path));
        created.map_err(failed("create_upload", path))
    }

    async fn put_part(&self, path: &DriverPath, upload: &str, part: NewPart) -> Result<SentPart> {
        let _running = Running::begin(self);
        self.turn().await;
        let mark = self.derived_mark(upload, part.number, part.nonce);
        let content = gather(&part.content);
        let put = self
            .bucket()
            .put_part(&self.key(path), upload, part.number, content, mark);
        put.map(SentPart::marked).map_err(failed("put_part", path))
    }

    async fn copy_part(
        &self,
        path: &DriverPath,
        upload: &str,
        number: u32,
        source: &DriverPath,
        range: Range<u64>,
    ) -> Result<SentPart> {
        self.turn().await;
        let (key, source) = (self.key(path), self.key(source));
        let copied = self.bucket().copy_part(&key, upload, number, &source, range);
        copied.map(SentPart::marked).map_err(failed("copy_part", path))
    }

    fn derived_mark(&self, _upload: &str, number: u32, nonce: u64) -> Option<String> {
        self.options
            .derives_marks
            .then(|| format!("{nonce:016x}-{number:05}"))
    }

    async fn complete_upload(
        &self,
        path: &DriverPath,
        upload: &str,
        parts: &[Part],
        _size: u64,
    ) -> Result<()> {
        self.turn().await;
        let completed = self.bucket().complete_upload(&self.key(path), upload, parts);
        completed.map_err(failed("complete_upload", path))
    }

    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()> {
        self.turn().await;
        let aborted = self.bucket().abort_upload(&self.key(path), upload);
        aborted.map_err(failed("abort_upload", path))
    }

    async fn find_upload(&self, path: &DriverPath) -> Result<Option<FoundUpload>> {
        self.turn().await;
        let (key, mut bucket) = (self.key(path), self.bucket());
        let uploads = bucket.list_uploads(&key).map_err(failed("find_upload", path))?;
        let Some((_, upload)) = uploads.into_iter().find(|(found, _)| *found == key) else {
            return Ok(None);
        };
        let parts = bucket
            .list_parts(&key, &upload)
            .map_err(failed("find_upload", path))?;
        Ok(Some(FoundUpload {
            upload: Some(upload),
            size: parts.iter().map(|(_, size)| size).sum(),
            last_part_size: parts.last().map_or(0, |(_, size)| *size),
            parts: parts.into_iter().map(|(part, _)| part).collect(),
            ..FoundUpload::default()
        }))
    }
}
