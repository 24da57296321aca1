use std::sync::Arc;

use async_trait::async_trait;
use hythe_driver::{BoxError, DriverFactory, ParameterProblem, Parameters, StorageDriver};

use crate::InMemoryDriver;
use crate::driver::NAME;

/// Makes an empty [`InMemoryDriver`]; it has no parameters.
#[derive(Debug, Clone, Copy, Default)]
pub struct InMemoryFactory;

#[async_trait]
impl DriverFactory for InMemoryFactory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, _parameters: &Parameters) -> Vec<ParameterProblem> {
        Vec::new()
    }

    async fn create(&self, _parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError> {
        Ok(Arc::new(InMemoryDriver::new()))
    }
}
