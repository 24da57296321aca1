//! What is read again while the registry runs: when a file has changed, and on SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often files are looked at. A change is taken up once it has rested as long, for a certificate and its key are
/// never written at the same moment.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something made of files.
#[async_trait]
pub(crate) trait Reload: Send + Sync {
    /// What it is, for the log.
    fn name(&self) -> &'static str;

    /// The files to be looked at.
    fn files(&self) -> Vec<PathBuf>;

    /// Reads the files again. After an error, which says which file is bad, everything is as before.
    async fn reload(&self) -> Result<(), String>;
}

/// Looks at files until `stop`.
pub(crate) struct Watcher {
    watched: Vec<Watched>,
    hangup: Signal,
}

struct Watched {
    thing: Arc<dyn Reload>,
    /// Of the files as they were taken up last, good or bad.
    taken: Vec<Option<Stamp>>,
    /// Of the files as they were seen last.
    seen: Vec<Option<Stamp>>,
}

/// What changes with a file; `None` for one that cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    /// A file that another one was renamed to.
    inode: u64,
}

impl Watcher {
    /// Remembers how the files are now.
    pub(crate) fn new(things: Vec<Arc<dyn Reload>>) -> std::io::Result<Self> {
        let watched = things.into_iter().map(|thing| {
            let taken = stamps(&thing.files());
            let seen = taken.clone();
            Watched { thing, taken, seen }
        });
        Ok(Self {
            watched: watched.collect(),
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Reloads what has changed, and everything on SIGHUP.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => false,
                _ = self.hangup.recv() => true,
            };
            if is_asked {
                tracing::info!("reading certificates, keys and access lists again");
            }
            for watched in &mut self.watched {
                watched.look(is_asked).await;
            }
        }
    }
}

impl Watched {
    async fn look(&mut self, is_asked: bool) {
        let files = self.thing.files();
        let Ok(now) = tokio::task::spawn_blocking(move || stamps(&files)).await else {
            return;
        };
        let has_rested = now == self.seen;
        let has_changed = now != self.taken;
        self.seen.clone_from(&now);
        if !(is_asked || has_changed && has_rested) {
            return;
        }
        self.taken = now;
        let name = self.thing.name();
        match self.thing.reload().await {
            Ok(()) => tracing::info!("{name}: read again"),
            Err(error) => tracing::error!("{name}: the old one stays in use: {error}"),
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    files.iter().map(|path| stamp(path)).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        size: metadata.len(),
        inode: std::os::unix::fs::MetadataExt::ino(&metadata),
    })
}
