use std::sync::Arc;

use hythe_driver::{Content, Error, ErrorKind, Result, StorageDriver};
use tokio::sync::Semaphore;

use crate::{Call, Layered, Policy};

/// The fewest concurrent calls that can be configured; below it a registry would starve itself (distribution,
/// `maxthreads` and `maxconcurrency`).
pub const MINIMUM_CONCURRENT_CALLS: usize = 25;

/// A driver of which at most so many calls run at once.
///
/// A call that opens a reader or a writer counts until it is open. What is read is not held back, and each batch
/// written is a call of its own.
pub type Throttled = Layered<ThrottlePolicy>;

impl Throttled {
    /// Lets at most `concurrent_calls` calls through at once, and never fewer than
    /// [`MINIMUM_CONCURRENT_CALLS`].
    pub fn new(inner: Arc<dyn StorageDriver>, concurrent_calls: usize) -> Self {
        let slots = concurrent_calls.clamp(MINIMUM_CONCURRENT_CALLS, Semaphore::MAX_PERMITS);
        Self::with_policy(
            inner,
            Arc::new(ThrottlePolicy {
                slots: Semaphore::new(slots),
            }),
        )
    }
}

/// Makes calls wait for a slot.
#[derive(Debug)]
pub struct ThrottlePolicy {
    slots: Semaphore,
}

impl Policy for ThrottlePolicy {
    // A walk that held a slot while its visitor calls the driver could wait for itself.
    const WALKS_BY_LISTING: bool = true;

    async fn around<T: Send>(
        &self,
        call: Call<'_>,
        run: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let slot = self.slots.acquire().await;
        let _slot = slot.map_err(|closed| {
            Error::new(call.driver, call.action.method(), ErrorKind::Other).because(closed)
        })?;
        run.await
    }

    fn content(&self, _call: Call<'_>, content: Content) -> Content {
        content
    }
}
