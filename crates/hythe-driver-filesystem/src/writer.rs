use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_driver::{
    CommitOptions, DriverPath, Error, ErrorKind, FileWriter, Result as DriverResult, ResumeToken,
};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use crate::driver::{FilesystemDriver, join};
use crate::error::{Failure, Result};
use crate::os::{Directory, File};
use crate::put::may_replace;
use crate::store::{ATTEMPTS, Store, size};
use crate::unsynced::Upload;

/// Appends to a file in place, and holds its lock until dropped.
///
/// A write runs on a thread to its end even when its future is dropped; `pending` is how the next call finds out
/// what became of it.
#[derive(Debug)]
pub(crate) struct Writer {
    driver: FilesystemDriver,
    upload: Arc<OpenUpload>,
    size: u64,
    is_synced: bool,
    pending: Option<JoinHandle<Result<u64>>>,
}

/// An open file with its lock, shared with the threads that work on it.
#[derive(Debug)]
pub(crate) struct OpenUpload {
    file: File,
    path: DriverPath,
    inode: u64,
}

/// A file opened for appending, and what is in it.
#[derive(Debug)]
pub(crate) struct OpenedUpload {
    upload: OpenUpload,
    size: u64,
    is_synced: bool,
}

impl Writer {
    pub(crate) fn new(driver: FilesystemDriver, opened: OpenedUpload) -> Self {
        Self {
            driver,
            upload: Arc::new(opened.upload),
            size: opened.size,
            is_synced: opened.is_synced,
            pending: None,
        }
    }

    /// Waits for a write whose future was dropped. Whether it succeeded shows in the size.
    async fn finish_pending(&mut self) {
        if let Some(pending) = &mut self.pending {
            let written = join(pending.await).and_then(|written| written);
            self.pending = None;
            self.size += written.unwrap_or(0);
        }
    }

    fn failed(&self, operation: &'static str, failure: Failure) -> Error {
        failure.of(operation, &self.upload.path)
    }
}

#[async_trait]
impl FileWriter for Writer {
    fn size(&self) -> u64 {
        self.size
    }

