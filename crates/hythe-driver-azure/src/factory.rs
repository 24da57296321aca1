use std::sync::Arc;

use async_trait::async_trait;
use hythe_driver::{BoxError, DriverFactory, ParameterProblem, Parameters, StorageDriver};

use crate::error::NAME;
use crate::{AzureDriver, AzureParameters};

/// Makes an [`AzureDriver`] from the parameters under `storage.azure`.
#[derive(Debug, Clone, Copy, Default)]
pub struct AzureFactory;

#[async_trait]
impl DriverFactory for AzureFactory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, parameters: &Parameters) -> Vec<ParameterProblem> {
        let read = AzureParameters::read(parameters);
        read.err().into_iter().map(ParameterProblem::from).collect()
    }

    async fn create(&self, parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError> {
        let parameters = AzureParameters::read(parameters)?;
        // The certificates of the machine are read from its disk.
        let driver = tokio::task::spawn_blocking(move || AzureDriver::new(&parameters)).await??;
        Ok(Arc::new(driver))
    }
}
