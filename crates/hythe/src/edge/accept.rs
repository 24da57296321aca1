//! The accept loop and the end of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Edge;

/// Connections served at once at most. Each holds a descriptor and up to some hundred kilobytes of buffers.
const MAX_CONNECTIONS: usize = 10_000;

/// How long a silent connection stays before the kernel asks whether the peer is still there, as in distribution.
const KEEP_ALIVE: Duration = Duration::from_secs(3 * 60);

/// A pause after a failed accept (out of descriptors, usually), so that it does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// A bound listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `host:port` as distribution writes it: an empty host means every address, an empty text a port
    /// of the system's choice.
    pub(crate) async fn bind(address: &str) -> io::Result<Self> {
        let address = match address {
            "" => "[::]:0".to_owned(),
            text if text.starts_with(':') => format!("[::]{text}"),
            text => text.to_owned(),
        };
        let bound = match TcpListener::bind(&address).await {
            // A host without IPv6: an empty host then means every IPv4 address.
            Err(error) if address.starts_with("[::]:") && error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind(address.replace("[::]", "0.0.0.0")).await
            }
            bound => bound,
        };
        let inner = bound?;
        let address = inner.local_addr()?;
        Ok(Self { inner, address })
    }

    /// The address listened on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts connections until `stop`, then lets the running requests finish for at most `drain`, or until `abort`.
/// Returns whether all of them did; at the end no connection is left.
pub(crate) async fn accept_loop(
    listener: Listener,
    edge: Edge,
    stop: CancellationToken,
    abort: CancellationToken,
    drain: Duration,
) -> bool {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener.inner, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                prepare(&stream);
                let serving = edge.clone().serve(stream, peer, stop.clone());
                let abort = abort.clone();
                connections.spawn(async move {
                    abort.run_until_cancelled(serving).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
    drop(listener);
    connections.close();
    let finished = tokio::select! {
        // First, for it ends the connections as well, which is no finishing.
        biased;
        () = abort.cancelled() => false,
        () = connections.wait() => true,
        () = tokio::time::sleep(drain) => false,
    };
    // Uploads keep what came when their connection goes.
    abort.cancel();
    connections.wait().await;
    finished
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // An IPv4 peer of a socket for both families is shown as what it is.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    Ok((stream, peer, place))
}

/// Sets what makes a connection better; it works without.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE);
    let set = stream
        .set_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keep_alive));
    if let Err(error) = set {
        tracing::debug!(error = %error, "the options of a connection cannot be set");
    }
}
