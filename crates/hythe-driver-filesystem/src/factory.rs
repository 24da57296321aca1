use std::sync::Arc;

use async_trait::async_trait;
use hythe_driver::{BoxError, DriverFactory, Parameters, StorageDriver};

use crate::error::NAME;
use crate::{FilesystemDriver, FilesystemParameters};

/// Makes a [`FilesystemDriver`] from the parameters `rootdirectory` and `maxthreads`.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesystemFactory;

#[async_trait]
impl DriverFactory for FilesystemFactory {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn create(&self, parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError> {
        let parameters = FilesystemParameters::read(parameters)?;
        let driver = tokio::task::spawn_blocking(move || FilesystemDriver::new(parameters)).await??;
        Ok(Arc::new(driver))
    }
}
