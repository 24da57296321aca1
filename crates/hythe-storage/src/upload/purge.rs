//! Removing uploads that nobody finished.
//!
//! A client that goes away in the middle of an upload leaves its session behind, for days in case it comes back.
//! [`purge_once`] removes those that were started too long ago; [`run`] does it again and again until it is told to
//! stop.
//!
//! Age is counted from our record or from `startedat`, as in distribution v3. That one keeps directories without it for ever; it makes
//! one itself whenever an upload is cancelled. Here they go too, by the time their files were last written.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use hythe_driver::{
    self as driver, DriverPath, ErrorKind, FileInfo, ListOptions, ResumeToken, StorageDriver, WalkControl,
    WalkOptions, WalkVisitor, WriterMode,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::layout::Layout;
use crate::options::Clock;

use super::parse_started_at;
use super::record::{MAX_RECORD_BYTES, Record};

/// `startedat` holds a time as text, 20 bytes and a few more with fractions and a zone.
const MAX_STARTED_AT_BYTES: u64 = 256;

/// Who leaves more unfinished uploads of one path than this has the rest removed the next time.
const MAX_UPLOADS_OF_A_PATH: usize = 100;

/// The directory of a repository's uploads.
const UPLOADS: &str = "_uploads";

/// What to remove (`storage.maintenance.uploadpurging`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeOptions {
    /// Uploads started longer ago than this (`age`).
    pub older_than: Duration,
    /// Only tell what would be removed (`dryrun`).
    pub dry_run: bool,
}

/// When to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeSchedule {
    /// How long to wait before the first time, so that many registries that start together do not look together.
    pub first_after: Duration,
    /// How long to wait between two times (`interval`).
    pub interval: Duration,
}

/// A week, as in distribution v3.
impl Default for PurgeOptions {
    fn default() -> Self {
        Self {
            older_than: Duration::from_secs(7 * 24 * 60 * 60),
            dry_run: false,
        }
    }
}

/// What one look led to.
#[derive(Debug, Default)]
pub struct PurgeReport {
    /// The directories that were removed, or would have been in a dry run.
    pub removed: Vec<DriverPath>,
    /// What went wrong. The uploads concerned are looked at again the next time.
    pub errors: Vec<driver::Error>,
}

/// Is told of each look.
pub trait PurgeObserver: Debug + Send + Sync {
    /// A look begins.
    fn begins(&self);

    /// It has ended at `now`, which led to this.
    fn ends(&self, options: &PurgeOptions, report: &PurgeReport, now: SystemTime);
}

/// Nobody who wants to know.
impl PurgeObserver for () {
    fn begins(&self) {}

    fn ends(&self, _: &PurgeOptions, _: &PurgeReport, _: SystemTime) {}
}

/// Looks at every upload once and removes the old ones.
///
/// # Behaviour
/// * An upload is old when its record or `startedat` says so; when neither can be read as a time, when nothing in its
///   directory was written for that long. Where the backend tells no times, it stays.
/// * Only directories named after a UUID in a repository's `_uploads` are uploads.
/// * No error ends the look; all are reported.
/// * What the backend holds for an unfinished upload goes with the directory.
/// * Dropping the future leaves at worst an upload half removed, which the next look completes.
pub async fn purge_once(driver: &dyn StorageDriver, options: PurgeOptions, clock: &dyn Clock) -> PurgeReport {
    let mut report = PurgeReport::default();
    // A clock that stands before the age finds nothing old.
    let Some(threshold) = clock.now().checked_sub(options.older_than) else {
        return report;
    };
    // No walk: it would end at a directory that cannot be read, and nothing behind that would ever be purged.
    let mut pending = vec![Layout::default().repositories()];
    while let Some(directory) = pending.pop() {
        let directories = match directories_in(driver, &directory).await {
            Ok(directories) => directories,
            Err(error) => {
                report.errors.push(error);
                continue;
            }
        };
        if directory.name() != UPLOADS {
            let entered = directories.into_iter().filter(may_hold_uploads);
            pending.extend(entered.rev());
            continue;
        }
        let is_upload = |child: &DriverPath| Uuid::try_parse(child.name()).is_ok();
        for upload in directories.into_iter().filter(is_upload) {
            match purge(driver, &upload, threshold, options.dry_run).await {
                Ok(true) => report.removed.push(upload),
                Ok(false) => {}
                Err(error) => report.errors.push(error),
            }
        }
    }
    report
}

/// Looks again and again until `stop` is cancelled, and logs what it finds.
pub async fn run(
    driver: Arc<dyn StorageDriver>,
    options: PurgeOptions,
    schedule: PurgeSchedule,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn PurgeObserver>,
    stop: CancellationToken,
) {
    let mut wait = schedule.first_after;
    loop {
        tracing::info!(seconds = wait.as_secs(), "upload purge is scheduled");
        let waited = unless(&stop, tokio::time::sleep(wait)).await;
        let Some(()) = waited else { return };
        let older_than = options.older_than.as_secs();
        tracing::info!(
            older_than_seconds = older_than,
            dry_run = options.dry_run,
            "upload purge begins"
        );
        observer.begins();
        let purged = unless(&stop, purge_once(&*driver, options, &*clock)).await;
        let Some(report) = purged else { return };
        observer.ends(&options, &report, clock.now());
        for upload in &report.removed {
            tracing::info!(%upload, dry_run = options.dry_run, "old upload removed");
        }
        for error in &report.errors {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, "upload could not be purged");
        }
        tracing::info!(
            removed = report.removed.len(),
            errors = report.errors.len(),
            "upload purge ends"
        );
        wait = schedule.interval;
    }
}

