use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::Uri;
use hythe_driver::{
    Capabilities, Content as ReadContent, DriverPath, Error, ErrorKind, FileInfo, FileWriter, ListOptions,
    PutMode, PutOptions, Read, ReadRange, RedirectRequest, Result, StorageDriver, Version, WalkOptions,
    WalkVisitor, WriterMode, walk_by_listing,
};

use crate::content::Content;
use crate::object_store::{ObjectStoreDriver, ObjectStoreOptions};
use crate::tree::Tree;
use crate::writer::Writer;

pub(crate) const NAME: &str = "inmemory";

/// Keeps everything in memory and behaves as a file system does. Clones share their content.
#[derive(Debug, Clone, Default)]
pub struct InMemoryDriver {
    tree: Arc<Mutex<Tree>>,
}

impl InMemoryDriver {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty bucket instead: a driver over an imitated object store.
    pub fn object_store(options: ObjectStoreOptions) -> ObjectStoreDriver {
        ObjectStoreDriver::new(options)
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        lock(&self.tree)
    }
}

/// The tree is whole between its methods, so a panic elsewhere while it was locked has not damaged it.
pub(crate) fn lock(tree: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl StorageDriver for InMemoryDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::filesystem()
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let failed = |kind| Error::new(NAME, "get_content", kind).at(path);
        let (info, content) = self.tree().content(path).map_err(failed)?;
        if info.size() > limit {
            return Err(failed(ErrorKind::TooLarge));
        }
        Ok(content.to_bytes())
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        let failed = |kind| Error::new(NAME, "put_content", kind).at(path);
        let replace = match options.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => return Err(failed(ErrorKind::Unsupported)),
        };
        let content = Content::new(&content);
        self.tree().put(path, content, replace).map_err(failed)?;
        Ok(None)
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let opened = self.tree().content(path);
        let (info, content) = opened.map_err(|kind| Error::new(NAME, "read", kind).at(path))?;
        let range = range.resolve(info.size());
        let pieces = content.slices(range.clone());
        Ok(Read {
            info,
            range,
            content: ReadContent::Stream(Box::pin(stream::iter(pieces.into_iter().map(Ok)))),
        })
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let opened = Writer::open(Arc::clone(&self.tree), path, &mode);
        let writer = opened.map_err(|kind| Error::new(NAME, "writer", kind).at(path))?;
        Ok(Box::new(writer))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        let found = self.tree().stat(path);
        found.map_err(|kind| Error::new(NAME, "stat", kind).at(path))
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        let listed = self.tree().list(path, &options);
        listed.map_err(|kind| Error::new(NAME, "list", kind).at(path))
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        walk_by_listing(self, root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        let mut tree = self.tree();
        tree.content(from)
            .map_err(|kind| Error::new(NAME, "rename", kind).at(from))?;
        tree.rename(from, to, true)
            .map_err(|kind| Error::new(NAME, "rename", kind).at(to))
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        let deleted = self.tree().delete(path);
        deleted.map_err(|kind| Error::new(NAME, "delete", kind).at(path))
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        let mut tree = self.tree();
        for path in paths {
            match tree.remove_file(path) {
                Ok(()) | Err(ErrorKind::NotFound | ErrorKind::InvalidPath) => {}
                Err(kind) => return Err(Error::new(NAME, "delete_files", kind).at(path)),
            }
        }
        Ok(())
    }

    async fn redirect_url(&self, _path: &DriverPath, _request: &RedirectRequest) -> Result<Option<Uri>> {
        Ok(None)
    }
}
