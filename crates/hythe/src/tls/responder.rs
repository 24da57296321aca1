//! The plain HTTP port of `http.tls.letsencrypt.httpaddr`: HTTP-01 challenges, and the way to HTTPS for everybody else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hythe_acme::Acme;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::edge;

/// Where ACME servers look (RFC 8555, section 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// How long a connection may last.
const CONNECTION: Duration = Duration::from_secs(30);

/// Connections at once at most.
const MAX_CONNECTIONS: usize = 256;

/// A pause after a failed accept, so that it does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// Answers on a port of its own.
#[derive(Debug)]
pub(crate) struct Responder {
    listener: TcpListener,
    acme: Arc<Acme>,
}

impl Responder {
    pub(super) async fn bind(address: &str, acme: Arc<Acme>) -> Result<Self, String> {
        let failed = |error: std::io::Error| {
            format!("http.tls.letsencrypt.httpaddr: cannot listen on {address}: {error}")
        };
        let (listener, bound) = edge::bind(address).await.map_err(failed)?;
        tracing::info!("answering ACME challenges on {bound}");
        Ok(Self { listener, acme })
    }

    /// Answers until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let connections = TaskTracker::new();
        let accepting = stop.run_until_cancelled(async {
            loop {
                // It is never closed.
                let Ok(place) = places.clone().acquire_owned().await else {
                    return;
                };
                match self.listener.accept().await {
                    Ok((stream, _)) => {
                        let serving = tokio::time::timeout(CONNECTION, serve(stream, self.acme.clone()));
                        connections.spawn(async move {
                            if let Ok(Err(error)) = serving.await {
                                tracing::debug!(error = %error, "a connection to the port for ACME broke");
                            }
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "cannot accept a connection for ACME");
                        tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    }
                }
            }
        });
        accepting.await;
    }
}

async fn serve(stream: TcpStream, acme: Arc<Acme>) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let acme = acme.clone();
        async move { Ok::<_, Infallible>(answer(&request, &acme).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// As `autocert` answers: the challenge, or a redirect to the same place over TLS.
async fn answer<B>(request: &Request<B>, acme: &Acme) -> Response<String> {
    if let Some(token) = request.uri().path().strip_prefix(CHALLENGES) {
        return match acme.key_authorization(token).await {
            Some(content) => plain(StatusCode::OK, &content),
            None => plain(StatusCode::NOT_FOUND, "no such challenge\n"),
        };
    }
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    match over_tls(request).filter(|_| is_reading) {
        Some(location) => {
            let mut response = plain(StatusCode::FOUND, "");
            response.headers_mut().insert(LOCATION, location);
            response
        }
        None => plain(StatusCode::BAD_REQUEST, "Use HTTPS\n"),
    }
}

fn over_tls<B>(request: &Request<B>) -> Option<HeaderValue> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    let host: http::uri::Authority = host.parse().ok()?;
    let target = request.uri().path_and_query()?;
    HeaderValue::try_from(format!("https://{}{target}", host.host())).ok()
}

fn plain(status: StatusCode, content: &str) -> Response<String> {
    let mut response = Response::new(content.to_owned());
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::default_provider;

    use super::*;

    async fn asked(method: Method, target: &str) -> (u16, String, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token+http-01"), "token.print").unwrap();
        let settings = hythe_acme::Settings {
            folder: folder.path().to_owned(),
            hosts: vec!["a.test".to_owned()],
            email: None,
            directory: None,
            challenges: Vec::new(),
        };
        let acme = Acme::open(settings, Arc::new(default_provider())).unwrap();
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, "a.test:80");
        let response = answer(&request.body(()).unwrap(), &acme).await;
        let location = response
            .headers()
            .get(LOCATION)
            .map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, response.into_body(), location.unwrap_or_default())
    }

    #[tokio::test]
    async fn challenges_are_answered_and_everything_else_sent_to_https() {
        let check = async |method, target, status, body: &str, location: &str| {
            let expected = (status, body.to_owned(), location.to_owned());
            assert_eq!(asked(method, target).await, expected, "{target}");
        };
        check(
            Method::GET,
            "/.well-known/acme-challenge/token",
            200,
            "token.print",
            "",
        )
        .await;
        check(
            Method::GET,
            "/.well-known/acme-challenge/other",
            404,
            "no such challenge\n",
            "",
        )
        .await;
        check(Method::GET, "/v2/?a=b", 302, "", "https://a.test/v2/?a=b").await;
        check(Method::PUT, "/v2/", 400, "Use HTTPS\n", "").await;
    }
}
