//! A registry in memory and what it answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use hythe_distribution::BoxError;
use hythe_driver::StorageDriver;
use hythe_driver_inmemory::InMemoryDriver;
use hythe_handlers::{Handlers, HandlersOptions, RequestContext, ResponseBody};
use hythe_storage::{Registry, RegistryOptions};
use hythe_testutil::Content;
use serde_json::Value;

pub(crate) const HOST: &str = "http://registry.test";

#[derive(Clone)]
pub(crate) struct Server {
    handlers: Handlers,
}

/// A response that has been read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    /// With deletion, open to everybody.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut HandlersOptions)) -> Self {
        Self::over(&storage(true), change)
    }

    pub(crate) fn over(registry: &Registry, change: impl FnOnce(&mut HandlersOptions)) -> Self {
        let mut options = HandlersOptions::new(Arc::new(registry.clone()));
        change(&mut options);
        Self {
            handlers: Handlers::new(options),
        }
    }

    pub(crate) fn handlers(&self) -> Handlers {
        self.handlers.clone()
    }

    /// Sends a request with these header fields and this body.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let body = body.into();
        let length = body.len().to_string();
        let mut headers = headers.to_vec();
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            headers.push(("content-length", &length));
        }
        self.send_body(method, target, &headers, Full::new(body)).await
    }

    /// Sends a body of pieces whose length is not announced.
    pub(crate) async fn send_pieces(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        pieces: &[&[u8]],
    ) -> Answer {
        let frames = pieces
            .iter()
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
        let frames: Vec<_> = frames.collect();
        self.send_body(method, target, headers, StreamBody::new(stream::iter(frames)))
            .await
    }

    pub(crate) async fn send_body<B>(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: B,
    ) -> Answer
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "registry.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("the test's request is well-formed");
        let response = self.handlers.handle(request, RequestContext::default()).await;
        let (parts, body) = response.into_parts();
        let announced = body.length();
        let body = read(body).await;
        assert_eq!(
            body.len() as u64,
            announced,
            "{method} {target}: the length is exact"
        );
        if let (Some(length), false) = (parts.headers.get("content-length"), method == "HEAD") {
            assert_eq!(
                length.to_str().unwrap(),
                body.len().to_string(),
                "{method} {target}"
            );
        }
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "").await
    }

    pub(crate) async fn head(&self, target: &str) -> Answer {
        self.send("HEAD", target, &[], "").await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.send("DELETE", target, &[], "").await
    }

    /// Stores a blob and returns its path.
    pub(crate) async fn push_blob(&self, name: &str, blob: &Content) -> String {
        let target = format!("/v2/{name}/blobs/uploads/?digest={}", blob.digest);
        self.send("POST", &target, &[], blob.bytes.clone())
            .await
            .expect(201);
        format!("/v2/{name}/blobs/{}", blob.digest)
    }

    pub(crate) async fn put_manifest(&self, name: &str, reference: &str, manifest: &Content) -> Answer {
        let target = format!("/v2/{name}/manifests/{reference}");
        let headers = [("content-type", manifest.media_type.as_str())];
        self.send("PUT", &target, &headers, manifest.bytes.clone()).await
    }

    /// Stores an artifact without layers under a tag.
    pub(crate) async fn push_image(&self, name: &str, tag: &str) -> Content {
        let (config, image) = image(tag);
        self.push_blob(name, &config).await;
        self.put_manifest(name, tag, &image).await.expect(201);
        image
    }

    /// Starts an upload and returns its location.
    pub(crate) async fn start_upload(&self, name: &str) -> String {
        let answer = self
            .send("POST", &format!("/v2/{name}/blobs/uploads/"), &[], "")
            .await;
        answer.expect(202).location()
    }
}

pub(crate) fn storage(delete: bool) -> Registry {
    storage_over(Arc::new(InMemoryDriver::new()), delete)
}

pub(crate) fn storage_over(driver: Arc<dyn StorageDriver>, delete: bool) -> Registry {
    let options = RegistryOptions {
        delete,
        ..RegistryOptions::default()
    };
    Registry::new(driver, options)
}

/// Does what the edge of a connection does: reads files.
async fn read(body: ResponseBody) -> Bytes {
    let parts = match body {
        ResponseBody::Parts(parts) => parts,
        single => VecDeque::from([single]),
    };
    let mut bytes = Vec::new();
    for mut part in parts {
        if let Some(range) = part.take_file() {
            let file = File::from(range.file.try_clone().unwrap());
            let begin = bytes.len();
            bytes.resize(begin + usize::try_from(range.length).unwrap(), 0);
            file.read_exact_at(&mut bytes[begin..], range.offset).unwrap();
        } else {
            bytes.extend_from_slice(&part.collect().await.expect("the body can be read").to_bytes());
        }
    }
    bytes.into()
}

/// An artifact without layers and its config; `salt` makes it different from others.
pub(crate) fn image(salt: &str) -> (Content, Content) {
    let config = Content::empty_json(hythe_testutil::Algorithm::Sha256);
    let image = hythe_testutil::ImageBuilder::oci()
        .artifact_type("application/example")
        .config(config.descriptor())
        .annotation("salt", salt)
        .build();
    (config, image)
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Expects a document whose first error has this code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{answer:?}"
        );
        assert_eq!(answer.json()["errors"][0]["code"], code, "{answer:?}");
        answer
    }

    #[track_caller]
    pub(crate) fn expect_header(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), Some(value), "{name} of {self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn expect_no_header(self, name: &str) -> Self {
        assert_eq!(self.header(name), None, "{name} of {self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn expect_body(self, body: &[u8]) -> Self {
        assert_eq!(self.body, body, "{self:?}");
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Path and query of `Location`.
    #[track_caller]
    pub(crate) fn location(&self) -> String {
        let location = self.header("location").expect("there is a location");
        location.strip_prefix(HOST).unwrap_or(location).to_owned()
    }
}
