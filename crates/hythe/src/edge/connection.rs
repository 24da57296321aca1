//! One connection: HTTP/1.1, HTTP/2 over TLS, or HTTP/2 in clear text where it is configured.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hythe_file_io::{FileStream, FileTable, Limits, ShortFile};
use hythe_handlers::{Handlers, RequestContext, ResponseBody};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::body::{EdgeBody, FileSending};
use super::buffer_pool::BufferPool;
use super::framing::{Findings, Framing};
use super::guard;
use super::io::{EdgeIo, Transport};
use super::measured::MeasuredBody;
use super::repoll::Repoll;
use crate::compose::chain;
use crate::logging::AccessLog;
use crate::metrics::{RequestMetrics, UploadLoad};
use crate::tls::Tls;

/// The largest read buffer, and with it the largest frame of an upload and the largest request head, in bytes.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// Names the request in answers that are errors, so that its line in the log can be found.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// Over TCP, and from where.
    Tcp(TcpStream, SocketAddr),
    /// From a process of this machine.
    Unix(UnixStream),
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
    /// Whichever the client begins with.
    Either,
}

/// Where the requests of a connection come from.
#[derive(Debug, Clone, Copy)]
struct Origin {
    /// `None`: from this machine, over a Unix socket.
    peer: Option<SocketAddr>,
    tls: bool,
}

/// How connections are served.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    /// How long a client may take to send a request's head.
    pub(crate) header_timeout: Duration,
    /// How long a client may take none of a response's bytes.
    pub(crate) progress_timeout: Duration,
    /// Whether HTTP/2 in clear text is spoken to clients that begin with it.
    pub(crate) h2c: bool,
    /// TLS on TCP connections; `None`: clear text.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Serves connections.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    handlers: Handlers,
    settings: Arc<ConnectionSettings>,
    access_log: Option<AccessLog>,
    metrics: Option<Arc<RequestMetrics>>,
    buffers: BufferPool,
}

impl Edge {
    /// An edge in front of the handlers.
    pub(crate) fn new(
        handlers: Handlers,
        settings: ConnectionSettings,
        access_log: Option<AccessLog>,
        metrics: Option<Arc<RequestMetrics>>,
    ) -> Self {
        Self {
            handlers,
            settings: Arc::new(settings),
            access_log,
            metrics,
            buffers: BufferPool::default(),
        }
    }

    /// Serves one connection to its end; on `stop` only until the request under way is answered.
    pub(crate) async fn serve(self, accepted: Accepted, stop: CancellationToken) {
        let _connected = self.metrics.as_ref().map(|metrics| metrics.connected());
        let clear_text = if self.settings.h2c {
            Protocol::Either
        } else {
            Protocol::Http1
        };
        match accepted {
            Accepted::Unix(stream) => {
                let origin = Origin {
                    peer: None,
                    tls: false,
                };
                self.serve_stream(stream, None, clear_text, origin, stop).await;
            }
            Accepted::Tcp(stream, peer) => {
                let Some(tls) = self.settings.tls.clone() else {
                    let stream = FileStream::new(stream, Limits::default());
                    let files = stream.files();
                    let origin = Origin {
                        peer: Some(peer),
                        tls: false,
                    };
                    return self
                        .serve_stream(stream, Some(files), clear_text, origin, stop)
                        .await;
                };
                match tls.accept(stream, self.settings.header_timeout).await {
                    Ok(None) => {}
                    Ok(Some(stream)) => {
                        let protocol = match stream.get_ref().1.alpn_protocol() {
                            Some(b"h2") => Protocol::Http2,
                            _ => Protocol::Http1,
                        };
                        let origin = Origin {
                            peer: Some(peer),
                            tls: true,
                        };
                        self.serve_stream(stream, None, protocol, origin, stop).await;
                    }
                    Err(error) => {
                        tracing::info!(error = %chain(&error), peer = %peer, "TLS handshake failed");
                    }
                }
            }
        }
    }

