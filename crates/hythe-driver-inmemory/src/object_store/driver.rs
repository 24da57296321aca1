use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::Uri;
use hythe_driver::multipart::MultipartFileWriter;
use hythe_driver::{
    Capabilities, Content as ReadContent, DriverPath, ErrorKind, FileInfo, FileWriter, ListOptions, PutMode,
    PutOptions, Read, ReadRange, RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor,
    WriterMode, objects,
};

use super::OperationCounts;
use super::backend::{Backend, failed};
use super::bucket::gather;
use super::options::ObjectStoreOptions;
use crate::driver::NAME;

/// A driver on an imitated object store in memory. Clones are further clients of the same bucket.
#[derive(Debug, Clone)]
pub struct ObjectStoreDriver {
    backend: Backend,
    minimum_part_bytes: u64,
}

impl ObjectStoreDriver {
    pub(crate) fn new(options: ObjectStoreOptions) -> Self {
        Self {
            minimum_part_bytes: options.minimum_part_bytes,
            backend: Backend::new(options),
        }
    }

    /// How many requests the bucket has answered.
    pub fn operations(&self) -> OperationCounts {
        self.backend.bucket().counts
    }

    /// Counts requests from zero again.
    pub fn reset_operations(&self) {
        self.backend.bucket().counts = OperationCounts::default();
    }

    /// How many uploads were begun and neither completed nor aborted. No request.
    pub fn unfinished_uploads(&self) -> usize {
        self.backend.bucket().unfinished_uploads()
    }

    /// How many parts were on their way at one time, at most. With [`ObjectStoreOptions::yields`] parts take time.
    pub fn most_parts_at_once(&self) -> usize {
        self.backend.bucket().most_arriving_parts
    }

    /// Puts an unfinished upload of parts of these sizes at a path, as another registry would have left it.
    ///
    /// # Panics
    /// When the content is shorter than the parts.
    #[cfg(feature = "testing")]
    pub fn begin_foreign_upload(&self, path: &DriverPath, sizes: &[usize], content: &[u8]) {
        self.backend
            .bucket()
            .begin_foreign_upload(&self.backend.key(path), sizes, content);
    }

    /// Lets the request after `successes` further ones fail with an error of this kind, once.
    #[cfg(feature = "testing")]
    pub fn fail_after(&self, successes: u64, kind: ErrorKind) {
        self.backend.bucket().failure = Some(super::bucket::Failure {
            successes,
            kind,
            is_carried_out: false,
        });
    }

    /// Lets the answer to the request after `successes` further ones be lost, once: it is carried out, and fails with
    /// an error of this kind.
    #[cfg(feature = "testing")]
    pub fn lose_answer_after(&self, successes: u64, kind: ErrorKind) {
        self.backend.bucket().failure = Some(super::bucket::Failure {
            successes,
            kind,
            is_carried_out: true,
        });
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StorageDriver for ObjectStoreDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::object_store(self.minimum_part_bytes)
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        self.backend.turn().await;
        let stored = self.backend.bucket().get(&self.backend.key(path));
        let stored = stored.map_err(failed("get_content", path))?;
        if stored.content.size() > limit {
            return Err(failed("get_content", path)(ErrorKind::TooLarge));
        }
        Ok(stored.content.to_bytes())
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        if path.is_root() {
            return Err(failed("put_content", path)(ErrorKind::InvalidPath));
        }
        self.backend.turn().await;
        let key = self.backend.key(path);
        let put = self.backend.bucket().put(&key, gather(&[content]), &options.mode);
        put.map(Some).map_err(failed("put_content", path))
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        self.backend.turn().await;
        let stored = self.backend.bucket().get(&self.backend.key(path));
        let stored = stored.map_err(failed("read", path))?;
        let info = FileInfo {
            version: Some(stored.version.clone()),
            ..FileInfo::file(path.clone(), stored.content.size(), Some(stored.modified))
        };
        let range = range.resolve(info.size());
        let pieces = stored.content.slices(range.clone());
        Ok(Read {
            info,
            range,
            content: ReadContent::Stream(Box::pin(stream::iter(pieces.into_iter().map(Ok)))),
        })
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let backend = Arc::new(self.backend.clone());
        let writer = MultipartFileWriter::open(backend, path, mode).await?;
        Ok(Box::new(writer))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        objects::stat(&self.backend, path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        objects::list(&self.backend, path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        objects::walk(&self.backend, root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        self.backend.turn().await;
        if to.is_root() {
            return Err(failed("rename", to)(ErrorKind::InvalidPath));
        }
        let (source, target) = (self.backend.key(from), self.backend.key(to));
        let mut bucket = self.backend.bucket();
        if from == to {
            return bucket.head(&source).map(|_| ()).map_err(failed("rename", from));
        }
        bucket
            .copy(&source, &target, &PutMode::Overwrite)
            .map_err(failed("rename", from))?;
        bucket.delete(&[source]).map_err(failed("rename", from))
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        objects::delete(&self.backend, path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        objects::delete_files(&self.backend, paths).await
    }

    async fn redirect_url(&self, _path: &DriverPath, _request: &RedirectRequest) -> Result<Option<Uri>> {
        Ok(None)
    }
}
