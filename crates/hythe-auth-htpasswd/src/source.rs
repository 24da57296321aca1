use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::file::{LineError, Users};
use crate::provision::provision;

/// A change of the file is noticed after this time at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A file of this size has some hundred thousand users.
const MAX_BYTES: u64 = 64 << 20;

/// Why the file cannot be used from the start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// There is none, and none can be made.
    #[error("htpasswd file {} cannot be made", path.display())]
    Provision {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The thread that should have looked is gone.
    #[error("the htpasswd file could not be looked at")]
    Interrupted,
}

/// Why the file could not be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("it has more than 64 MiB")]
    TooLarge,
    #[error("it is no htpasswd file")]
    Line(#[from] LineError),
}

/// There are no users: the file could not be read, and the log says why.
#[derive(Debug, thiserror::Error)]
#[error("the htpasswd file could not be read")]
pub(crate) struct NoUsers;

/// The users of a file that may change.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Those of the last file that could be read.
    users: Option<Arc<Users>>,
    /// Of the last file that was looked at.
    stamp: Option<Stamp>,
    looked: Instant,
}

/// What changes with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
}

impl Source {
    /// Opens a file, which is made if there is none. One that cannot be read does not keep the registry from starting:
    /// it may be there in a moment.
    pub(crate) async fn open(path: &Path) -> Result<Self, SetupError> {
        let place = path.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            let made = provision(&place);
            made.map_err(|source| SetupError::Provision {
                path: place.clone(),
                source,
            })?;
            Ok(read_changed(&place, None))
        });
        let read = read.await.map_err(|_| SetupError::Interrupted)??;
        let source = Self {
            path: path.to_owned(),
            state: Mutex::new(State {
                users: None,
                stamp: None,
                looked: Instant::now(),
            }),
        };
        source.keep(read);
        Ok(source)
    }

    /// The users as the file has them, or had them a second ago.
    pub(crate) async fn users(&self) -> Result<Arc<Users>, NoUsers> {
        let stamp = {
            let mut state = self.state();
            if state.looked.elapsed() < LOOK_EVERY {
                return state.users.clone().ok_or(NoUsers);
            }
            // Those who come meanwhile take what there is.
            state.looked = Instant::now();
            state.stamp.clone()
        };
        let path = self.path.clone();
        if let Ok(read) = tokio::task::spawn_blocking(move || read_changed(&path, stamp.as_ref())).await {
            self.keep(read);
        }
        self.state().users.clone().ok_or(NoUsers)
    }

    /// Lets the next request look at the file, however short the time since the last.
    pub(crate) fn look_again(&self) {
        let mut state = self.state();
        state.stamp = None;
        if let Some(before) = Instant::now().checked_sub(LOOK_EVERY) {
            state.looked = before;
        }
    }

    fn keep(&self, read: Looked) {
        let mut state = self.state();
        match read {
            Looked::Unchanged => {}
            Looked::Changed(stamp, Ok(users)) => {
                state.users = Some(Arc::new(users));
                state.stamp = Some(stamp);
            }
            Looked::Changed(stamp, Err(error)) => {
                state.stamp = Some(stamp);
                self.complain(&error, state.users.is_some());
            }
            // Asked again with the next look, but told once.
            Looked::Missing(error) => {
                if state.stamp.take().is_some() || state.users.is_none() {
                    self.complain(&ReadError::Io(error), state.users.is_some());
                }
            }
        }
    }

    fn complain(&self, error: &ReadError, has_old: bool) {
        let path = self.path.display();
        let error = error as &dyn std::error::Error;
        if has_old {
            tracing::error!(%path, error, "htpasswd file cannot be used; the old users stay");
        } else {
            tracing::error!(%path, error, "htpasswd file cannot be used; nobody can log in");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Looked {
    Unchanged,
    Changed(Stamp, Result<Users, ReadError>),
    Missing(io::Error),
}

fn read_changed(path: &Path, known: Option<&Stamp>) -> Looked {
    let stamp = match std::fs::metadata(path) {
        Ok(metadata) => stamp(&metadata),
        Err(error) => return Looked::Missing(error),
    };
    if known == Some(&stamp) {
        return Looked::Unchanged;
    }
    let users = read(path);
    Looked::Changed(stamp, users)
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        modified: metadata.modified().ok(),
        size: metadata.len(),
    }
}

fn read(path: &Path) -> Result<Users, ReadError> {
    let mut content = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    Ok(Users::parse(&content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$LbYtXZqVQmSTeFkMJDYLXuQ9u6FQ3HnTY6ZxnVnqKN4iAr1W2r0De";

    async fn names(source: &Source) -> Option<Vec<&'static str>> {
        source.look_again();
        let users = source.users().await.ok()?;
        let known = ["one", "two"].into_iter();
        Some(known.filter(|name| users.hash(name).is_some()).collect())
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again_and_a_bad_one_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        std::fs::write(&path, format!("one:{HASH}")).unwrap();
        let source = Source::open(&path).await.unwrap();
        assert_eq!(names(&source).await, Some(vec!["one"]));
        std::fs::write(&path, format!("one:{HASH}\ntwo:{HASH}")).unwrap();
        assert_eq!(names(&source).await, Some(vec!["one", "two"]));
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(names(&source).await, Some(vec!["one", "two"]));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(names(&source).await, Some(vec!["one", "two"]));
        std::fs::write(&path, format!("two:{HASH}")).unwrap();
        assert_eq!(names(&source).await, Some(vec!["two"]));
    }

    #[tokio::test]
    async fn a_bad_file_does_not_prevent_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        std::fs::write(&path, "nonsense").unwrap();
        let source = Source::open(&path).await.unwrap();
        assert_eq!(names(&source).await, None);
        std::fs::write(&path, format!("one:{HASH}")).unwrap();
        assert_eq!(names(&source).await, Some(vec!["one"]));
    }

    #[tokio::test]
    async fn a_place_where_no_file_can_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = Source::open(&folder.path().join("file/htpasswd"))
            .await
            .unwrap_err();
        assert!(matches!(error, SetupError::Provision { .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_is_looked_at_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        std::fs::write(&path, format!("one:{HASH}")).unwrap();
        let source = Source::open(&path).await.unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(source.users().await.unwrap().hash("one").is_some());
        tokio::time::advance(LOOK_EVERY).await;
        assert!(source.users().await.unwrap().hash("one").is_none());
    }
}
