//! The socket of the debug listener.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::pages::Pages;
use crate::edge;

/// Connections served at once. Probes and collectors need few; others must not take memory from the registry.
const MAX_CONNECTIONS: usize = 64;

/// For the head of a request, and between two of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pause after a failed accept (out of descriptors, usually), so that it does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// The debug listener, listening.
#[derive(Debug)]
pub(crate) struct DebugServer {
    listener: TcpListener,
    address: SocketAddr,
    pages: Arc<Pages>,
}

impl DebugServer {
    /// Listens on `host:port`, where an empty host means every address.
    pub(crate) async fn open(address: &str, pages: Pages) -> io::Result<Self> {
        let (listener, address) = edge::bind(address).await?;
        Ok(Self {
            listener,
            address,
            pages: Arc::new(pages),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the future is dropped, which ends the connections as well.
    pub(crate) async fn run(self) {
        let mut connections = JoinSet::new();
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // Those that have ended are not kept.
            while connections.try_join_next().is_some() {}
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _peer)) => {
                    let serving = serve(stream, self.pages.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection to the debug listener");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, pages: Arc<Pages>) {
    let service = service_fn(|request: Request<Incoming>| {
        let page = pages.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(page) }
    });
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(error = %error, "connection to the debug listener ended");
    }
}
