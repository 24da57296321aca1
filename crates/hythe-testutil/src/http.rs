//! An HTTP/1.1 client that hides nothing: no redirects followed unless asked to, no headers added but `Host`, every
//! answer kept whole.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::error::Error;
use crate::redirects::{Redirects, is_blob_get, merged, place};

type Sent = UnsyncBoxBody<Bytes, io::Error>;

/// How long an answer may take. Generous: test machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longer query parameters are cut in messages. A sha256 digest under any name still fits.
const MAX_PARAMETER_CHARS: usize = 90;

/// A client of one registry. Clones share idle connections.
#[derive(Clone)]
pub struct Client {
    authority: String,
    idle: Arc<Mutex<Vec<SendRequest<Sent>>>>,
    redirects: Option<Arc<Redirects>>,
    replicas: Option<Arc<Replicas>>,
}

/// Clients of registries that share their storage, and how many requests were sent.
struct Replicas {
    clients: Vec<Client>,
    sent: AtomicUsize,
}

impl Client {
    /// A client of the registry at `http://host:port`.
    pub fn new(address: &str) -> Result<Self, Error> {
        let authority = address
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'))
            .filter(|authority| authority.contains(':') && !authority.contains('/'))
            .ok_or_else(|| Error::Address {
                address: address.to_owned(),
            })?;
        Ok(Self {
            authority: authority.to_owned(),
            idle: Arc::default(),
            redirects: None,
            replicas: None,
        })
    }

    /// A client of several registries that share their storage: each request goes to the next one, as behind a load
    /// balancer that does not care who began an upload.
    pub fn of_replicas(addresses: &[String]) -> Result<Self, Error> {
        let clients: Vec<Self> = addresses
            .iter()
            .map(|address| Self::new(address))
            .collect::<Result<_, _>>()?;
        let first = clients.first().ok_or_else(|| Error::Address {
            address: "no address".to_owned(),
        })?;
        Ok(Self {
            replicas: Some(Arc::new(Replicas {
                sent: AtomicUsize::new(0),
                clients: clients.clone(),
            })),
            ..first.clone()
        })
    }

    /// The same client, which follows redirects of a GET of a blob and counts them.
    #[must_use]
    pub fn following_redirects(self) -> Self {
        Self {
            redirects: Some(Arc::default()),
            ..self
        }
    }

    /// What was counted, if it follows redirects.
    pub fn redirects(&self) -> Option<&Redirects> {
        self.redirects.as_deref()
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A GET without headers.
    pub async fn get(&self, target: &str) -> Result<Response, Error> {
        self.send(Request::get(target)).await
    }

    /// A HEAD without headers.
    pub async fn head(&self, target: &str) -> Result<Response, Error> {
        self.send(Request::head(target)).await
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// *Behaviour*
    /// - An idle connection is used again; if it turns out to be closed, a request whose body is in memory is sent once
    ///   more on a new connection.
    /// - When the registry answers before it has read the body, the answer counts and the rest is not sent.
    /// - After two minutes without the whole answer: [`Error::Timeout`].
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let line = request.line();
        tokio::time::timeout(PATIENCE, self.exchange_and_follow(request))
            .await
            .unwrap_or(Err(Error::Timeout {
                request: line,
                limit: PATIENCE,
            }))
    }

    async fn exchange_and_follow(&self, request: Request) -> Result<Response, Error> {
        let line = request.line();
        let counted = self.redirects.as_deref().filter(|_| is_blob_get(&line));
        let Some(redirects) = counted else {
            return self.exchange(request).await;
        };
        let mut again = Request::get("");
        again.headers.clone_from(&request.headers);
        let response = self.exchange(request).await?;
        redirects.count(response.status);
        if response.status != 307 {
            return Ok(response);
        }
        let (authority, target) = place(&response)?;
        again.target = target;
        // Another host gets neither this host's name nor what opens this host.
        again.headers.retain(|(name, _)| {
            !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("authorization")
        });
        let there = Self::new(&format!("http://{authority}"))?;
        let answer = there.exchange(again).await?;
        Ok(merged(response, answer))
    }

    async fn exchange(&self, request: Request) -> Result<Response, Error> {
        match &self.replicas {
            Some(replicas) => {
                let turn = replicas.sent.fetch_add(1, Ordering::Relaxed);
                let client = &replicas.clients[turn % replicas.clients.len()];
                client.exchange_here(request).await
            }
            None => self.exchange_here(request).await,
        }
    }

    async fn exchange_here(&self, mut request: Request) -> Result<Response, Error> {
        let line = request.line();
        while let Some(mut sender) = self.take_idle() {
            if sender.ready().await.is_err() {
                continue;
            }
            let again = request.repeat();
            match (self.round_trip(&line, sender, request).await, again) {
                (Err(Error::Exchange { source, .. }), Some(again))
                    if source.is_canceled() || source.is_incomplete_message() || source.is_closed() =>
                {
                    request = again;
                }
                (outcome, _) => return outcome,
            }
            break;
        }
        let sender = self.connect(&line).await?;
        self.round_trip(&line, sender, request).await
    }

    fn take_idle(&self) -> Option<SendRequest<Sent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn connect(&self, line: &str) -> Result<SendRequest<Sent>, Error> {
        let connect = |source| Error::Connect {
            authority: self.authority.clone(),
            source,
        };
        let stream = TcpStream::connect(&self.authority).await.map_err(connect)?;
        stream.set_nodelay(true).map_err(connect)?;
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| Error::Exchange {
                request: line.to_owned(),
                source,
            })?;
        // Errors of the connection reach the request that waits on it.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn round_trip(
        &self,
        line: &str,
        mut sender: SendRequest<Sent>,
        request: Request,
    ) -> Result<Response, Error> {
        let exchange = |source| Error::Exchange {
            request: line.to_owned(),
            source,
        };
        let answer = sender
            .send_request(request.into_http(&self.authority)?)
            .await
            .map_err(exchange)?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(exchange)?.to_bytes();
        if sender.is_ready() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(sender);
        }
        Ok(Response {
            request: line.to_owned(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// A request to be sent: method, target (path and query, sent as it is), headers, body.
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
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

    fn repeat(&self) -> Option<Self> {
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

    fn into_http(self, authority: &str) -> Result<http::Request<Sent>, Error> {
        let line = self.line();
        let mut builder = http::Request::builder()
            .method(self.method.as_str())
            .uri(&self.target);
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            builder = builder.header("host", authority);
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

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Method and target of the request, for messages.
    pub request: String,
    /// The status code.
    pub status: u16,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body, without transfer encoding.
    pub body: Bytes,
}

impl Response {
    /// The first value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All values of a header.
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        self.headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect()
    }

    /// All headers by name, several values joined with `, ` as RFC 9110 (section 5.3) allows.
    pub fn header_table(&self) -> BTreeMap<String, String> {
        let joined = |name: &HeaderName| {
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            self.headers
                .get_all(name)
                .iter()
                .map(text)
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.headers
            .keys()
            .map(|name| (name.as_str().to_owned(), joined(name)))
            .collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.unexpected(format!("the body is no JSON: {error}")))
    }

    /// The code of the first error in the error document, if the body is one.
    pub fn error_code(&self) -> Option<String> {
        self.json().ok()?["errors"][0]["code"].as_str().map(str::to_owned)
    }

    /// Path and query of the `Location` header, whether it is relative or absolute.
    pub fn location(&self) -> Result<String, Error> {
        let location = self
            .header("location")
            .ok_or_else(|| self.unexpected("there is no Location header".to_owned()))?;
        let target = match location.split_once("://") {
            Some((_, rest)) => rest.find('/').map(|slash| &rest[slash..]),
            None => Some(location).filter(|location| location.starts_with('/')),
        };
        target
            .map(str::to_owned)
            .ok_or_else(|| self.unexpected(format!("Location has no path: {location}")))
    }

    /// Fails unless the status is one of `statuses`.
    pub fn expect_status(&self, statuses: &[u16]) -> Result<&Self, Error> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let expected: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)])
            .trim_end()
            .to_owned();
        Err(self.unexpected(format!(
            "expected status {}, got {}: {body}",
            expected.join(" or "),
            self.status
        )))
    }

