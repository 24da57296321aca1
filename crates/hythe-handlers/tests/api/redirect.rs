//! Over a storage that can serve blobs itself.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use hythe_driver::{
    Capabilities, DriverPath, FileInfo, FileWriter, ListOptions, PutOptions, Read, ReadRange,
    RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
};
use hythe_driver_inmemory::InMemoryDriver;
use hythe_testutil::Content;

use crate::server::{Server, storage_over};

/// A driver that has an address for everything.
#[derive(Debug)]
struct Redirecting(InMemoryDriver);

#[async_trait]
impl StorageDriver for Redirecting {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.redirect = true;
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        self.0.get_content(path, limit).await
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        self.0.put_content(path, content, options).await
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        self.0.read(path, range).await
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        self.0.writer(path, mode).await
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        self.0.stat(path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        self.0.list(path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        self.0.walk(root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        self.0.rename(from, to).await
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        self.0.delete(path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        self.0.delete_files(paths).await
    }

    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let address = format!("https://storage.test{path}?method={}", request.method);
        Ok(Some(address.parse().unwrap()))
    }
}

fn redirecting(redirect: bool) -> Server {
    let registry = storage_over(Arc::new(Redirecting(InMemoryDriver::new())), true);
    Server::over(&registry, |options| options.redirect = redirect)
}

#[tokio::test]
async fn who_gets_a_blob_is_sent_to_the_storage_and_told_what_it_is() {
    let server = redirecting(true);
    let blob = Content::blob("blob");
    let target = server.push_blob("a", &blob).await;
    for headers in [&[][..], &[("range", "bytes=0-1")], &[("if-none-match", "*")]] {
        let answer = server
            .send("GET", &target, headers, "")
            .await
            .expect(307)
            .expect_body(b"");
        let location = answer.location();
        assert!(
            location.starts_with("https://storage.test/docker/registry/v2/blobs/sha256/"),
            "{location}"
        );
        assert!(location.ends_with("?method=GET"), "{location}");
        answer
            .expect_header("docker-content-digest", &blob.digest)
            .expect_header("content-type", "application/octet-stream")
            .expect_header("content-length", "0");
    }
}

#[tokio::test]
async fn a_head_is_answered_here() {
    let server = redirecting(true);
    let blob = Content::blob("blob");
    let target = server.push_blob("a", &blob).await;
    let answer = server.head(&target).await.expect(200);
    answer
        .expect_header("content-length", "4")
        .expect_header("docker-content-digest", &blob.digest);
}

#[tokio::test]
async fn nobody_is_sent_where_nothing_is() {
    let server = redirecting(true);
    let target = format!("/v2/a/blobs/{}", Content::blob("unknown").digest);
    server.get(&target).await.expect_error(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn nobody_is_redirected_where_the_operator_does_not_want_it() {
    let server = redirecting(false);
    let target = server.push_blob("a", &Content::blob("blob")).await;
    server.get(&target).await.expect(200).expect_body(b"blob");
}
