//! Why a case failed.

use std::error::Error as _;

/// One sentence that says what was expected and what was received.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

/// What a case returns.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The same failure, with what was being done in front.
    #[must_use]
    pub fn while_doing(self, what: &str) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl From<hythe_testutil::Error> for Failure {
    fn from(error: hythe_testutil::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !reason.contains(&cause) {
                reason = format!("{reason}: {cause}");
            }
            source = error.source();
        }
        Self(reason)
    }
}

/// Fails the case with a formatted reason unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::failure::Failure::new(format!($($reason)+)));
        }
    };
}
pub(crate) use ensure;
