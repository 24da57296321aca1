//! What is tried again, and when.

use std::time::Duration;

use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::retry::ErrorKind;

/// The first attempt included.
pub(crate) const ATTEMPTS: u32 = 4;
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAXIMUM_BACKOFF: Duration = Duration::from_secs(5);
/// A service that wants to be left alone for longer is not waited for: the caller is told when to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exponential, with jitter.
pub(crate) fn config() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAXIMUM_BACKOFF)
}

/// The SDK's budget for retries is one for the whole process, so that an outage for one driver would leave
/// another without any. Here the number of attempts and the number of requests at once are the bounds.
pub(crate) fn partition() -> RetryPartition {
    RetryPartition::custom("hythe")
        .token_bucket(TokenBucket::unlimited())
        .build()
}

/// Does what the service says in `Retry-After`, which the SDK does not look at.
#[derive(Debug)]
pub(crate) struct RetryAfter;

impl ClassifyRetry for RetryAfter {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(response) = context.response() else {
            return RetryAction::NoActionIndicated;
        };
        if !matches!(response.status().as_u16(), 429 | 503) {
            return RetryAction::NoActionIndicated;
        }
        let delay = response
            .headers()
            .get("retry-after")
            .and_then(|seconds| seconds.trim().parse().ok());
        match delay.map(Duration::from_secs) {
            None => RetryAction::throttling_error(),
            Some(delay) if delay <= PATIENCE => {
                RetryAction::retryable_error_with_explicit_delay(ErrorKind::ThrottlingError, delay)
            }
            Some(_) => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "RetryAfter"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
