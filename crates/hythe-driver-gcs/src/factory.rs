use std::sync::Arc;

use async_trait::async_trait;
use hythe_driver::{BoxError, DriverFactory, ParameterProblem, Parameters, StorageDriver};

use crate::error::NAME;
use crate::{GcsDriver, GcsParameters};

/// Makes a [`GcsDriver`] from its [`GcsParameters`].
#[derive(Debug, Clone, Copy, Default)]
pub struct GcsFactory;

#[async_trait]
impl DriverFactory for GcsFactory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, parameters: &Parameters) -> Vec<ParameterProblem> {
        let read = GcsParameters::read(parameters);
        read.err().into_iter().map(ParameterProblem::from).collect()
    }

    async fn create(&self, parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError> {
        let parameters = GcsParameters::read(parameters)?;
        // A key file is read.
        let driver = tokio::task::spawn_blocking(move || GcsDriver::new(&parameters)).await??;
        Ok(Arc::new(driver))
    }
}
