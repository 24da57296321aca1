//! A proxy between a registry and the storage service behind it, that counts what goes through and makes it fail.
//!
//! It forwards requests as they are, with their `Host` and with the case of their header names, so that signatures stay
//! right: the storage service takes them as if the client had sent them to itself. A client that is to be disturbed is
//! given [`Proxy::endpoint`] instead of the service's own. Every request gets a connection of its own to the service, so
//! that an idle connection that the service closes never looks like a fault.
//!
//! The proxy knows no storage protocol but for the names of the operations ([`Dialect`]), and plain HTTP only.

mod faults;
mod forward;
mod operation;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::faults::{Fault, Faults};
pub use self::operation::Dialect;

use crate::error::Error;
use forward::forward;

/// A running proxy. Dropping it closes the port; requests under way are cut off.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// A request that came through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// The operation, by the name that the service's documentation has for it.
    pub operation: &'static str,
    /// Method and target.
    pub line: String,
    /// What the service or the proxy answered, `None` when the connection was cut off instead.
    pub status: Option<u16>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    dialect: Dialect,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<Call>>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and forwards to the service at `upstream`.
    pub async fn start(upstream: SocketAddr, dialect: Dialect) -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            dialect,
            faults: Mutex::default(),
            calls: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            address,
            task,
        })
    }

    /// Where a client finds it: `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, requests suffer these faults; what was remembered of earlier requests is forgotten.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// All requests since the last [`forget`](Self::forget), in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// How many requests came since the last [`forget`](Self::forget), by operation.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for call in lock(&self.shared.calls).iter() {
            *counts.entry(call.operation).or_default() += 1;
        }
        counts
    }

    /// Counts from zero again.
    pub fn forget(&self) {
        lock(&self.shared.calls).clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            // A connection that cannot be accepted is the client's to miss.
            Ok((stream, _)) = listener.accept() => {
                let _ = stream.set_nodelay(true);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| forward(Arc::clone(&shared), request));
                    // A connection that ends in an error is what a fault looks like.
                    let _ = http1::Builder::new()
                        .preserve_header_case(true)
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
