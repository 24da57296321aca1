use std::fmt::Debug;

use async_trait::async_trait;
use http::Uri;

use crate::{Capabilities, DriverPath, RedirectRequest, Result, StorageDriver};

/// Decides about addresses in place of the driver below it; everything else stays that driver's. It is what the
/// configuration calls a storage middleware.
#[async_trait]
pub trait Redirector: Debug + Send + Sync {
    /// Whether there may be an address for a file of a driver with these capabilities.
    fn can_redirect(&self, below: &Capabilities) -> bool;

    /// The answer to [`StorageDriver::redirect_url`], whose behaviour it has, over the driver `below`.
    async fn redirect_url(
        &self,
        below: &dyn StorageDriver,
        path: &DriverPath,
        request: &RedirectRequest,
    ) -> Result<Option<Uri>>;
}
