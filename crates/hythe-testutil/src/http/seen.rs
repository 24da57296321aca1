//! What a client met on its way to a registry.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counters of what stood between the client and the registry, so that a run can say that it met it.
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) tls_connections: AtomicUsize,
    pub(super) basic_requests: AtomicUsize,
    pub(super) tokens: AtomicUsize,
    pub(super) bearer_requests: AtomicUsize,
    pub(super) locations: AtomicUsize,
}

impl Seen {
    /// Connections on which TLS was spoken.
    pub fn tls_connections(&self) -> usize {
        self.tls_connections.load(Ordering::Relaxed)
    }

    /// Requests that were let in with a name and a password.
    pub fn basic_requests(&self) -> usize {
        self.basic_requests.load(Ordering::Relaxed)
    }

    /// Tokens that were fetched for a challenge.
    pub fn tokens(&self) -> usize {
        self.tokens.load(Ordering::Relaxed)
    }

    /// Requests that were let in with a token.
    pub fn bearer_requests(&self) -> usize {
        self.bearer_requests.load(Ordering::Relaxed)
    }

    /// `Location` fields whose form was demanded and right.
    pub fn locations(&self) -> usize {
        self.locations.load(Ordering::Relaxed)
    }

    /// Counts a request that was let in.
    pub(super) fn let_in(&self, authorization: &str) {
        let counter = if authorization.starts_with("Basic ") {
            &self.basic_requests
        } else {
            &self.bearer_requests
        };
        count(counter);
    }
}

pub(super) fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}
