use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::SharedHttpClient;
use bytes::Bytes;
use http::Uri;
use hythe_driver::multipart::MultipartFileWriter;
use hythe_driver::objects::KeyRoot;
use hythe_driver::objects::{self, Object, ObjectStore, Page, PageRequest};
use hythe_driver::{
    Capabilities, DriverPath, Error, ErrorKind, FileInfo, FileWriter, ListOptions, PutMode, PutOptions, Read,
    ReadRange, RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
};

use crate::client::Client;
use crate::connector::Connector;
use crate::error::{NAME, SetupError};
use crate::parameters::S3Parameters;

/// A start does not wait longer for the service than this; it is asked again when it is needed.
const PROBE_PATIENCE: Duration = Duration::from_secs(10);

/// Keeps files as the objects of a bucket. Its methods must be called within a tokio runtime. Clones share
/// connections, credentials and the limit of requests at once.
#[derive(Debug, Clone)]
pub struct S3Driver {
    client: Client,
}

impl S3Driver {
    /// Makes a driver, and finds out whether the service puts conditionally where that is not known. A service that
    /// cannot be reached now is not an error: it may be there when it is needed.
    pub async fn new(parameters: S3Parameters) -> std::result::Result<Self, SetupError> {
        let connector = {
            let parameters = parameters.clone();
            tokio::task::spawn_blocking(move || Connector::new(&parameters)).await
        };
        let connector = connector.map_err(SetupError::Interrupted)??;
        let driver = Box::pin(Self::over(parameters, connector.into_http_client())).await?;
        driver.find_out().await;
        Ok(driver)
    }

    /// A driver that sends its requests by other means.
    pub(crate) async fn over(
        parameters: S3Parameters,
        http: SharedHttpClient,
    ) -> std::result::Result<Self, SetupError> {
        let client = Client::new(parameters, http).await?;
        Ok(Self { client })
    }

    async fn find_out(&self) {
        let probed = tokio::time::timeout(PROBE_PATIENCE, Box::pin(self.client.support())).await;
        let problem = match probed {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => match std::error::Error::source(&error) {
                Some(cause) => cause.to_string(),
                None => error.to_string(),
            },
            Err(_) => "no answer yet".to_owned(),
        };
        tracing::warn!(
            problem,
            "cannot use the storage service now; it is tried again when it is needed"
        );
    }
}

fn failed(operation: &'static str, kind: ErrorKind, path: &DriverPath) -> Error {
    Error::new(NAME, operation, kind).at(path)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StorageDriver for S3Driver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::object_store(crate::backend::MINIMUM_PART_BYTES);
        capabilities.conditional_update = self.client.conditions.assumed().update;
        capabilities.redirect = true;
        capabilities.redirect_suffix_ranges = true;
        capabilities.key_prefix = Some(self.client.keys.directory(&DriverPath::root()).into());
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let content = self.client.get_content(path, limit).await;
        content.map_err(|error| error.during("get_content").at(path))
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        if path.is_root() {
            return Err(failed("put_content", ErrorKind::InvalidPath, path));
        }
        let key = self.client.keys.key(path);
        let put = self.client.put(&key, &[content], &options.mode).await;
        put.map_err(|error| error.during("put_content").at(path))
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let read = self.client.read(path, range).await;
        read.map_err(|error| error.during("read").at(path))
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let writer = MultipartFileWriter::open(Arc::new(self.client.clone()), path, mode).await?;
        Ok(Box::new(writer))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        objects::stat(&self.client, path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        objects::list(&self.client, path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        objects::walk(&self.client, root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        if to.is_root() || from.is_root() {
            let root = if to.is_root() { to } else { from };
            return Err(failed("rename", ErrorKind::InvalidPath, root));
        }
        let (source, target) = (self.client.keys.key(from), self.client.keys.key(to));
        let object = self.client.head(&source).await;
        let object = object.map_err(|error| error.during("rename").at(from))?;
        if from == to {
            return Ok(());
        }
        let copied = self
            .client
            .copy(&source, &target, object.size, &PutMode::Overwrite)
            .await;
        copied.map_err(|error| {
            let path = if error.is_not_found() { from } else { to };
            error.during("rename").at(path)
        })?;
        let deleted = self.client.delete_objects(&[source]).await;
        deleted.map_err(|error| error.during("rename").at(from))
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        objects::delete(&self.client, path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        objects::delete_files(&self.client, paths).await
    }

    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let redirect = self.client.redirect(path, request).await;
        redirect.map_err(|error| error.during("redirect_url").at(path))
    }
}

#[async_trait]
impl ObjectStore for Client {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keys(&self) -> &KeyRoot {
        &self.keys
    }

    fn seeks(&self) -> bool {
        true
    }

    async fn list_page(&self, request: PageRequest<'_>) -> Result<Page> {
        self.page(request).await
    }

    async fn head_object(&self, key: &str) -> Result<Object> {
        self.head(key).await
    }

    async fn delete_keys(&self, keys: &[String]) -> Result<()> {
        self.delete_objects(keys).await
    }

    async fn abort_uploads(&self, key: &str) -> Result<bool> {
        self.abort_uploads_below(key).await
    }
}

#[cfg(test)]
mod tests;
