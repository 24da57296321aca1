use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hythe_driver::{Content, ErrorKind, Result, StorageDriver};

use crate::{Action, Call, Layered, Policy};

/// One call that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Observation {
    /// The driver's name.
    pub driver: &'static str,
    /// Which call.
    pub action: Action,
    /// How long it took.
    pub duration: Duration,
    /// How it failed; `None`: it did not.
    pub failure: Option<ErrorKind>,
}

/// Is told of every call.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Takes note; it must be quick.
    fn observe(&self, observation: Observation);
}

/// Writes calls that failed to the log at debug level; expected misses are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogObserver;

impl Observer for LogObserver {
    fn observe(&self, observation: Observation) {
        let Some(failure) = observation.failure else {
            return;
        };
        if failure != ErrorKind::NotFound {
            tracing::debug!(
                driver = observation.driver,
                action = observation.action.name(),
                seconds = observation.duration.as_secs_f64(),
                failure = ?failure,
                "storage call failed"
            );
        }
    }
}

/// A driver that reports every call to an observer.
pub type Instrumented = Layered<InstrumentPolicy>;

impl Instrumented {
    /// Reports the calls of `inner` to the log.
    pub fn new(inner: Arc<dyn StorageDriver>) -> Self {
        Self::observed_by(inner, LogObserver)
    }

    /// Reports the calls of `inner` to `observer`.
    pub fn observed_by(inner: Arc<dyn StorageDriver>, observer: impl Observer) -> Self {
        Self::with_policy(
            inner,
            Arc::new(InstrumentPolicy {
                observer: Box::new(observer),
            }),
        )
    }
}

/// Measures each call.
#[derive(Debug)]
pub struct InstrumentPolicy {
    observer: Box<dyn Observer>,
}

impl Policy for InstrumentPolicy {
    const WALKS_BY_LISTING: bool = false;

    async fn around<T: Send>(
        &self,
        call: Call<'_>,
        run: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let started = Instant::now();
        let outcome = run.await;
        self.observer.observe(Observation {
            driver: call.driver,
            action: call.action,
            duration: started.elapsed(),
            failure: outcome.as_ref().err().map(hythe_driver::Error::kind),
        });
        outcome
    }

    fn content(&self, _call: Call<'_>, content: Content) -> Content {
        content
    }
}
