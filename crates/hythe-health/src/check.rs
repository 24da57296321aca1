use std::fmt::{self, Debug};

use async_trait::async_trait;

/// Looks at one thing.
#[async_trait]
pub trait Check: Debug + Send + Sync + 'static {
    /// Looks once.
    ///
    /// # Behaviour
    /// * It may be dropped at any moment: who asks gives up after a minute.
    /// * It is not called again before it has ended.
    async fn check(&self) -> Result<(), Down>;
}

/// Why something is down, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Down(String);

impl Down {
    /// Down for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// Down for this reason and its causes, on one line.
    pub(crate) fn because(what: impl fmt::Display, error: &dyn std::error::Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}