/// What the future returns, or `None` when it had to stop.
async fn unless<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    stop.run_until_cancelled(work).await
}

/// Removes one upload if it is old; whether it was.
async fn purge(
    driver: &dyn StorageDriver,
    upload: &DriverPath,
    threshold: SystemTime,
    dry_run: bool,
) -> driver::Result<bool> {
    let record = if driver.capabilities().append {
        None
    } else {
        record(driver, upload).await?
    };
    let mut since = record.as_ref().and_then(Record::started_at);
    if since.is_none() {
        since = started_at(driver, upload).await?;
    }
    if since.is_none() {
        since = last_written(driver, upload).await?;
    }
    let is_old = since.is_some_and(|since| since < threshold);
    if is_old && !dry_run {
        cancel_unfinished(driver, upload, record.and_then(|record| record.token())).await?;
        match driver.delete(upload).await {
            // Somebody else was faster.
            Err(error) if error.is_not_found() => return Ok(false),
            deleted => deleted?,
        }
    }
    Ok(is_old)
}

/// Where the backend keeps an unfinished upload apart from files: lets the driver remove it, as our record names it,
/// and as it is found by its path. Not every backend finds it by its directory.
async fn cancel_unfinished(
    driver: &dyn StorageDriver,
    upload: &DriverPath,
    token: Option<ResumeToken>,
) -> driver::Result<()> {
    if driver.capabilities().append {
        return Ok(());
    }
    let Ok(data) = upload.join("data") else {
        return Ok(());
    };
    if let Some(token) = token {
        cancel(driver, &data, WriterMode::Resume(token)).await?;
    }
    // A client that began several uploads of one path left several.
    for _ in 0..MAX_UPLOADS_OF_A_PATH {
        if !cancel(driver, &data, WriterMode::Append).await? {
            break;
        }
    }
    Ok(())
}

/// Removes what a driver opens; whether there was anything that it could open.
async fn cancel(driver: &dyn StorageDriver, data: &DriverPath, mode: WriterMode) -> driver::Result<bool> {
    match driver.writer(data, mode).await {
        Ok(writer) => writer.cancel().await.map(|()| true),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::InvalidToken | ErrorKind::Unsupported => Ok(false),
            _ => Err(error),
        },
    }
}

/// Our record of an upload.
async fn record(driver: &dyn StorageDriver, upload: &DriverPath) -> driver::Result<Option<Record>> {
    let Ok(path) = upload.join("session") else {
        return Ok(None);
    };
    match driver.get_content(&path, MAX_RECORD_BYTES).await {
        // One that cannot be read names nothing that could be removed.
        Ok(content) => Ok(Record::parse(&content)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotAFile | ErrorKind::TooLarge => Ok(None),
            _ => Err(error),
        },
    }
}

/// When an upload was started; `None` when that is not recorded, or not as a time.
async fn started_at(driver: &dyn StorageDriver, upload: &DriverPath) -> driver::Result<Option<SystemTime>> {
    let Ok(path) = upload.join("startedat") else {
        return Ok(None);
    };
    match driver.get_content(&path, MAX_STARTED_AT_BYTES).await {
        Ok(content) => Ok(parse_started_at(&content)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotAFile | ErrorKind::TooLarge => Ok(None),
            _ => Err(error),
        },
    }
}

/// When anything of an upload was last written; `None` when the backend does not tell.
async fn last_written(driver: &dyn StorageDriver, upload: &DriverPath) -> driver::Result<Option<SystemTime>> {
    let mut newest = Newest(driver.stat(upload).await?.modified);
    match driver.walk(upload, WalkOptions::default(), &mut newest).await {
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(newest.0),
    }
}

/// The directories in a directory; none when it is not there (any more).
async fn directories_in(
    driver: &dyn StorageDriver,
    directory: &DriverPath,
) -> driver::Result<Vec<DriverPath>> {
    match driver.list(directory, ListOptions::default()).await {
        Ok(children) => {
            let directories = children.into_iter().filter(FileInfo::is_directory);
            Ok(directories.map(|child| child.path).collect())
        }
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether a directory is part of a repository's name, or holds its uploads.
fn may_hold_uploads(directory: &DriverPath) -> bool {
    directory.name() == UPLOADS || !directory.name().starts_with('_')
}

/// Keeps the latest time of what it sees.
struct Newest(Option<SystemTime>);

#[async_trait]
impl WalkVisitor for Newest {
    async fn visit(&mut self, info: FileInfo) -> driver::Result<WalkControl> {
        self.0 = self.0.max(info.modified);
        Ok(WalkControl::Descend)
    }
}