    async fn serve_stream<S: Transport>(
        self,
        stream: S,
        files: Option<FileTable>,
        protocol: Protocol,
        origin: Origin,
        stop: CancellationToken,
    ) {
        let findings = Arc::new(Findings::default());
        let framing = Framing::new(findings.clone());
        let io = EdgeIo::new(stream, self.settings.progress_timeout, framing);
        let header_timeout = self.settings.header_timeout;
        let service = service_fn(move |request: Request<Incoming>| {
            let is_ambiguous = findings.take_up();
            let sending = FileSending {
                // HTTP/2 cuts bodies into frames.
                by_kernel: files.clone().filter(|_| request.version() <= Version::HTTP_11),
                buffers: self.buffers.clone(),
            };
            self.clone().answer(request, is_ambiguous, origin, sending)
        });
        let ended = if protocol == Protocol::Http1 {
            let io = TokioIo::new(io);
            let connection = pin!(
                http1::Builder::new()
                    .half_close(true)
                    // The spelling of the original; some scripts compare it.
                    .title_case_headers(true)
                    .timer(TokioTimer::new())
                    .header_read_timeout(header_timeout)
                    .max_buf_size(MAX_BUFFER_BYTES)
                    .serve_connection(io, service)
            );
            let ended = drive(connection, stop, http1::Connection::graceful_shutdown).await;
            ended.map_err(|error| Broken::new(&error))
        } else {
            let io = TokioIo::new(io.with_opening_limit(header_timeout));
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .half_close(true)
                .title_case_headers(true)
                .timer(TokioTimer::new())
                .header_read_timeout(header_timeout)
                .max_buf_size(MAX_BUFFER_BYTES);
            builder
                .http2()
                .timer(TokioTimer::new())
                .keep_alive_interval(Some(header_timeout));
            let builder = if protocol == Protocol::Http2 {
                builder.http2_only()
            } else {
                builder
            };
            let connection = pin!(builder.serve_connection(io, service));
            let ended = drive(connection, stop, auto::Connection::graceful_shutdown).await;
            ended.map_err(|error| Broken::new(&*error))
        };
        let peer = origin.peer.map(tracing::field::display);
        match ended {
            Ok(()) => {}
            Err(Broken {
                chain,
                is_damage: false,
            }) => {
                tracing::debug!(error = %chain, peer, "connection ended");
            }
            Err(Broken {
                chain,
                is_damage: true,
            }) => {
                tracing::error!(error = %chain, peer, "stored content is damaged, so its connection was broken off");
            }
        }
    }

    /// Waits until every upload whose client went away has been kept; for the end, when nothing is served any more.
    pub(crate) async fn join(&self) {
        self.handlers.join().await;
    }

    /// The uploads of this moment.
    pub(crate) fn upload_load(&self) -> UploadLoad {
        let memory = self.handlers.upload_memory();
        UploadLoad {
            running: memory.uploads,
            memory_bytes: memory.used_bytes,
            memory_limit_bytes: memory.limit_bytes,
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        is_ambiguous: bool,
        origin: Origin,
        sending: FileSending,
    ) -> Result<Response<MeasuredBody>, Infallible> {
        let record = self
            .access_log
            .as_ref()
            .map(|log| log.begin(&request, origin.peer));
        let measurement = self.metrics.as_ref().map(|metrics| metrics.begin(&request));
        let mut context = RequestContext::new(origin.peer, origin.tls);
        context.observer = measurement.clone().map(|measurement| measurement as _);
        // At level error, so that whatever is logged has the id.
        let span = tracing::error_span!("request", http.request.id = %context.request_id);
        let response = self
            .respond(request, is_ambiguous, context)
            .instrument(span)
            .await;
        let response = response.map(|body| EdgeBody::new(body, &sending));
        if let Some(record) = record {
            record.finish(&response);
        }
        if let Some(measurement) = &measurement {
            measurement.answered(
                response.status(),
                response.body().size_hint().exact().unwrap_or_default(),
            );
        }
        Ok(response.map(|body| MeasuredBody::new(body, measurement)))
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        is_ambiguous: bool,
        context: RequestContext,
    ) -> Response<ResponseBody> {
        let id = context.request_id;
        let mut unanswered = Unanswered {
            request: Some((request.method().clone(), request.uri().clone())),
        };
        let mut response = match guard::check(&request, is_ambiguous) {
            Ok(()) => self.handlers.handle(request, context).await,
            Err(refusal) => {
                tracing::error!(
                    http.request.method = %request.method(),
                    http.request.uri = %request.uri(),
                    http.request.remoteaddr = context.remote.map(tracing::field::display),
                    err.detail = refusal.reason(),
                    "request refused: it is no valid HTTP"
                );
                refusal.to_response()
            }
        };
        unanswered.request = None;
        let status = response.status();
        if (status.is_client_error() || status.is_server_error())
            && let Ok(id) = HeaderValue::try_from(id.to_string())
        {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

/// Tells of a request whose answer nobody waited for; it would leave no trace in the application log otherwise.
struct Unanswered {
    request: Option<(Method, Uri)>,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some((method, uri)) = &self.request {
            tracing::info!(
                http.request.method = %method,
                http.request.uri = %uri,
                "the connection ended before the answer"
            );
        }
    }
}

/// How a connection failed.
struct Broken {
    chain: String,
    /// Whether it is for what is stored, and not for the client or the network.
    is_damage: bool,
}

impl Broken {
    fn new(error: &(dyn Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |cause| (*cause).source());
        let is_short_file = |cause: &(dyn Error + 'static)| {
            let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            inner.is_some_and(|inner| inner.downcast_ref::<ShortFile>().is_some())
        };
        Self {
            chain: chain(error),
            is_damage: causes.into_iter().any(is_short_file),
        }
    }
}

async fn drive<C, E>(
    mut connection: std::pin::Pin<&mut C>,
    stop: CancellationToken,
    end: impl FnOnce(std::pin::Pin<&mut C>),
) -> Result<(), E>
where
    C: Future<Output = Result<(), E>>,
{
    tokio::select! {
        ended = Repoll::new(connection.as_mut()) => return ended,
        () = stop.cancelled() => end(connection.as_mut()),
    }
    Repoll::new(connection).await
}
