use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hythe_driver::{Content, Result, StorageDriver};

use crate::{Action, Call, Layered, Policy};

/// A driver that counts its calls.
pub type Counting = Layered<CountingPolicy>;

impl Counting {
    /// Counts the calls of `inner`.
    pub fn new(inner: Arc<dyn StorageDriver>) -> Self {
        Self::with_policy(inner, Arc::new(CountingPolicy::default()))
    }

    /// How often each call was made.
    pub fn counts(&self) -> BTreeMap<Action, u64> {
        self.policy()
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many calls were made.
    pub fn total(&self) -> u64 {
        self.counts().values().sum()
    }
}

/// Counts each call.
#[derive(Debug, Default)]
pub struct CountingPolicy {
    counts: Mutex<BTreeMap<Action, u64>>,
}

impl Policy for CountingPolicy {
    const WALKS_BY_LISTING: bool = true;

    async fn around<T: Send>(
        &self,
        call: Call<'_>,
        run: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        *self
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(call.action)
            .or_default() += 1;
        run.await
    }

    fn content(&self, _call: Call<'_>, content: Content) -> Content {
        content
    }
}
