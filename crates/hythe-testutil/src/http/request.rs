//! Requests as they are to be sent.

use std::fmt;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;

use super::address::Address;
use crate::error::Error;

/// The body as the HTTP library takes it.
pub(super) type Sent = UnsyncBoxBody<Bytes, io::Error>;

/// Longer query parameters are cut in messages. A sha256 digest under any name still fits.
const MAX_PARAMETER_CHARS: usize = 90;

/// A request to be sent: method, target (path and query, sent as it is, behind the path of the registry's address),
/// headers, body.
pub struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    body: Body,
}

enum Body {
    /// With `Content-Length`, or without anything when empty and the method has no body by nature.
    Whole(Bytes),
    /// With `Transfer-Encoding: chunked`, one chunk for each element.
    Chunked(Vec<Bytes>),
    /// From a stream; `Content-Length` if the caller sets that header, else chunked.
    Stream(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>),
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    /// A GET.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A HEAD.
    pub fn head(target: impl Into<String>) -> Self {
        Self::new("HEAD", target)
    }

    /// A POST.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    /// A PUT.
    pub fn put(target: impl Into<String>) -> Self {
        Self::new("PUT", target)
    }

    /// A PATCH.
    pub fn patch(target: impl Into<String>) -> Self {
        Self::new("PATCH", target)
    }

    /// A DELETE.
    pub fn delete(target: impl Into<String>) -> Self {
        Self::new("DELETE", target)
    }

    /// One more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A body of known length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// A body in chunked transfer encoding.
    #[must_use]
    pub fn chunked(mut self, chunks: Vec<Bytes>) -> Self {
        self.body = Body::Chunked(chunks);
        self
    }

    /// A body from a stream. With a `length` it is announced by `Content-Length`, otherwise it is chunked. The stream
    /// may wait, or fail to break the connection off in the middle.
    #[must_use]
    pub fn stream(
        mut self,
        length: Option<u64>,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        if let Some(length) = length {
            self.headers
                .push(("content-length".to_owned(), length.to_string()));
        }
        self.body = Body::Stream(Box::pin(stream));
        self
    }

    /// Method and target, for messages: long values of query parameters are cut.
    pub fn line(&self) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut line = format!("{} {path}", self.method);
        for (position, parameter) in query
            .split('&')
            .filter(|parameter| !parameter.is_empty())
            .enumerate()
        {
            line.push(if position == 0 { '?' } else { '&' });
            line.extend(parameter.chars().take(MAX_PARAMETER_CHARS));
            if parameter.chars().nth(MAX_PARAMETER_CHARS).is_some() {
                line.push('…');
            }
        }
        line
    }

    /// Whether it has a header of that name.
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(found, _)| found.eq_ignore_ascii_case(name))
    }

    /// The same once more, if its body is in memory.
    pub(super) fn repeat(&self) -> Option<Self> {
        let body = match &self.body {
            Body::Whole(bytes) => Body::Whole(bytes.clone()),
            Body::Chunked(chunks) => Body::Chunked(chunks.clone()),
            Body::Stream(_) => return None,
        };
        Some(Self {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body,
        })
    }

    pub(super) fn into_http(self, address: &Address) -> Result<http::Request<Sent>, Error> {
        let line = self.line();
        let mut builder = http::Request::builder()
            .method(self.method.as_str())
            .uri(address.target(&self.target));
        if !self.has_header("host") {
            builder = builder.header("host", &address.authority);
        }
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let body = match self.body {
            Body::Whole(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            Body::Chunked(chunks) => {
                let frames = futures_util::stream::iter(chunks).map(|chunk| Ok(Frame::data(chunk)));
                StreamBody::new(frames).boxed_unsync()
            }
            Body::Stream(stream) => {
                StreamBody::new(stream.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
            }
        };
        builder.body(body).map_err(|source| Error::Request {
            request: line,
            source,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Request")
            .field(&self.line())
            .field(&self.headers)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parameters_are_cut_in_messages() {
        fn check(target: &str, expected: &str) {
            assert_eq!(Request::get(target).line(), expected);
        }
        check("/v2/", "GET /v2/");
        check("/v2/?a=b&c=d", "GET /v2/?a=b&c=d");
        let long = format!("/v2/?a={}&b=c", "x".repeat(200));
        check(&long, &format!("GET /v2/?a={}…&b=c", "x".repeat(88)));
    }
}
