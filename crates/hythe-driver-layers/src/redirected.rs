use std::sync::Arc;

use hythe_driver::{Content, Redirector, Result, StorageDriver};

use crate::{Call, Layered, Policy};

/// A driver whose addresses are somebody else's business.
pub type Redirected = Layered<RedirectorPolicy>;

impl Redirected {
    /// Lets `redirector` decide about the addresses of files in `inner`.
    pub fn new(inner: Arc<dyn StorageDriver>, redirector: Arc<dyn Redirector>) -> Self {
        Self::with_policy(inner, Arc::new(RedirectorPolicy { redirector }))
    }
}

/// Leaves every call as it is but the one for an address.
#[derive(Debug)]
pub struct RedirectorPolicy {
    redirector: Arc<dyn Redirector>,
}

impl Policy for RedirectorPolicy {
    const WALKS_BY_LISTING: bool = false;

    async fn around<T: Send>(
        &self,
        _call: Call<'_>,
        run: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        run.await
    }

    fn content(&self, _call: Call<'_>, content: Content) -> Content {
        content
    }

    fn redirector(&self) -> Option<&dyn Redirector> {
        Some(&*self.redirector)
    }
}
