//! The way through a proxy, as the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
//!
//! As distribution does, and as its operators rely on where nothing else leads out. This machine and its link, where
//! the cloud tells credentials, are never asked for through a proxy.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use hythe_driver::BoxError;
use tokio::net::TcpStream;
use tower_service::Service;

/// Connects directly or through a proxy. Clones share the settings.
#[derive(Debug, Clone)]
pub(super) struct ProxyConnector {
    tcp: HttpConnector,
    matcher: Arc<Matcher>,
}

impl ProxyConnector {
    pub(super) fn new(tcp: HttpConnector, matcher: Matcher) -> Self {
        Self {
            tcp,
            matcher: Arc::new(matcher),
        }
    }

    fn proxy(&self, target: &Uri) -> Option<Intercept> {
        if is_near(target.host().unwrap_or_default()) {
            return None;
        }
        self.matcher.intercept(target)
    }

    /// What a proxy wants to see in a request that it is to forward; one that it cannot read needs nothing.
    pub(super) fn authorization(&self, target: &Uri) -> Option<HeaderValue> {
        if target.scheme_str() != Some("http") {
            return None;
        }
        self.proxy(target)?.basic_auth().cloned()
    }
}

fn is_near(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Err(_) => host == "localhost",
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let mut tcp = self.tcp.clone();
        let proxy = self.proxy(&target);
        Box::pin(async move {
            let Some(proxy) = proxy else {
                let tcp = tcp.call(target).await?;
                return Ok(Stream {
                    tcp,
                    is_forward: false,
                });
            };
            if target.scheme_str() == Some("http") {
                let tcp = tcp.call(proxy.uri().clone()).await?;
                return Ok(Stream {
                    tcp,
                    is_forward: true,
                });
            }
            let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            let tcp = tunnel.call(target).await?;
            Ok(Stream {
                tcp,
                is_forward: false,
            })
        })
    }
}

/// A connection; one to a proxy that forwards is told the whole address in every request.
#[derive(Debug)]
pub(super) struct Stream {
    tcp: TokioIo<TcpStream>,
    is_forward: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.tcp.connected().proxy(self.is_forward)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, buffers)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn this_machine_and_its_link_are_never_reached_through_a_proxy() {
        for host in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "169.254.169.254",
            "169.254.170.2",
            "[fe80::1]",
        ] {
            assert!(is_near(host), "{host}");
        }
        for host in ["10.0.0.1", "s3.eu-west-1.amazonaws.com", "localhost.example"] {
            assert!(!is_near(host), "{host}");
        }
    }

    /// What a proxy is asked for.
    async fn asked(target: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://user:word@{}", listener.local_addr().unwrap());
        let matcher = Matcher::builder().all(address).no("inside.example").build();
        let mut connector = ProxyConnector::new(tcp(), matcher);
        let connecting = tokio::spawn(async move { connector.call(Uri::from_static(target)).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let read = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        assert!(!connecting.await.unwrap().unwrap().is_forward);
        String::from_utf8_lossy(&head[..read]).into_owned()
    }

    fn tcp() -> HttpConnector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp
    }

    #[tokio::test]
    async fn tls_goes_through_a_tunnel() {
        let head = asked("https://bucket.example/").await;
        assert!(
            head.starts_with("CONNECT bucket.example:443 HTTP/1.1\r\n"),
            "{head}"
        );
        let lower = head.to_ascii_lowercase();
        assert!(
            lower.contains("proxy-authorization: basic dxnlcjp3b3jk"),
            "{head}"
        );
    }

    #[tokio::test]
    async fn plain_requests_are_forwarded() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://user:word@{}", listener.local_addr().unwrap());
        let matcher = Matcher::builder().all(address).no("inside.example").build();
        let mut connector = ProxyConnector::new(tcp(), matcher);
        let target = Uri::from_static("http://bucket.example/");
        let connected = connector.call(target.clone()).await.unwrap();
        assert!(connected.connected().is_proxied());
        assert!(connector.authorization(&target).is_some());
        let inside = Uri::from_static("http://inside.example/");
        assert!(connector.proxy(&inside).is_none());
        assert_eq!(connector.authorization(&inside), None);
    }
}
