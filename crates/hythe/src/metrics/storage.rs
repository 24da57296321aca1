//! Calls to the storage driver.

use std::sync::{Arc, OnceLock};

use hythe_driver::ErrorKind;
use hythe_driver_layers::{Action, LogObserver, Observation, Observer};
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::{Result, register};

/// How long calls take and which fail.
#[derive(Debug)]
pub(crate) struct StorageMetrics {
    seconds: HistogramVec,
    failures: IntCounterVec,
    /// By [`Action`]; one process has one driver.
    series: [OnceLock<Histogram>; ACTIONS],
}

/// More than there are actions; the others are looked up.
const ACTIONS: usize = 24;

impl StorageMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let seconds = HistogramOpts::new(
            "registry_storage_action_seconds",
            "Time that a call to the storage takes.",
        );
        let failures = Opts::new(
            "hythe_storage_failures_total",
            "Calls to the storage that failed, by the kind of failure; not to be found is none.",
        );
        Ok(Self {
            seconds: register(registry, HistogramVec::new(seconds, &["driver", "action"])?)?,
            failures: register(
                registry,
                IntCounterVec::new(failures, &["driver", "action", "kind"])?,
            )?,
            series: Default::default(),
        })
    }

    fn count(&self, observation: &Observation) {
        let Observation {
            driver,
            action,
            duration,
            failure,
        } = observation;
        let histogram = || self.seconds.with_label_values(&[*driver, action.name()]);
        let seconds = duration.as_secs_f64();
        match self.series.get(index(*action)) {
            Some(series) => series.get_or_init(histogram).observe(seconds),
            None => histogram().observe(seconds),
        }
        if let Some(kind) = failure.filter(|kind| *kind != ErrorKind::NotFound) {
            let kind = format!("{kind:?}");
            self.failures
                .with_label_values(&[*driver, action.name(), &*kind])
                .inc();
        }
    }
}

fn index(action: Action) -> usize {
    action as usize
}

/// Counts calls, if there are metrics, and logs failures.
#[derive(Debug)]
pub(crate) struct CallObserver(pub(crate) Option<Arc<StorageMetrics>>);

impl Observer for CallObserver {
    fn observe(&self, observation: Observation) {
        LogObserver.observe(observation);
        if let Some(metrics) = &self.0 {
            metrics.count(&observation);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn calls_are_counted_by_action_and_failures_by_kind() {
        let registry = Registry::new();
        let metrics = Arc::new(StorageMetrics::new(&registry).unwrap());
        let observer = CallObserver(Some(metrics));
        for (action, failure) in [
            (Action::GetContent, None),
            (Action::GetContent, Some(ErrorKind::NotFound)),
            (Action::WriterAbandon, Some(ErrorKind::Unavailable)),
        ] {
            observer.observe(Observation {
                driver: "inmemory",
                action,
                duration: Duration::from_millis(3),
                failure,
            });
        }
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            "registry_storage_action_seconds_count{action=\"GetContent\",driver=\"inmemory\"} 2",
            "registry_storage_action_seconds_count{action=\"Writer.Abandon\",driver=\"inmemory\"} 1",
            "hythe_storage_failures_total{action=\"Writer.Abandon\",driver=\"inmemory\",kind=\"Unavailable\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("hythe_storage_failures_total{").count(), 1);
    }
}
