//! Over a storage that can serve blobs itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hythe_driver::{
    Capabilities, DriverPath, FileInfo, FileWriter, ListOptions, PutOptions, Read, ReadRange,
    RedirectRequest, Result, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
};
use hythe_driver_inmemory::InMemoryDriver;
use hythe_handlers::{RedirectPolicy, RequestContext};
use hythe_testutil::Content;

use crate::server::{Server, storage_over};

/// A driver that has an address for everything.
#[derive(Debug)]
struct Redirecting {
    files: InMemoryDriver,
    suffix_ranges: bool,
}

#[async_trait]
impl StorageDriver for Redirecting {
    fn name(&self) -> &'static str {
        self.files.name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.files.capabilities();
        capabilities.redirect = true;
        capabilities.redirect_suffix_ranges = self.suffix_ranges;
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        self.files.get_content(path, limit).await
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        self.files.put_content(path, content, options).await
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        self.files.read(path, range).await
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        self.files.writer(path, mode).await
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        self.files.stat(path).await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        self.files.list(path, options).await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        self.files.walk(root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        self.files.rename(from, to).await
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        self.files.delete(path).await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        self.files.delete_files(paths).await
    }

    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let seconds = request.valid_for.as_secs();
        let media_type = request.content_type.as_deref().unwrap_or_default();
        let method = &request.method;
        let address =
            format!("https://storage.test{path}?type={media_type}&seconds={seconds}&method={method}");
        Ok(Some(address.parse().unwrap()))
    }
}

fn redirecting(policy: RedirectPolicy) -> Server {
    redirecting_to(true, policy)
}

fn redirecting_to(suffix_ranges: bool, policy: RedirectPolicy) -> Server {
    let files = InMemoryDriver::new();
    let driver = Redirecting { files, suffix_ranges };
    let registry = storage_over(Arc::new(driver), true);
    Server::over(&registry, |options| {
        options.redirect = policy;
        options.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
}

#[tokio::test]
async fn who_gets_a_blob_is_sent_to_the_storage_and_told_what_it_is() {
    let server = redirecting(RedirectPolicy::default());
    let blob = Content::blob("blob");
    let target = server.push_blob("a", &blob).await;
    for headers in [&[][..], &[("range", "bytes=0-1")], &[("if-match", "*")]] {
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
        assert!(
            location.ends_with("?type=application/octet-stream&seconds=1200&method=GET"),
            "{location}"
        );
        answer
            .expect_header("docker-content-digest", &blob.digest)
            .expect_header("content-type", "application/octet-stream")
            .expect_header("content-length", "0");
    }
}

#[tokio::test]
async fn what_the_storage_would_answer_otherwise_is_answered_here() {
    for suffix_ranges in [false, true] {
        let server = redirecting_to(suffix_ranges, RedirectPolicy::default());
        let blob = Content::blob("blob");
        let target = server.push_blob("a", &blob).await;
        let tag = format!("\"{}\"", blob.digest);
        let check = async |headers: &[(&str, &str)], expected: u16| {
            let answer = server.send("GET", &target, headers, "").await;
            assert_eq!(answer.status, expected, "{headers:?}, {suffix_ranges}");
        };
        let suffix = if suffix_ranges { 307 } else { 206 };
        check(&[("range", "bytes=-2")], suffix).await;
        check(&[("range", "bytes=-200")], suffix).await;
        check(&[("range", "bytes=1-")], 307).await;
        check(&[("range", "bytes=1-2")], 307).await;
        check(&[("range", "bytes=1-200")], 307).await;
        check(&[("range", "bytes=2-1")], 416).await;
        check(&[("range", "bytes=4-")], 416).await;
        check(&[("range", "bytes=0-0,2-2")], 206).await;
        check(&[("range", "lines=1-2")], 416).await;
        check(&[("range", "bytes=,1-2")], 206).await;
        // The entity tag that a HEAD told, and one of the storage's.
        check(&[("if-none-match", &tag)], 304).await;
        check(&[("if-none-match", "*")], 304).await;
        check(&[("if-match", &tag)], 200).await;
        check(&[("if-range", &tag), ("range", "bytes=1-")], 206).await;
        check(&[("if-none-match", "\"another\"")], 307).await;
        check(&[("if-match", "\"another\"")], 307).await;
        // Not all services know it.
        check(&[("if-range", "\"another\""), ("range", "bytes=1-")], 200).await;
    }
}

#[tokio::test]
async fn a_range_of_an_empty_blob_is_answered_here() {
    let server = redirecting(RedirectPolicy::default());
    let target = server.push_blob("a", &Content::blob("")).await;
    server
        .send("GET", &target, &[("range", "bytes=0-")], "")
        .await
        .expect(200);
    server.get(&target).await.expect(307);
}

#[tokio::test]
async fn a_head_is_answered_here() {
    let server = redirecting(RedirectPolicy::default());
    let blob = Content::blob("blob");
    let target = server.push_blob("a", &blob).await;
    let answer = server.head(&target).await.expect(200);
    answer
        .expect_header("content-length", "4")
        .expect_header("docker-content-digest", &blob.digest);
}

#[tokio::test]
async fn nobody_is_sent_where_nothing_is() {
    let server = redirecting(RedirectPolicy::default());
    let target = format!("/v2/a/blobs/{}", Content::blob("unknown").digest);
    server.get(&target).await.expect_error(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn nobody_is_redirected_where_the_operator_does_not_want_it() {
    let policy = RedirectPolicy {
        enabled: false,
        ..RedirectPolicy::default()
    };
    let server = redirecting(policy);
    let target = server.push_blob("a", &Content::blob("blob")).await;
    server.get(&target).await.expect(200).expect_body(b"blob");
}

#[tokio::test]
async fn a_blob_below_the_minimum_is_served_here() {
    let policy = RedirectPolicy {
        minimum_bytes: 4,
        valid_for: Duration::from_secs(90),
        ..RedirectPolicy::default()
    };
    let server = redirecting(policy);
    let target = server.push_blob("a", &Content::blob("abc")).await;
    server.get(&target).await.expect(200).expect_body(b"abc");
    let target = server.push_blob("a", &Content::blob("abcd")).await;
    let location = server.get(&target).await.expect(307).location();
    assert!(location.contains("&seconds=90&"), "{location}");
    let unknown = format!("/v2/a/blobs/{}", Content::blob("x").digest);
    server.get(&unknown).await.expect_error(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn the_network_of_the_client_decides() {
    let policy = RedirectPolicy {
        except_networks: vec!["192.0.2.0/24".parse().unwrap()],
        ..RedirectPolicy::default()
    };
    let server = redirecting(policy);
    let target = server.push_blob("a", &Content::blob("blob")).await;
    let check = async |peer: &str, forwarded_for: Option<&str>, expected: u16| {
        let mut request = Request::get(&target);
        if let Some(client) = forwarded_for {
            request = request.header("x-forwarded-for", client);
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let context = RequestContext::new(Some(peer), false);
        let answer = server.handlers().handle(request, context).await;
        assert_eq!(answer.status(), expected, "{peer} {forwarded_for:?}");
    };
    check("192.0.2.1", None, 200).await;
    check("203.0.113.5", None, 307).await;
    // Who is no trusted proxy speaks for himself.
    check("203.0.113.5", Some("192.0.2.1"), 307).await;
    check("10.0.0.1", Some("192.0.2.1"), 200).await;
    check("10.0.0.1", Some("192.0.2.1, 203.0.113.5"), 307).await;
}
