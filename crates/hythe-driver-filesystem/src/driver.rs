use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use hythe_driver::{
    Capabilities, DriverPath, Error, ErrorKind, FileInfo, FileWriter, ListOptions, PutOptions, Read,
    ReadRange, RedirectRequest, Result as DriverResult, StorageDriver, Version, WalkOptions, WalkVisitor,
    WriterMode, walk_by_listing,
};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};

use crate::error::{Failure, NAME, Result, SetupError};
use crate::os::Os;
use crate::parameters::FilesystemParameters;
use crate::reader::{Cached, Opened};
use crate::store::Store;
use crate::unsynced::Unsynced;
use crate::writer::Writer;

/// Keeps files below one directory. Its methods must be called within a tokio runtime. Clones share the limit of
/// concurrent operations.
#[derive(Debug, Clone)]
pub struct FilesystemDriver {
    store: Arc<Store>,
    threads: Arc<Semaphore>,
}

impl FilesystemDriver {
    /// Opens the root directory, made durably if it is missing, and brings what an earlier process left to the
    /// disk. Blocks.
    pub fn new(parameters: FilesystemParameters) -> std::result::Result<Self, SetupError> {
        let os = open_root(&parameters.root_directory)?;
        Self::over(os, parameters)
    }

    /// As [`Self::new`], with every change of the file system recorded.
    #[cfg(any(test, feature = "testing"))]
    pub fn recorded(
        parameters: FilesystemParameters,
        recorder: crate::testing::Recorder,
    ) -> std::result::Result<Self, SetupError> {
        let os = open_root(&parameters.root_directory)?.recorded_by(recorder);
        Self::over(os, parameters)
    }

    pub(crate) fn over(os: Os, parameters: FilesystemParameters) -> std::result::Result<Self, SetupError> {
        let FilesystemParameters {
            root_directory: path,
            max_threads,
        } = parameters;
        settle_what_was_left(&os).map_err(|errno| SetupError::Sync {
            path,
            source: errno.into(),
        })?;
        let unsynced = Unsynced::default();
        Ok(Self {
            store: Arc::new(Store { os, unsynced }),
            threads: Arc::new(Semaphore::new(max_threads.clamp(1, Semaphore::MAX_PERMITS))),
        })
    }

    /// Starts work on a thread, once fewer than the allowed number are busy. The work owns what it needs and
    /// runs to its end whatever becomes of the caller.
    pub(crate) async fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let permit = Arc::clone(&self.threads).acquire_owned().await;
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&store)
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        join(self.spawn(work).await.await).and_then(|result| result)
    }

    async fn open(&self, path: &DriverPath) -> Result<Opened> {
        match self.store.open_cached(path) {
            Cached::Known(opened) => opened,
            Cached::Unknown => {
                let path = path.clone();
                self.run(move |store| store.open(&path)).await
            }
        }
    }

    async fn content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        if let Cached::Known(content) = self.store.page_cached(path, limit) {
            return content;
        }
        let opened = self.open(path).await?;
        opened.check_size(limit)?;
        match opened.content_cached() {
            Cached::Known(content) => Ok(content),
            Cached::Unknown => self.run(move |_| opened.content()).await,
        }
    }
}

/// The result of a thread. A panic there goes on here.
pub(crate) fn join<T>(joined: std::result::Result<T, JoinError>) -> Result<T> {
    joined.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Failure::because(ErrorKind::Unavailable, error),
    })
}

fn open_root(root: &Path) -> std::result::Result<Os, SetupError> {
    create_durably(root)?;
    Os::open(root).map_err(|errno| SetupError::Open {
        path: root.to_owned(),
        source: errno.into(),
    })
}

/// An earlier process may have been killed between making a name and syncing it; from here on what is there is on
/// the disk.
fn settle_what_was_left(os: &Os) -> rustix::io::Result<()> {
    let has_nothing = os.directory(&DriverPath::root())?.entries()?.is_empty();
    if has_nothing { Ok(()) } else { os.sync_all() }
}

