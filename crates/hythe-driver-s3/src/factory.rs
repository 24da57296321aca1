use std::sync::Arc;

use async_trait::async_trait;
use hythe_driver::{BoxError, DriverFactory, ParameterProblem, Parameters, StorageDriver};

use crate::{S3Driver, S3Parameters};

/// Makes an [`S3Driver`] from the parameters of the section; under both names that distribution has for it.
#[derive(Debug, Clone, Copy)]
pub struct S3Factory {
    name: &'static str,
}

impl S3Factory {
    /// Under the name `s3`.
    pub fn s3() -> Self {
        Self { name: "s3" }
    }

    /// Under the name `s3aws`.
    pub fn s3aws() -> Self {
        Self { name: "s3aws" }
    }
}

#[async_trait]
impl DriverFactory for S3Factory {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self, parameters: &Parameters) -> Vec<ParameterProblem> {
        let read = S3Parameters::read(parameters);
        read.err().into_iter().map(ParameterProblem::from).collect()
    }

    async fn create(&self, parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError> {
        let parameters = S3Parameters::read(parameters)?;
        for warning in &parameters.warnings {
            tracing::warn!(driver = self.name, "{warning}");
        }
        Ok(Arc::new(S3Driver::new(parameters).await?))
    }
}
