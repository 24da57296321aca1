//! The level of the application log, which can change while the program runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use tracing::Level;
use tracing::callsite::rebuild_interest_cache;

use crate::compose;
use crate::load::{self, UnknownKeys};
use crate::reload::Reload;

/// Every level, the fewest lines first.
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// A level that several parts share. Clones are the same level.
#[derive(Debug, Clone)]
pub(crate) struct SharedLevel(Arc<AtomicU8>);

impl SharedLevel {
    /// Begins with this one.
    pub(crate) fn new(level: Level) -> Self {
        Self(Arc::new(AtomicU8::new(index(level))))
    }

    /// The level of this moment.
    pub(crate) fn get(&self) -> Level {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        LEVELS.get(index).copied().unwrap_or(Level::INFO)
    }

    /// Shows another level from now on.
    pub(crate) fn set(&self, level: Level) {
        if self.0.swap(index(level), Ordering::Relaxed) != index(level) {
            // Places that log remember whether anybody listens.
            rebuild_interest_cache();
        }
    }
}

fn index(level: Level) -> u8 {
    let found = LEVELS.iter().position(|known| *known == level);
    found.and_then(|index| u8::try_from(index).ok()).unwrap_or(0)
}

/// Takes `log.level` out of the configuration file again. Everything else in it counts after a restart.
#[derive(Debug)]
pub(crate) struct LevelReload {
    level: SharedLevel,
    path: PathBuf,
}

impl LevelReload {
    /// Changes `level` as the file at `path` does.
    pub(crate) fn new(level: SharedLevel, path: PathBuf) -> Self {
        Self { level, path }
    }
}

#[async_trait]
impl Reload for LevelReload {
    fn name(&self) -> &'static str {
        "log.level"
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    async fn reload(&self) -> Result<(), String> {
        let path = self.path.clone();
        let loaded = tokio::task::spawn_blocking(move || load::load(Some(&path), UnknownKeys::Warn)).await;
        let loaded = loaded.map_err(|error| error.to_string())??;
        self.level.set(compose::log_level(loaded.configuration.log.level));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_what_was_set_last() {
        let level = SharedLevel::new(Level::WARN);
        let same = level.clone();
        for other in LEVELS {
            level.set(other);
            assert_eq!(same.get(), other);
        }
    }
}