/// Makes a directory and those above it that are missing, and syncs the parent of each that was made.
fn create_durably(path: &Path) -> std::result::Result<(), SetupError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    if parent != path {
        create_durably(parent)?;
    }
    let created = match std::fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    };
    let synced = created.and_then(|()| std::fs::File::open(parent)?.sync_all());
    synced.map_err(|source| SetupError::Create {
        path: path.to_owned(),
        source,
    })
}

#[async_trait]
impl StorageDriver for FilesystemDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::filesystem()
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> DriverResult<Bytes> {
        let content = self.content(path, limit).await;
        content.map_err(|failure| failure.of("get_content", path))
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> DriverResult<Option<Version>> {
        let target = path.clone();
        let put = self
            .run(move |store| store.put(&target, &content, &options))
            .await;
        put.map_err(|failure| failure.of("put_content", path))?;
        Ok(None)
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> DriverResult<Read> {
        let opened = self.open(path).await;
        let opened = opened.map_err(|failure| failure.of("read", path))?;
        Ok(opened.into_read(range))
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> DriverResult<Box<dyn FileWriter>> {
        let create = match mode {
            WriterMode::Create => true,
            WriterMode::Append => false,
            WriterMode::Resume(_) => {
                return Err(Error::new(NAME, "writer", ErrorKind::InvalidToken).at(path));
            }
        };
        let target = path.clone();
        let opened = self.run(move |store| store.open_upload(&target, create)).await;
        let opened = opened.map_err(|failure| failure.of("writer", path))?;
        Ok(Box::new(Writer::new(self.clone(), opened)))
    }

    async fn stat(&self, path: &DriverPath) -> DriverResult<FileInfo> {
        let found = match self.store.stat_cached(path) {
            Cached::Known(found) => found,
            Cached::Unknown => {
                let path = path.clone();
                self.run(move |store| store.stat(&path)).await
            }
        };
        found.map_err(|failure| failure.of("stat", path))
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> DriverResult<Vec<FileInfo>> {
        let directory = path.clone();
        let listed = self.run(move |store| store.list(&directory, &options)).await;
        listed.map_err(|failure| failure.of("list", path))
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> DriverResult<()> {
        walk_by_listing(self, root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> DriverResult<()> {
        let (source, destination) = (from.clone(), to.clone());
        let rename = self.spawn(move |store| {
            let renamed = store.rename(&source, &destination);
            renamed.map_err(|(path, failure)| failure.of("rename", path))
        });
        join(rename.await.await).map_err(|failure| failure.of("rename", from))?
    }

    async fn delete(&self, path: &DriverPath) -> DriverResult<()> {
        let target = path.clone();
        let deleted = self.run(move |store| store.delete(&target)).await;
        deleted.map_err(|failure| failure.of("delete", path))
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> DriverResult<()> {
        let targets = paths.to_vec();
        let delete = self.spawn(move |store| {
            targets.iter().try_for_each(|path| {
                let deleted = store.delete_file(path);
                deleted.map_err(|failure| failure.of("delete_files", path))
            })
        });
        let deleted = join(delete.await.await);
        deleted.map_err(|failure| failure.of("delete_files", &DriverPath::root()))?
    }

    async fn redirect_url(
        &self,
        _path: &DriverPath,
        _request: &RedirectRequest,
    ) -> DriverResult<Option<Uri>> {
        Ok(None)
    }
}

/// The whole suite as on a kernel without `openat2`.
#[cfg(test)]
mod tests {
    use hythe_driver_testsuite::{Fixture, driver_suite};

    use super::*;

    driver_suite!(async || {
        let root = tempfile::tempdir().unwrap();
        let parameters = FilesystemParameters::at(root.path());
        let open = || {
            let os = open_root(root.path()).unwrap().without_openat2();
            FilesystemDriver::over(os, parameters.clone()).unwrap()
        };
        Fixture::new(open(), open()).keeping(root)
    });
}
