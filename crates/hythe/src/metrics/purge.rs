//! The purging of old uploads.

use std::time::{SystemTime, UNIX_EPOCH};

use hythe_storage::purge::{PurgeObserver, PurgeOptions, PurgeReport};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::{Result, counter, gauge, register, signed};

/// What purging does.
#[derive(Debug)]
pub(crate) struct PurgeMetrics {
    running: IntGauge,
    runs: IntCounter,
    last_end: IntGauge,
    removed: IntCounter,
    would_be_removed: IntCounter,
    failed: IntCounter,
}

impl PurgeMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let uploads = Opts::new(
            "hythe_upload_purge_uploads_total",
            "Old uploads that purging found, by what became of them.",
        );
        let uploads = register(registry, IntCounterVec::new(uploads, &["outcome"])?)?;
        let outcome = |name: &str| uploads.with_label_values(&[name]);
        Ok(Self {
            running: gauge(
                registry,
                "hythe_upload_purge_running",
                "Whether old uploads are being looked for.",
            )?,
            runs: counter(
                registry,
                "hythe_upload_purge_runs_total",
                "How often old uploads were looked for, to the end.",
            )?,
            last_end: gauge(
                registry,
                "hythe_upload_purge_last_end_timestamp_seconds",
                "When that ended last; 0 until then.",
            )?,
            removed: outcome("removed"),
            would_be_removed: outcome("dry_run"),
            failed: outcome("failed"),
        })
    }
}

impl PurgeObserver for PurgeMetrics {
    fn begins(&self) {
        self.running.set(1);
    }

    fn ends(&self, options: &PurgeOptions, report: &PurgeReport, now: SystemTime) {
        self.running.set(0);
        self.runs.inc();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_end.set(signed(now.as_secs()));
        let found = if options.dry_run {
            &self.would_be_removed
        } else {
            &self.removed
        };
        found.inc_by(report.removed.len() as u64);
        self.failed.inc_by(report.errors.len() as u64);
    }
}