    async fn claim(&mut self, _incoming: u64) -> DriverResult<Option<ResumeToken>> {
        // The path is locked.
        Ok(None)
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> DriverResult<()> {
        self.finish_pending().await;
        self.is_synced = false;
        let (upload, offset) = (Arc::clone(&self.upload), self.size);
        let write = self
            .driver
            .spawn(move |store| store.append(&upload, offset, &batch));
        let pending = self.pending.insert(write.await);
        let written = join(pending.await).and_then(|written| written);
        self.pending = None;
        self.size += written.map_err(|failure| self.failed("write", failure))?;
        Ok(())
    }

    async fn suspend(mut self: Box<Self>) -> DriverResult<Option<ResumeToken>> {
        self.finish_pending().await;
        let (upload, size, is_synced) = (Arc::clone(&self.upload), self.size, self.is_synced);
        let suspend = self
            .driver
            .spawn(move |store| store.suspend(&upload, size, is_synced));
        let suspended = join(suspend.await.await).and_then(|suspended| suspended);
        suspended.map_err(|failure| self.failed("suspend", failure))?;
        Ok(None)
    }

    async fn commit(mut self: Box<Self>, options: CommitOptions) -> DriverResult<()> {
        self.finish_pending().await;
        let (upload, is_synced) = (Arc::clone(&self.upload), self.is_synced);
        let commit = self
            .driver
            .spawn(move |store| store.commit(&upload, is_synced, &options));
        let committed = join(commit.await.await).map_err(|failure| self.failed("commit", failure))?;
        committed.map_err(|(path, failure)| failure.of("commit", &path))
    }

    async fn cancel(mut self: Box<Self>) -> DriverResult<()> {
        self.finish_pending().await;
        let upload = Arc::clone(&self.upload);
        let cancel = self.driver.spawn(move |store| store.cancel(&upload));
        let cancelled = join(cancel.await.await).and_then(|cancelled| cancelled);
        cancelled.map_err(|failure| self.failed("cancel", failure))
    }

    async fn abandon(self: Box<Self>, _kept: Option<ResumeToken>) -> DriverResult<()> {
        Ok(())
    }
}

impl Store {
    /// Opens an upload and locks it: an empty one, or what is there.
    pub(crate) fn open_upload(&self, path: &DriverPath, create: bool) -> Result<OpenedUpload> {
        for _ in 0..ATTEMPTS {
            match self.try_open_upload(path, create) {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => {}
                Err(failure) if create && failure.kind() == ErrorKind::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(ErrorKind::Busy.into())
    }

    /// `None` when the file changed under the call, or had to be removed, and the next attempt decides.
    fn try_open_upload(&self, path: &DriverPath, create: bool) -> Result<Option<OpenedUpload>> {
        let (directory, name) = if create {
            self.unsynced.mark(path);
            self.make_parent(path)?
        } else {
            self.parent(path)?
        };
        let file = match self.os.open_for_appending(&directory, name, create) {
            Err(Errno::NXIO) => return Err(not_a_regular_file()),
            result => result?,
        };
        match file.lock() {
            Err(Errno::AGAIN) => return Err(ErrorKind::Busy.into()),
            result => result?,
        }
        let stat = file.stat()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_a_regular_file());
        }
        if !is_at(&stat, &directory, name)? {
            // It was committed or removed before the lock was ours.
            return Ok(None);
        }
        // After a power failure a committed file may have its old name back; it must not be written to.
        let is_committed_elsewhere = stat.st_nlink > 1;
        if create && (size(&stat) > 0 || is_committed_elsewhere) {
            // Readers of what is there keep it whole: it is removed, not cut.
            self.os.unlink(&directory, name)?;
            return Ok(None);
        }
        if is_committed_elsewhere {
            return Err(ErrorKind::NotFound.into());
        }
        if create {
            self.unsynced.mark(path);
        }
        let inode = stat.st_ino;
        let size = match size(&stat) {
            size if self.unsynced.is_damaged(path, inode) => self.empty_damaged(&file, path, inode, size)?,
            size => size,
        };
        let is_synced = self.unsynced.take_clean(path, Upload { inode, size });
        let upload = OpenUpload {
            file,
            path: path.clone(),
            inode,
        };
        Ok(Some(OpenedUpload {
            upload,
            size,
            is_synced: is_synced || size == 0,
        }))
    }

    /// Writes a whole batch, or leaves the file as it was.
    fn append(&self, upload: &OpenUpload, offset: u64, batch: &[Bytes]) -> Result<u64> {
        match self.os.write_at(&upload.file, offset, batch) {
            Ok(written) => Ok(written),
            Err(errno) => {
                self.os.truncate(&upload.file, offset)?;
                Err(errno.into())
            }
        }
    }

    fn suspend(&self, upload: &OpenUpload, size: u64, is_synced: bool) -> Result<()> {
        self.check_present(upload)?;
        if size == 0 {
            // There is nothing to keep.
            return Ok(());
        }
        if !is_synced {
            self.sync_content(upload)?;
        }
        self.sync_names(&upload.path)?;
        let inode = upload.inode;
        self.unsynced.keep_clean(&upload.path, Upload { inode, size });
        Ok(())
    }

    /// Brings the content of an upload to the disk.
    ///
    /// When that fails, some of it is lost, and nobody will say so again: the kernel tells of an error once, and
    /// from then on takes for written what was not (`fsync(2)`, Errors). So all of it counts as lost, and the client
    /// sends it again.
    fn sync_content(&self, upload: &OpenUpload) -> Result<()> {
        let synced = self.os.sync_file(&upload.file);
        if synced.is_err() {
            let (path, inode) = (&upload.path, upload.inode);
            self.unsynced.keep_damaged(path, inode);
            // What cannot be done now is tried again by who opens the upload.
            let _ = self.empty_damaged(&upload.file, path, inode, u64::MAX);
        }
        Ok(synced?)
    }

