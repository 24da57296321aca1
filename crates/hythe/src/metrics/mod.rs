//! Metrics, as values: what is counted belongs to one [`Metrics`], and nothing is global.
//!
//! Names and labels that begin with `registry_` and `process_` are the original's, so that its dashboards and alerts
//! go on; those that begin with `hythe_` are ours. `docs/metrics.md` lists all of them. Every label has a bounded set
//! of values: routes, methods, statuses, calls of drivers, checks of the configuration; never a name that a client
//! chose.
//!
//! The hard decision is what a request pays. Series are looked up once and kept, in tables by route and method, so
//! that counting is a few atomic additions. Where Prometheus is not configured there is no [`Metrics`] at all.

mod cache;
mod process;
mod purge;
mod requests;
mod storage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hythe_health::Health;
use prometheus::core::Collector;
use prometheus::{IntCounter, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

pub(crate) use cache::{CacheMetrics, ObservedCache};
pub(crate) use requests::{Measurement, RequestMetrics};
pub(crate) use storage::{CallObserver, StorageMetrics};

use process::ProcessMetrics;
use purge::PurgeMetrics;

/// The content type of what [`Metrics::render`] returns, as the original sends it.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

type Result<T> = std::result::Result<T, prometheus::Error>;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Of requests and connections.
    pub(crate) requests: Arc<RequestMetrics>,
    /// Of calls to the storage.
    pub(crate) storage: Arc<StorageMetrics>,
    /// Of the descriptor cache.
    pub(crate) cache: Arc<CacheMetrics>,
    /// Of the purging of uploads.
    pub(crate) purge: Arc<PurgeMetrics>,
    /// What is looked at when somebody asks; by one at a time, for counters are set in two steps.
    sampled: Mutex<Sampled>,
}

/// What is not counted but looked at.
#[derive(Debug)]
struct Sampled {
    process: ProcessMetrics,
    uploads: IntGauge,
    upload_memory: IntGauge,
    upload_memory_limit: IntGauge,
    checks: IntGaugeVec,
}

/// The uploads of this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UploadLoad {
    /// Bodies being received.
    pub(crate) running: usize,
    /// What they hold, in bytes.
    pub(crate) memory_bytes: u64,
    /// What they may hold (`http.uploadbuffers`), in bytes.
    pub(crate) memory_limit_bytes: u64,
}

impl Metrics {
    /// Metrics that nothing was counted in.
    pub(crate) fn new() -> Result<Self> {
        let registry = Registry::new();
        let labels = [("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
        let build =
            Opts::new("hythe_build_info", "Which program this is; always 1.").const_labels(labels.into());
        register(&registry, IntGauge::with_opts(build)?)?.set(1);
        Ok(Self {
            requests: Arc::new(RequestMetrics::new(&registry)?),
            storage: Arc::new(StorageMetrics::new(&registry)?),
            cache: Arc::new(CacheMetrics::new(&registry)?),
            purge: Arc::new(PurgeMetrics::new(&registry)?),
            sampled: Mutex::new(Sampled::new(&registry)?),
            registry,
        })
    }

    /// Everything, in Prometheus' text format. It reads small files of `/proc`.
    pub(crate) fn render(&self, uploads: UploadLoad, health: &Health) -> Result<String> {
        let sampled = self.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        sampled.look(uploads, health);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl Sampled {
    fn new(registry: &Registry) -> Result<Self> {
        let checks = Opts::new(
            "hythe_health_check_up",
            "Whether a health check of the configuration passes.",
        );
        Ok(Self {
            process: ProcessMetrics::new(registry)?,
            uploads: gauge(
                registry,
                "hythe_uploads_in_flight",
                "Request bodies that are being received into uploads.",
            )?,
            upload_memory: gauge(
                registry,
                "hythe_upload_memory_bytes",
                "Memory that holds what uploads received.",
            )?,
            upload_memory_limit: gauge(
                registry,
                "hythe_upload_memory_limit_bytes",
                "Memory that uploads may hold at most (http.uploadbuffers).",
            )?,
            checks: register(registry, IntGaugeVec::new(checks, &["check"])?)?,
        })
    }

    fn look(&self, uploads: UploadLoad, health: &Health) {
        self.process.look();
        self.uploads.set(signed(uploads.running as u64));
        self.upload_memory.set(signed(uploads.memory_bytes));
        self.upload_memory_limit.set(signed(uploads.memory_limit_bytes));
        let failing: BTreeMap<String, String> = health.failing();
        for name in health.names() {
            let is_up = !failing.contains_key(name);
            self.checks.with_label_values(&[name]).set(i64::from(is_up));
        }
    }
}

/// Gauges are signed.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    register(registry, IntGauge::new(name, help)?)
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter> {
    register(registry, IntCounter::new(name, help)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_registry_shows_what_is_always_there() {
        let metrics = Metrics::new().unwrap();
        let uploads = UploadLoad {
            running: 2,
            memory_bytes: 3,
            memory_limit_bytes: 4,
        };
        let text = metrics.render(uploads, &Health::default()).unwrap();
        for line in [
            "registry_http_in_flight_requests{handler=\"manifest\"} 0",
            "registry_storage_cache_requests_total 0",
            "registry_storage_cache_hits_total 0",
            "registry_storage_cache_errors_total 0",
            "hythe_uploads_in_flight 2",
            "hythe_upload_memory_bytes 3",
            "hythe_upload_memory_limit_bytes 4",
            "hythe_upload_purge_runs_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        // They appear with their first value.
        assert!(!text.contains("registry_http_requests_total"), "{text}");
        assert!(!text.contains("registry_storage_action_seconds"), "{text}");
    }

    #[test]
    fn two_of_them_know_nothing_of_each_other() {
        let (one, other) = (Metrics::new().unwrap(), Metrics::new().unwrap());
        one.requests.connected();
        let uploads = UploadLoad {
            running: 0,
            memory_bytes: 0,
            memory_limit_bytes: 0,
        };
        let text = other.render(uploads, &Health::default()).unwrap();
        assert!(text.contains("hythe_connections_total 0\n"), "{text}");
    }
}
