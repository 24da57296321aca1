use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use hythe_driver::{
    CommitOptions, DriverPath, Error, ErrorKind, FileWriter, PutMode, Result, ResumeToken, WriterMode,
};

use crate::content::Content;
use crate::driver::{NAME, lock};
use crate::tree::{FileId, Tree};

/// Appends to one file of the tree and holds it against other writers until dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    tree: Arc<Mutex<Tree>>,
    path: DriverPath,
    file: FileId,
    size: u64,
}

impl Writer {
    pub(crate) fn open(
        tree: Arc<Mutex<Tree>>,
        path: &DriverPath,
        mode: &WriterMode,
    ) -> std::result::Result<Self, ErrorKind> {
        let (file, size) = {
            let mut tree = lock(&tree);
            match mode {
                WriterMode::Create if tree.is_held(path) => return Err(ErrorKind::Busy),
                WriterMode::Create => {
                    tree.put(path, Content::default(), true)?;
                }
                WriterMode::Append => {}
                WriterMode::Resume(_) => return Err(ErrorKind::InvalidToken),
            }
            tree.acquire(path)?
        };
        Ok(Self {
            tree,
            path: path.clone(),
            file,
            size,
        })
    }

    fn failed(&self, operation: &'static str, kind: ErrorKind) -> Error {
        Error::new(NAME, operation, kind).at(&self.path)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.tree).release(&self.path, self.file);
    }
}

#[async_trait]
impl FileWriter for Writer {
    fn size(&self) -> u64 {
        self.size
    }

    async fn claim(&mut self, _incoming: u64) -> Result<Option<ResumeToken>> {
        // The path is locked.
        Ok(None)
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let appended = lock(&self.tree).append(&self.path, self.file, &batch);
        appended.map_err(|kind| self.failed("write", kind))?;
        self.size += batch.iter().map(|piece| piece.len() as u64).sum::<u64>();
        Ok(())
    }

    async fn suspend(self: Box<Self>) -> Result<Option<ResumeToken>> {
        let present = lock(&self.tree).check_owned(&self.path, self.file);
        present.map_err(|kind| self.failed("suspend", kind))?;
        Ok(None)
    }

    async fn commit(self: Box<Self>, options: CommitOptions) -> Result<()> {
        let replace = match options.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => return Err(self.failed("commit", ErrorKind::Unsupported)),
        };
        let mut tree = lock(&self.tree);
        tree.check_owned(&self.path, self.file)
            .map_err(|kind| self.failed("commit", kind))?;
        let Some(destination) = options.destination else {
            return Ok(());
        };
        tree.rename(&self.path, &destination, replace)
            .map_err(|kind| Error::new(NAME, "commit", kind).at(&destination))
    }

    async fn cancel(self: Box<Self>) -> Result<()> {
        let mut tree = lock(&self.tree);
        // Somebody may have deleted the upload meanwhile, which is what the caller wants.
        if tree.check_owned(&self.path, self.file).is_ok() {
            tree.remove_file(&self.path)
                .map_err(|kind| self.failed("cancel", kind))?;
        }
        Ok(())
    }

    async fn abandon(self: Box<Self>, _kept: Option<ResumeToken>) -> Result<()> {
        Ok(())
    }
}
