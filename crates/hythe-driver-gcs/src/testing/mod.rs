//! A small imitation of the service in memory, for tests.
//!
//! It does what the emulators get wrong: a session tells how much it took, passes over what it has, refuses a gap and
//! is dead once cancelled; listings page through prefixes; a rewrite takes several requests. It counts requests, and
//! the ones that a test chooses fail in the ways in which networks and services fail.

mod bucket;
mod faults;
mod listing;
mod routes;
mod sessions;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hythe_driver::Parameters;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::bucket::Bucket;
pub use self::faults::Fault;

/// The bucket that there is.
pub const BUCKET: &str = "bucket";

/// The imitation, on a port of its own, until dropped.
#[derive(Debug)]
pub struct Service {
    bucket: Arc<Mutex<Bucket>>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Service {
    /// Starts with an empty bucket.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let bucket = Arc::new(Mutex::new(Bucket::new(format!("http://{address}"))));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&bucket)));
        Ok(Self {
            bucket,
            address,
            accepting,
        })
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a driver must be told to use it.
    pub fn parameters(&self) -> Parameters {
        let parameters = json!({ "bucket": BUCKET, "endpoint": self.endpoint(), "anonymous": true });
        parameters.as_object().cloned().unwrap_or_default()
    }

    /// Requests answered since the last [`Self::plan`], those that failed included.
    pub fn requests(&self) -> usize {
        self.bucket().log.len()
    }

    /// The method and path of those requests.
    pub fn log(&self) -> Vec<String> {
        self.bucket().log.clone()
    }

    /// Lets the n-th request from now on, counted from 1, fail; and begins to count anew.
    pub fn plan(&self, faults: impl IntoIterator<Item = (usize, Fault)>) {
        let mut bucket = self.bucket();
        bucket.log.clear();
        bucket.faults = faults.into_iter().collect();
    }

    /// Names and contents of all objects.
    pub fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let bucket = self.bucket();
        let objects = bucket.objects.iter();
        objects
            .map(|(key, stored)| (key.clone(), stored.content.to_vec()))
            .collect()
    }

    /// Puts an object as others would, with its content type and metadata.
    pub fn put(&self, key: &str, content: &[u8], content_type: &str, metadata: &[(&str, &str)]) {
        let metadata = metadata
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let content = bytes::Bytes::copy_from_slice(content);
        self.bucket()
            .store(key, content, content_type, metadata.collect());
    }

    /// Sessions that were begun.
    pub fn sessions_begun(&self) -> usize {
        self.bucket().sessions.len()
    }

    /// Sessions that were cancelled.
    pub fn sessions_cancelled(&self) -> usize {
        let bucket = self.bucket();
        bucket
            .sessions
            .iter()
            .filter(|session| session.is_cancelled())
            .count()
    }

    /// Sessions that were neither finished nor cancelled.
    pub fn sessions_open(&self) -> usize {
        let bucket = self.bucket();
        bucket.sessions.iter().filter(|session| session.is_open()).count()
    }

    /// The `Authorization` headers of the requests so far, each once.
    pub fn authorizations(&self) -> Vec<String> {
        self.bucket().authorizations.iter().cloned().collect()
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        lock(&self.bucket)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The bucket is whole between requests, so a panic elsewhere has not damaged it.
fn lock(bucket: &Mutex<Bucket>) -> MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, bucket: Arc<Mutex<Bucket>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let bucket = Arc::clone(&bucket);
        let service = service_fn(move |request| routes::answer(Arc::clone(&bucket), request));
        let served =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A connection that ends is the client's business, and ours where a fault was planned.
        tokio::spawn(served);
    }
}
