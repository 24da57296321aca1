//! What is known of one request.

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use hythe_api::{Query, UrlBuilder};
use hythe_distribution::Repository;
use hythe_reference::RepositoryName;
use uuid::Uuid;

use crate::client;
use crate::request_body::{self, RequestBody};
use crate::service::Shared;

/// What the server knows of a request besides its content. The server puts it into the request's extensions; what
/// it leaves out is filled in here.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Names the request in logs and events.
    pub request_id: Uuid,
    /// The peer's address.
    pub remote: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Who wants to know which route the request matches.
    pub observer: Option<Arc<dyn RouteObserver>>,
}

/// Is told which route a request matches, for metrics.
pub trait RouteObserver: Debug + Send + Sync {
    /// It is the one that metrics call so: `base`, `catalog`, `tags`, `manifest`, `blob`, `blob_upload`,
    /// `blob_upload_chunk`, `referrers`. Called at most once, before access is decided; not at all for what matches
    /// none, or has no valid tag or digest.
    fn matched(&self, route: &'static str);
}

impl RequestContext {
    /// A context with a new id.
    pub fn new(remote: Option<SocketAddr>, tls: bool) -> Self {
        Self {
            request_id: Uuid::now_v7(),
            remote,
            tls,
            observer: None,
        }
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new(None, false)
    }
}

/// A request without its body, as handlers see it.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) parts: &'a Parts,
    pub(crate) context: &'a RequestContext,
    /// The parameters of the query, and behind them those of a form.
    pub(crate) query: Query,
}

/// The most bytes of a form that are read. The parameters of the API are much shorter.
const MAX_FORM_BYTES: usize = 8 * 1024;

impl<'a> Call<'a> {
    pub(crate) fn new(shared: &'a Shared, parts: &'a Parts, context: &'a RequestContext) -> Self {
        let query = Query::of(&parts.uri);
        Self {
            shared,
            parts,
            context,
            query,
        }
    }

    /// Takes parameters out of a body that is a form, which distribution allows for the start of an upload. A
    /// POST that carries a blob (`digest`) is none, whatever the client's HTTP library calls it by default.
    pub(crate) async fn take_form(&mut self, body: RequestBody) -> RequestBody {
        let is_form = self.header(header::CONTENT_TYPE).is_some_and(is_form);
        let announced = self.content_length().unwrap_or(0);
        let is_short = announced > 0 && announced <= MAX_FORM_BYTES as u64;
        if *self.method() != Method::POST || !is_form || !is_short || self.query.get("digest").is_some() {
            return body;
        }
        let patience = self.shared.body_progress_timeout;
        let memory = self.shared.uploads.memory();
        let form = request_body::collect(body, Some(announced), MAX_FORM_BYTES, patience, memory).await;
        let form = form.map(|form| form.bytes).unwrap_or_default();
        let parameters = Query::parse(&String::from_utf8_lossy(&form));
        self.query = std::mem::take(&mut self.query).and(parameters);
        request_body::empty()
    }

    pub(crate) fn method(&self) -> &'a Method {
        &self.parts.method
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// The text of a header field, if it is there once or more and is text; the first line.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&'a str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The length the client announced for the body.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.parse().ok()
    }

    /// The host the client named.
    pub(crate) fn host(&self) -> Option<&'a str> {
        let authority = self.parts.uri.authority().map(http::uri::Authority::as_str);
        authority.or_else(|| self.header(header::HOST))
    }

    /// The client's address, which is not the peer's when that is a trusted proxy.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        let peer = self.context.remote?.ip();
        Some(client::address(
            peer,
            self.headers(),
            &self.shared.trusted_proxies,
        ))
    }

    /// How the URLs of the answer begin.
    pub(crate) fn urls(&self) -> UrlBuilder {
        let configured = self.shared.urls.clone();
        configured.unwrap_or_else(|| UrlBuilder::from_request(self.parts, self.context.tls))
    }

    /// A repository.
    pub(crate) fn repository(&self, name: &RepositoryName) -> Arc<dyn Repository> {
        self.shared.namespace.repository(name)
    }
}

fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
