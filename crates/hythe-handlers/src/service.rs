//! From a request to a response: the stages that every request goes through.

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use hythe_api::{ApiError, Route, RouteError, UrlBuilder, decode_path, headers, strip_prefix};
use hythe_auth::AccessController;
use hythe_distribution::{BoxError, Namespace};
use ipnet::IpNet;
use tokio::time::Instant;
use tower_service::Service;
use tracing::Instrument;

use crate::authorize::{Scope, authorize};
use crate::context::{Call, RequestContext};
use crate::dispatch::dispatch;
use crate::error::HttpError;
use crate::log::{self, Completed, Ending};
use crate::options::HandlersOptions;
use crate::redirect::RedirectPolicy;
use crate::reply::Reply;
use crate::request_body::{RequestBody, boxed};
use crate::response_body::ResponseBody;
use crate::upload_body::{UploadMemory, Uploads};

/// Answers the requests of the registry API. Clones are cheap and share everything.
///
/// It is a [`Service`] for any body type; the [`RequestContext`] is taken from the request's extensions.
/// [`Handlers::handle`] does the same without the trait.
#[derive(Clone)]
pub struct Handlers {
    shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) namespace: Arc<dyn Namespace>,
    pub(crate) access: Option<Arc<dyn AccessController>>,
    /// How URLs begin; `None`: as each request says.
    pub(crate) urls: Option<UrlBuilder>,
    pub(crate) prefix: String,
    pub(crate) secret: Vec<u8>,
    pub(crate) secret_configured: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) read_only: bool,
    pub(crate) redirect: RedirectPolicy,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) repository_classes: Vec<String>,
    pub(crate) catalog_max_entries: usize,
    pub(crate) tags_max: usize,
    pub(crate) chunk_min_length: Option<u64>,
    pub(crate) body_progress_timeout: std::time::Duration,
    pub(crate) uploads: Uploads,
}

