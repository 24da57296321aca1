use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use hythe_driver::multipart::MultipartFileWriter;
use hythe_driver::objects::{self, KeyRoot};
use hythe_driver::{
    Capabilities, DriverPath, Error, ErrorKind, FileInfo, FileWriter, ListOptions, PutMode, PutOptions, Read,
    ReadRange, RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
};

use crate::client::Client;
use crate::error::NAME;
use crate::list::Store;
use crate::multipart::Backend;
use crate::parameters::CHUNK_ALIGNMENT;
use crate::redirect::Redirector;
use crate::{GcsParameters, RetryPolicy, SetupError, copy, credentials, delete, put, read};

/// Keeps files as the objects of a bucket of Google Cloud Storage.
#[derive(Debug)]
pub struct GcsDriver {
    client: Arc<Client>,
    keys: KeyRoot,
    redirector: Redirector,
    uploads: Arc<Backend>,
}

impl GcsDriver {
    /// A driver, without a word to the service as yet. Must be called on a runtime: access tokens are renewed in the
    /// background. Blocks while a key file is read.
    pub fn new(parameters: &GcsParameters) -> std::result::Result<Self, SetupError> {
        Self::with_retries(parameters, RetryPolicy::default())
    }

    /// As [`Self::new`], with another opinion on how often a request is made.
    pub fn with_retries(
        parameters: &GcsParameters,
        retry: RetryPolicy,
    ) -> std::result::Result<Self, SetupError> {
        // The one provider of this program. Somebody else's, if there is one already, does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (access, signing) = credentials::load(parameters)?;
        let client = Arc::new(Client::new(parameters, access, retry)?);
        let keys = KeyRoot::new(&parameters.root_directory);
        Ok(Self {
            uploads: Arc::new(Backend::new(&client, &keys, parameters.chunk_bytes)),
            client,
            keys,
            redirector: Redirector::new(parameters, signing),
        })
    }

    fn store(&self) -> Store {
        Store::new(&self.client, &self.keys)
    }

    /// The key of something that can be a file.
    fn key(&self, operation: &'static str, path: &DriverPath) -> Result<String> {
        if path.is_root() {
            return Err(Error::new(NAME, operation, ErrorKind::InvalidPath).at(path));
        }
        Ok(self.keys.key(path))
    }

    /// As [`Self::key`], for something that is looked for: the root is a directory.
    fn key_to_read(&self, operation: &'static str, path: &DriverPath) -> Result<String> {
        if path.is_root() {
            return Err(Error::new(NAME, operation, ErrorKind::NotAFile).at(path));
        }
        Ok(self.keys.key(path))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StorageDriver for GcsDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::object_store(CHUNK_ALIGNMENT);
        capabilities.redirect = self.redirector.is_able();
        capabilities.redirect_suffix_ranges = true;
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let key = self.key_to_read("get_content", path)?;
        let found = read::whole(&self.client, &key, limit).await;
        found
            .map(|(content, _)| content)
            .map_err(|failure| failure.of("get_content", path))
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        let key = self.key("put_content", path)?;
        let put = put::object(&self.client, &key, [content], &options.mode).await;
        put.map_err(|failure| failure.missing_bucket().of("put_content", path))
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let key = self.key_to_read("read", path)?;
        let opened = read::open(&self.client, &key, path, range).await;
        opened.map_err(|failure| failure.of("read", path))
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let uploads: Arc<Backend> = Arc::clone(&self.uploads);
        Ok(Box::new(MultipartFileWriter::open(uploads, path, mode).await?))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        objects::stat(&self.store(), path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        objects::list(&self.store(), path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        objects::walk(&self.store(), root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        let (source, destination) = (self.key("rename", from)?, self.key("rename", to)?);
        let failed = |failure: crate::error::Failure| failure.of("rename", from);
        if source == destination {
            return read::look(&self.client, &source)
                .await
                .map(|_| ())
                .map_err(failed);
        }
        let copied = copy::object(&self.client, &source, &destination, &PutMode::Overwrite).await;
        copied.map_err(failed)?;
        delete::object(&self.client, &source).await.map_err(failed)
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        objects::delete(&Store::to_delete(&self.client, &self.keys), path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        objects::delete_files(&self.store(), paths).await
    }

    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let key = self.key("redirect_url", path)?;
        let address = self.redirector.address(&key, request, SystemTime::now()).await;
        address.map_err(|failure| failure.of("redirect_url", path))
    }
}
