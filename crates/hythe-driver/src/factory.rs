use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{BoxError, StorageDriver};

/// A driver's parameters as they stand in the configuration; each driver reads them into its own type.
pub type Parameters = serde_json::Map<String, serde_json::Value>;

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {reason}")]
pub struct ParameterProblem {
    /// Its name; sections around it are in front, with dots.
    pub name: String,
    /// What is wrong with it and what was expected. Without its value where that may be a secret.
    pub reason: String,
}

impl ParameterProblem {
    /// A problem with the parameter `name`.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        let (name, reason) = (name.into(), reason.into());
        Self { name, reason }
    }
}

/// Makes drivers of one kind from their parameters.
#[async_trait]
pub trait DriverFactory: Debug + Send + Sync {
    /// The name under `storage:` in the configuration.
    fn name(&self) -> &'static str;

    /// What is wrong with the parameters, as far as they tell by themselves: nothing is opened and nobody is asked.
    fn check(&self, parameters: &Parameters) -> Vec<ParameterProblem>;

    /// Checks the parameters and makes the driver ready for use (a root directory is created, credentials are
    /// read). Unknown parameters are ignored.
    async fn create(&self, parameters: &Parameters) -> Result<Arc<dyn StorageDriver>, BoxError>;
}

/// Why no driver could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactoryError {
    /// No driver has that name.
    #[error("unknown storage driver {name:?}; this build has: {available}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that would have worked, separated by commas.
        available: String,
    },
    /// The driver exists but was left out of this build.
    #[error("storage driver {name:?} is not part of this build; build with the feature {feature:?}")]
    NotBuilt {
        /// The name asked for.
        name: String,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The parameters are wrong or the backend refused.
    #[error("storage driver {name:?} cannot be set up")]
    Setup {
        /// The name asked for.
        name: String,
        /// What the driver said.
        #[source]
        source: BoxError,
    },
}

/// The drivers a program was built with: a value that the program makes, not a global.
#[derive(Debug, Default, Clone)]
pub struct DriverFactories {
    present: BTreeMap<&'static str, Arc<dyn DriverFactory>>,
    absent: BTreeMap<&'static str, &'static str>,
}

impl DriverFactories {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a driver. A later one of the same name replaces the earlier.
    #[must_use]
    pub fn with(mut self, factory: impl DriverFactory + 'static) -> Self {
        self.present.insert(factory.name(), Arc::new(factory));
        self
    }

    /// Names a driver that exists but was left out of this build, and the cargo feature that brings it.
    #[must_use]
    pub fn without(mut self, name: &'static str, feature: &'static str) -> Self {
        self.absent.insert(name, feature);
        self
    }

    /// The names of the drivers in this build.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.present.keys().copied()
    }

    /// The drivers that were left out of this build, each with the cargo feature that brings it.
    pub fn missing(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.absent.iter().map(|(&name, &feature)| (name, feature))
    }

    /// What is wrong with the parameters of the driver called `name`; nothing when there is no such driver.
    pub fn check(&self, name: &str, parameters: &Parameters) -> Vec<ParameterProblem> {
        let factory = self.present.get(name);
        factory.map_or_else(Vec::new, |factory| factory.check(parameters))
    }

    /// Makes the driver called `name`.
    pub async fn create(
        &self,
        name: &str,
        parameters: &Parameters,
    ) -> Result<Arc<dyn StorageDriver>, FactoryError> {
        if let Some(factory) = self.present.get(name) {
            let set_up = factory.create(parameters).await;
            return set_up.map_err(|source| FactoryError::Setup {
                name: name.to_owned(),
                source,
            });
        }
        if let Some(&feature) = self.absent.get(name) {
            return Err(FactoryError::NotBuilt {
                name: name.to_owned(),
                feature,
            });
        }
        let available = self.names().collect::<Vec<_>>().join(", ");
        Err(FactoryError::Unknown {
            name: name.to_owned(),
            available,
        })
    }
}