    /// Removes what is in an upload whose content did not reach the disk; returns the size that it has now.
    fn empty_damaged(&self, file: &File, path: &DriverPath, inode: u64, size: u64) -> Result<u64> {
        if size > 0 {
            self.os.truncate(file, 0)?;
        }
        self.unsynced.forget_damaged(path, inode);
        Ok(0)
    }

    /// Moves an upload to its destination. A failure comes with the path that it is about.
    fn commit(
        &self,
        upload: &OpenUpload,
        is_synced: bool,
        options: &CommitOptions,
    ) -> std::result::Result<(), (DriverPath, Failure)> {
        let about_upload = |failure| (upload.path.clone(), failure);
        let replace = may_replace(&options.mode).map_err(about_upload)?;
        self.check_present(upload).map_err(about_upload)?;
        if !is_synced {
            self.sync_content(upload).map_err(about_upload)?;
        }
        let destination = match &options.destination {
            Some(destination) if *destination != upload.path => destination,
            _ => return self.settle(&upload.path).map_err(about_upload),
        };
        for _ in 0..ATTEMPTS {
            match self.move_upload(upload, destination, replace) {
                Err(failure) if failure.kind() == ErrorKind::NotFound => {
                    // Either the upload is gone, which is the answer, or a directory of the destination.
                    self.check_present(upload).map_err(about_upload)?;
                }
                result => return result.map_err(|failure| (destination.clone(), failure)),
            }
        }
        let cause = "the directory vanishes as often as it is made";
        Err((
            destination.clone(),
            Failure::because(ErrorKind::Unavailable, cause),
        ))
    }

    fn move_upload(&self, upload: &OpenUpload, destination: &DriverPath, replace: bool) -> Result<()> {
        let (source, name) = self.parent(&upload.path)?;
        let (directory, _) = self.make_parent(destination)?;
        self.sync_names_above(destination)?;
        let before = self.unsynced.moment();
        let appearing = self.unsynced.appearing(destination);
        let target = directory.place(destination.name());
        let is_replacing = match self.os.rename_new(source.place(name), target) {
            Ok(()) => false,
            Err(Errno::EXIST) => {
                self.appear(&source, name, &directory, destination, replace)?;
                true
            }
            Err(errno) => return Err(errno.into()),
        };
        let durable = self.make_durable(appearing, &directory, destination);
        if durable.is_ok() {
            self.unsynced.forget(&upload.path, before);
        } else if !is_replacing {
            // The caller is told that nothing happened, so the upload gets its name back. Whoever saw the other
            // name has not been answered: he, too, waits for it to be durable.
            let _ = self.os.rename_new(target, source.place(name));
        }
        durable
    }

    fn cancel(&self, upload: &OpenUpload) -> Result<()> {
        let before = self.unsynced.moment();
        match self.check_present(upload) {
            Ok(directory) => self.os.unlink(&directory, upload.path.name())?,
            // Who deleted it meanwhile did what was asked for.
            Err(failure) if failure.kind() == ErrorKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
        self.unsynced.forget(&upload.path, before);
        Ok(())
    }

    /// Checks that the upload still has its name, and opens its directory.
    fn check_present(&self, upload: &OpenUpload) -> Result<Directory> {
        let (directory, name) = self.parent(&upload.path)?;
        if is_at(&upload.file.stat()?, &directory, name)? {
            Ok(directory)
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }
}

fn is_at(stat: &Stat, directory: &Directory, name: &str) -> Result<bool> {
    match directory.stat_in(name) {
        Ok(there) => Ok((there.st_dev, there.st_ino) == (stat.st_dev, stat.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn not_a_regular_file() -> Failure {
    Failure::because(ErrorKind::Other, "not a regular file")
}