    /// Fails unless the header is there with exactly this value.
    pub fn expect_header(&self, name: &str, value: &str) -> Result<&Self, Error> {
        match self.header(name) {
            Some(found) if found == value => Ok(self),
            Some(found) => Err(self.unexpected(format!("expected {name}: {value}, got {found}"))),
            None => Err(self.unexpected(format!("expected {name}: {value}, but there is no such header"))),
        }
    }

    /// Fails unless the body is exactly these bytes.
    pub fn expect_body(&self, bytes: &[u8]) -> Result<&Self, Error> {
        if self.body == bytes {
            return Ok(self);
        }
        let position = self
            .body
            .iter()
            .zip(bytes)
            .position(|(left, right)| left != right);
        let position = position.unwrap_or_else(|| self.body.len().min(bytes.len()));
        Err(self.unexpected(format!(
            "expected a body of {} bytes, got {} bytes that differ from byte {position} on",
            bytes.len(),
            self.body.len()
        )))
    }

    /// Fails unless the body is an error document whose first code is `code`.
    pub fn expect_error(&self, code: &str) -> Result<&Self, Error> {
        match self.error_code() {
            Some(found) if found == code => Ok(self),
            Some(found) => Err(self.unexpected(format!("expected error {code}, got {found}"))),
            None => {
                let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned();
                Err(self.unexpected(format!("expected error {code}, got no error document: {body:?}")))
            }
        }
    }

    /// The error that says what is wrong with this answer.
    pub fn unexpected(&self, reason: String) -> Error {
        Error::Unexpected {
            request: self.request.clone(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(location: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_str(location).unwrap());
        Response {
            request: "GET /".to_owned(),
            status: 200,
            headers,
            body: Bytes::from_static(b"{\"a\":1}"),
        }
    }

    #[test]
    fn locations_are_reduced_to_path_and_query() {
        fn check(location: &str, expected: Option<&str>) {
            assert_eq!(
                response(location).location().ok().as_deref(),
                expected,
                "{location}"
            );
        }
        check("http://127.0.0.1:5000/v2/a?b=c", Some("/v2/a?b=c"));
        check("/v2/a", Some("/v2/a"));
        check("http://127.0.0.1:5000", None);
        check("v2/a", None);
    }

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

    #[test]
    fn addresses_have_a_host_and_a_port() {
        fn check(address: &str, accepted: bool) {
            assert_eq!(Client::new(address).is_ok(), accepted, "{address}");
        }
        check("http://127.0.0.1:5000", true);
        check("http://127.0.0.1:5000/", true);
        check("http://127.0.0.1", false);
        check("https://127.0.0.1:5000", false);
        check("http://127.0.0.1:5000/prefix", false);
    }

    #[test]
    fn expectations_name_what_was_received() {
        let message = response("/").expect_status(&[201, 202]).unwrap_err().to_string();
        assert_eq!(message, "GET /: expected status 201 or 202, got 200: {\"a\":1}");
        assert!(response("/").expect_body(b"{\"a\":2}").is_err());
        assert!(response("/").expect_header("location", "/").is_ok());
    }
}