impl Handlers {
    /// Handlers with these options.
    pub fn new(options: HandlersOptions) -> Self {
        let budget = usize::try_from(options.upload_buffer_bytes).unwrap_or(usize::MAX);
        let uploads = Uploads::new(budget, options.body_progress_timeout);
        let shared = Shared {
            namespace: options.namespace,
            access: options.access,
            urls: UrlBuilder::from_config(options.urls.host.as_deref(), options.urls.relative),
            prefix: options.urls.prefix,
            secret: options.secret,
            secret_configured: options.secret_configured,
            headers: options.headers,
            read_only: options.read_only,
            redirect: options.redirect,
            trusted_proxies: options.trusted_proxies,
            repository_classes: options.repository_classes,
            catalog_max_entries: options.catalog_max_entries,
            tags_max: options.tags_max,
            chunk_min_length: options.chunk_min_length,
            body_progress_timeout: options.body_progress_timeout,
            uploads,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Answers one request. Every outcome is a response.
    pub async fn handle<B>(&self, request: Request<B>, context: RequestContext) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let response = self.respond(&parts, boxed(body), &context).await;
        if parts.method == Method::HEAD {
            without_body(response)
        } else {
            response
        }
    }

    /// Waits until every upload whose client went away has been kept. To be called at the end, when no request
    /// is served any more.
    pub async fn join(&self) {
        self.shared.uploads.join().await;
    }

    /// What uploads hold now.
    pub fn upload_memory(&self) -> UploadMemory {
        self.shared.uploads.memory_in_use()
    }

    async fn respond(
        &self,
        parts: &Parts,
        body: RequestBody,
        context: &RequestContext,
    ) -> Response<ResponseBody> {
        if parts.uri.path() == "/" {
            return alive();
        }
        let mut response = match self.route(parts) {
            Ok(route) => self.serve(parts, body, context, Ok(&route)).await,
            Err(RouteError::Redirect { to }) => moved(&self.shared.prefix, &to, parts),
            Err(error) => self.serve(parts, body, context, Err(error)).await,
        };
        let version = HeaderValue::from_static(headers::API_VERSION_VALUE);
        response.headers_mut().insert(headers::API_VERSION, version);
        response
    }

    fn route(&self, parts: &Parts) -> Result<Route, RouteError> {
        let decoded = decode_path(parts.uri.path())?;
        let path = strip_prefix(&self.shared.prefix, &decoded).ok_or(RouteError::NotFound)?;
        Route::parse(path)
    }

    /// Authorizes, dispatches, and logs. A path that names a repository but has no valid tag or digest is
    /// authorized as well, so that who may not read there learns nothing but that.
    async fn serve(
        &self,
        parts: &Parts,
        body: RequestBody,
        context: &RequestContext,
        route: Result<&Route, RouteError>,
    ) -> Response<ResponseBody> {
        let scope = match &route {
            Ok(route) => Scope::of(route),
            Err(RouteError::InvalidTag { name, .. } | RouteError::InvalidDigest { name, .. }) => {
                Scope::Repository(name)
            }
            Err(error) => return HttpError::from(ApiError::from(error.clone())).to_response(),
        };
        if let (Ok(route), Some(observer)) = (&route, &context.observer) {
            observer.matched(route.name());
        }
        let started = Instant::now();
        let mut call = Call::new(&self.shared, parts, context);
        let body = call.take_form(body).await;
        let mut user = None;
        let answer = async {
            let grant = authorize(&call, scope).await?;
            user.clone_from(&grant.user);
            match &route {
                Ok(route) => dispatch(&call, &grant, route, body).await,
                Err(error) => Err(ApiError::from(error.clone()).into()),
            }
        };
        // Whatever is logged below says for which request.
        let span = tracing::info_span!("request", http.request.id = %context.request_id);
        let (mut response, failure) = match answer.instrument(span).await {
            Ok(response) => (response, None),
            Err(failure) => {
                let failure = failure.named(context.request_id);
                (failure.to_response(), Some(failure))
            }
        };
        self.shared.add_headers(response.headers_mut());
        log::write(&Ending {
            call: &call,
            route: route.as_ref().ok().copied(),
            user: user.as_deref(),
            failure: failure.as_ref(),
            response: &response,
            duration: started.elapsed(),
        });
        let route = route.ok().map(Route::name);
        response.extensions_mut().insert(Completed {
            request_id: context.request_id,
            route,
            user,
        });
        response
    }
}

impl Shared {
    /// Adds the configured header fields that the answer does not have itself.
    fn add_headers(&self, headers: &mut HeaderMap) {
        for name in self.headers.keys() {
            if !headers.contains_key(name) {
                for value in self.headers.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
        }
    }
}

impl Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("namespace", &self.shared.namespace)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Handlers
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let handlers = self.clone();
        let context = request.extensions_mut().remove().unwrap_or_default();
        Box::pin(async move { Ok(handlers.handle(request, context).await) })
    }
}

/// The answer to `/`, whatever the method: the process serves.
fn alive() -> Response<ResponseBody> {
    Reply::new(StatusCode::OK)
        .fixed(header::CACHE_CONTROL, "no-cache")
        .no_content()
        .done()
}

/// The answer to a route that is spelled with a slash too many or too few at its end.
fn moved(prefix: &str, to: &str, parts: &Parts) -> Response<ResponseBody> {
    let prefix = prefix.trim_end_matches('/');
    let location = match parts.uri.query() {
        Some(query) => format!("{prefix}{to}?{query}"),
        None => format!("{prefix}{to}"),
    };
    let reply = Reply::new(StatusCode::MOVED_PERMANENTLY).text(header::LOCATION, &location);
    if parts.method == Method::GET || parts.method == Method::HEAD {
        let escaped = location
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&#34;");
        let page = format!("<a href=\"{escaped}\">Moved Permanently</a>.\n\n");
        reply
            .fixed(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .body(Bytes::from(page))
            .done()
    } else {
        reply.no_content().done()
    }
}

/// The answer to a HEAD: the headers of the GET with the length of its body, and no body.
fn without_body(response: Response<ResponseBody>) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    let has_no_length = matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !has_no_length && !parts.headers.contains_key(header::CONTENT_LENGTH) {
        parts.headers.insert(header::CONTENT_LENGTH, body.length().into());
    }
    Response::from_parts(parts, ResponseBody::Empty)
}
