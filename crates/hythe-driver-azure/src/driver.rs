use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::Url;
use azure_core::time::OffsetDateTime;
use bytes::Bytes;
use http::Uri;
use hythe_driver::multipart::{MultipartFileWriter, PartBudget};
use hythe_driver::objects::{self, KeyRoot};
use hythe_driver::{
    Capabilities, Content, DriverPath, ErrorKind, FileInfo, FileWriter, ListOptions, PutMode, PutOptions,
    Read, ReadRange, RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
};

use crate::client::Client;
use crate::credentials::Authority;
use crate::error::{Failure, NAME, SetupError};
use crate::multipart::{Backend, limits};
use crate::parameters::AzureParameters;
use crate::read::Opened;
use crate::redirect;
use crate::store::Store;

/// Keeps files in a container of Azure Blob Storage. Its methods must be called within a tokio runtime. Clones share
/// connections and limits.
#[derive(Debug, Clone)]
pub struct AzureDriver {
    store: Store,
    backend: Arc<Backend>,
    /// Where clients are sent.
    redirect_base: Url,
}

impl AzureDriver {
    /// Reads the credentials; no request is made.
    pub fn new(parameters: &AzureParameters) -> std::result::Result<Self, SetupError> {
        let client = Client::new(parameters)?;
        let keys = KeyRoot::new(&parameters.root_directory);
        let redirect_base = parameters.redirect_endpoint.as_ref();
        Ok(Self {
            redirect_base: redirect_base.unwrap_or(&parameters.service_url).clone(),
            backend: Arc::new(Backend {
                client: client.clone(),
                keys: keys.clone(),
                limits: limits(parameters.chunk_bytes),
                budget: PartBudget::default(),
            }),
            store: Store { client, keys },
        })
    }

    fn client(&self) -> &Client {
        &self.store.client
    }

    fn key(&self, path: &DriverPath) -> String {
        self.store.keys.key(path)
    }

    async fn opened(&self, path: &DriverPath, range: ReadRange) -> std::result::Result<Opened, Failure> {
        if path.is_root() {
            return Err(ErrorKind::NotAFile.into());
        }
        self.client().open(&self.key(path), range).await
    }

    async fn content(&self, path: &DriverPath, limit: u64) -> std::result::Result<Bytes, Failure> {
        let opened = self.opened(path, ReadRange::Full).await?;
        if opened.properties.size > limit {
            return Err(ErrorKind::TooLarge.into());
        }
        let stream = self.client().stream(self.key(path), path.clone(), opened);
        let content = hythe_driver::collect(NAME, stream, limit).await;
        content.map_err(Failure::of_stream)
    }

    async fn moved(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        let failed = |at: &DriverPath, failure: Failure| failure.of("rename", at);
        for path in [from, to] {
            if path.is_root() {
                return Err(failed(path, ErrorKind::InvalidPath.into()));
            }
        }
        let (source, destination) = (self.key(from), self.key(to));
        if from == to {
            let found = self.client().head(&source).await;
            return found.map(|_| ()).map_err(|failure| failed(from, failure));
        }
        let copied = self
            .client()
            .copy(&source, &destination, &PutMode::Overwrite)
            .await;
        copied.map_err(|failure| failed(from, failure))?;
        let deleted = self.client().delete(&source).await;
        deleted.map(|_| ()).map_err(|failure| failed(from, failure))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StorageDriver for AzureDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::object_store(1);
        // A block may have any size.
        capabilities.minimum_part_bytes = None;
        capabilities.redirect = !matches!(self.client().authority(), Authority::Query(_));
        capabilities.key_prefix = Some(self.store.keys.directory(&DriverPath::root()).into());
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let content = self.content(path, limit).await;
        content.map_err(|failure| failure.of("get_content", path))
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        let failed = |failure: Failure| failure.of("put_content", path);
        if path.is_root() {
            return Err(failed(ErrorKind::InvalidPath.into()));
        }
        let put = self
            .client()
            .put(&self.key(path), vec![content], &options.mode)
            .await;
        put.map_err(failed)
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let opened = self.opened(path, range).await;
        let opened = opened.map_err(|failure| failure.of("read", path))?;
        Ok(Read {
            info: opened.properties.clone().into_info(path.clone()),
            range: opened.range.clone(),
            content: Content::Stream(self.client().stream(self.key(path), path.clone(), opened)),
        })
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let writer = MultipartFileWriter::open(self.backend.clone(), path, mode).await?;
        Ok(Box::new(writer))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        objects::stat(&self.store, path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        objects::list(&self.store, path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        objects::walk(&self.store, root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        self.moved(from, to).await
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        objects::delete(&self.store, path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        objects::delete_files(&self.store, paths).await
    }

    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let now = OffsetDateTime::now_utc();
        let key = self.key(path);
        let address = redirect::address(self.client(), &self.redirect_base, &key, request, now).await;
        address.map_err(|failure| failure.of("redirect_url", path))
    }
}
