//! Sending a request again when that may help.
//!
//! The official policy waits as long as a server tells it to, whatever that is, and not at all for an answer that
//! never comes. This one is bounded in every direction: in tries, in each wait, and in the time one try may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, StatusCode};
use azure_core::{Error, Result};
use rand::RngExt as _;
use tokio::sync::Semaphore;

/// A longer wait is not made here; the caller is told of it instead.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// An answer takes no longer than this, apart from the time for the request's body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The slowest line on which a body is still sent to its end, in bytes per second.
const SLOWEST_LINE: u64 = 256 << 10;

/// Tries a request a few times, with growing delays, and lets only so many be under way at once.
#[derive(Debug)]
pub(crate) struct Retry {
    max_retries: u32,
    first_delay: Duration,
    slots: Arc<Semaphore>,
}

/// Put into a request's context to learn how often it was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(Arc<AtomicU32>);

impl Attempts {
    /// Whether the request was sent more than once, so that an earlier try may have succeeded unnoticed.
    pub(crate) fn were_several(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

impl Retry {
    pub(crate) fn new(max_retries: u32, first_delay: Duration, max_concurrency: usize) -> Self {
        Self {
            max_retries,
            first_delay,
            slots: Arc::new(Semaphore::new(max_concurrency.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    /// Twice as long after each try, somewhere in the upper half of that so that clients do not come in step.
    fn delay(&self, retries: u32) -> Duration {
        let longest = self
            .first_delay
            .saturating_mul(1 << retries.min(16))
            .min(LONGEST_WAIT);
        longest.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    async fn try_once(
        &self,
        context: &Context<'_>,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let _slot = self.slots.acquire().await;
        if let Some(attempts) = context.value::<Attempts>() {
            attempts.0.fetch_add(1, Ordering::Relaxed);
        }
        let allowed = allowed_time(request);
        match tokio::time::timeout(allowed, next[0].send(context, request, &next[1..])).await {
            Ok(answered) => answered,
            Err(_elapsed) => Err(Error::with_message(ErrorKind::Io, "the service does not answer")),
        }
    }
}

#[async_trait]
#[allow(
    elided_lifetimes_in_paths,
    reason = "written as in the trait, or the lifetimes do not match"
)]
impl Policy for Retry {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let mut retries = 0;
        loop {
            let answered = self.try_once(context, request, next).await;
            let Outcome::Retry { asked } = judge(&answered) else {
                return answered;
            };
            let asked = asked.unwrap_or_default();
            if retries >= self.max_retries || asked > LONGEST_WAIT {
                return answered;
            }
            drop(answered);
            tokio::time::sleep(self.delay(retries).max(asked)).await;
            request.body_mut().reset().await?;
            retries += 1;
        }
    }
}

fn allowed_time(request: &Request) -> Duration {
    let body_bytes = request.body().len().unwrap_or_default();
    ANSWER_TIMEOUT + Duration::from_secs(body_bytes / SLOWEST_LINE)
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Final,
    Retry { asked: Option<Duration> },
}

fn judge(answered: &Result<azure_core::http::AsyncRawResponse>) -> Outcome {
    match answered {
        Ok(response) if is_temporary(response.status()) => Outcome::Retry {
            asked: retry_after(response.headers()),
        },
        Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection) => {
            Outcome::Retry { asked: None }
        }
        Ok(_) | Err(_) => Outcome::Final,
    }
}

/// Whether the same request may be answered otherwise a little later.
pub(crate) fn is_temporary(status: StatusCode) -> bool {
    matches!(u16::from(status), 408 | 429 | 500 | 502 | 503 | 504)
}

/// When the service wants to be asked again, if it says so in seconds or milliseconds.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name: &'static str| headers.get_optional_str(&name.into())?.trim().parse::<u64>().ok();
    let milliseconds = number("x-ms-retry-after-ms").or_else(|| number("retry-after-ms"));
    let asked = milliseconds.map(Duration::from_millis);
    asked.or_else(|| number("retry-after").map(Duration::from_secs))
}

#[cfg(test)]
mod tests;
