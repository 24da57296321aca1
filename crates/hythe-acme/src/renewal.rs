//! When to ask again.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use crate::certificate::Certificate;

/// How long before its end a certificate is replaced at the most, as in `autocert`.
const LONGEST_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// By how much replicas that share a certificate are spread at the most, as in `autocert`.
const LONGEST_JITTER: Duration = Duration::from_secs(60 * 60);

/// The first pause after a failure. With the doubling it keeps below five failures an hour, beyond which Let's Encrypt
/// asks for patience (<https://letsencrypt.org/docs/rate-limits/>).
const SHORTEST_PAUSE: Duration = Duration::from_secs(2 * 60);

/// The longest pause. A certificate of ninety days has a hundred more attempts before its end.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);

/// When a certificate is to be replaced: when a third of its life is left, or thirty days. `jitter` is between 0 and 1
/// and puts it off a little.
pub(crate) fn due(certificate: &Certificate, jitter: f64) -> SystemTime {
    let life = certificate.not_after.duration_since(certificate.not_before);
    let before = (life.unwrap_or_default() / 3).min(LONGEST_BEFORE);
    let put_off = (before / 10).min(LONGEST_JITTER).mul_f64(jitter);
    certificate.not_after - before + put_off
}

/// The pauses between attempts that fail, without an end.
pub(crate) fn pauses() -> ExponentialBackoff {
    let builder = ExponentialBuilder::default()
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times();
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::tests::kept;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn left_when_due(life: Duration, jitter: f64) -> Duration {
        let pem = kept("a.test");
        let provider = rustls::crypto::ring::default_provider();
        let mut certificate = Certificate::parse(pem.as_bytes(), "a.test", &provider).unwrap();
        certificate.not_after = certificate.not_before + life;
        certificate
            .not_after
            .duration_since(due(&certificate, jitter))
            .unwrap()
    }

    #[test]
    fn a_third_of_the_life_or_thirty_days_are_left() {
        assert_eq!(left_when_due(90 * DAY, 0.0), 30 * DAY);
        assert_eq!(left_when_due(365 * DAY, 0.0), 30 * DAY);
        assert_eq!(left_when_due(6 * DAY, 0.0), 2 * DAY);
        assert_eq!(
            left_when_due(Duration::from_secs(30), 0.0),
            Duration::from_secs(10)
        );
    }

    #[test]
    fn jitter_puts_it_off_by_a_little() {
        assert_eq!(left_when_due(90 * DAY, 1.0) + LONGEST_JITTER, 30 * DAY);
        assert_eq!(
            left_when_due(Duration::from_secs(30), 1.0),
            Duration::from_secs(9)
        );
    }

    #[test]
    fn pauses_grow_and_never_end() {
        let pauses: Vec<Duration> = pauses().take(20).collect();
        assert_eq!(pauses.len(), 20);
        assert!(
            pauses[0] >= SHORTEST_PAUSE && pauses[0] <= 2 * SHORTEST_PAUSE,
            "{pauses:?}"
        );
        assert!(
            pauses[19] >= LONGEST_PAUSE && pauses[19] <= 2 * LONGEST_PAUSE,
            "{pauses:?}"
        );
        // Less than five failures in the first hour, however the dice fall.
        let hour: Duration = [1, 2, 4, 8, 16]
            .iter()
            .map(|&factor| SHORTEST_PAUSE * factor)
            .sum();
        assert!(hour >= Duration::from_secs(60 * 60));
    }
}
