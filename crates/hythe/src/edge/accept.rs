//! The accept loop and the end of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Accepted, Edge};
use super::listener::Listener;

/// Connections served at once at most. Each holds a descriptor and up to some hundred kilobytes of buffers.
const MAX_CONNECTIONS: usize = 10_000;

/// A pause after a failed accept (out of descriptors, usually), so that it does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

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
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((accepted, place)) => {
                let serving = edge.clone().serve(accepted, stop.clone());
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
    listener: &Listener,
    places: &Arc<Semaphore>,
) -> io::Result<(Accepted, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?, place))
}
