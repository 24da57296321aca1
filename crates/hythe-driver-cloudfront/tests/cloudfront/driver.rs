//! A driver that is asked for nothing but addresses.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use hythe_driver::{
    Capabilities, DriverPath, FileInfo, FileWriter, ListOptions, PutOptions, Read, ReadRange,
    RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
};
use hythe_driver_inmemory::InMemoryDriver;

/// Keeps nothing and has an address for everything.
#[derive(Debug)]
pub(crate) struct Bucket {
    inner: InMemoryDriver,
    key_prefix: Option<Arc<str>>,
}

impl Bucket {
    /// Its objects lie under this prefix.
    pub(crate) fn at(prefix: &str) -> Self {
        Self {
            inner: InMemoryDriver::new(),
            key_prefix: Some(prefix.into()),
        }
    }

    pub(crate) fn without_keys() -> Self {
        Self {
            inner: InMemoryDriver::new(),
            key_prefix: None,
        }
    }
}

#[async_trait]
impl StorageDriver for Bucket {
    fn name(&self) -> &'static str {
        "bucket"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.redirect = true;
        capabilities.key_prefix.clone_from(&self.key_prefix);
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        self.inner.get_content(path, limit).await
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        self.inner.put_content(path, content, options).await
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        self.inner.read(path, range).await
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        self.inner.writer(path, mode).await
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        self.inner.stat(path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        self.inner.list(path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        self.inner.walk(root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        self.inner.rename(from, to).await
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        self.inner.delete(path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        self.inner.delete_files(paths).await
    }

    async fn redirect_url(&self, path: &DriverPath, _request: &RedirectRequest) -> Result<Option<Uri>> {
        Ok(Some(format!("https://bucket.test{path}").parse().unwrap()))
    }
}
