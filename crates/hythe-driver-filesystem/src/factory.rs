use std::sync::Arc;

use async_trait::async_trait;
use hythe_driver::{BoxError, DriverFactory, ParameterProblem, Parameters, StorageDriver};

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

    fn check(&self, parameters: &Parameters) -> Vec<ParameterProblem> {
        let read = FilesystemParameters::read(parameters);
        read.err().into_iter().map(ParameterProblem::from).collect()
    }

    async fn create(&self, parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError> {
        let parameters = FilesystemParameters::read(parameters)?;
        let driver = tokio::task::spawn_blocking(move || FilesystemDriver::new(parameters)).await??;
        Ok(Arc::new(driver))
    }
}
