use bytes::Bytes;
use hythe_driver::{DriverPath, ErrorKind, PutMode, PutOptions};
use rustix::io::Errno;

use crate::error::Result;
use crate::os::Directory;
use crate::store::{Store, temporary_name};
use crate::unsynced::Appearing;

impl Store {
    /// Writes a file under a temporary name, and then lets it appear at once.
    pub(crate) fn put(&self, path: &DriverPath, content: &Bytes, options: &PutOptions) -> Result<()> {
        let replace = may_replace(&options.mode)?;
        Self::while_directories_vanish(|| {
            let (directory, name) = self.make_parent(path)?;
            if !replace {
                self.check_absent(&directory, path)?;
            }
            let temporary = temporary_name(name);
            let put = self.put_through(&directory, &temporary, path, content, replace, options.durable);
            if put.is_err() {
                // It may have been renamed or never made; what else could be wrong was told already.
                let _ = self.os.unlink(&directory, &temporary);
            }
            put
        })
    }

    fn put_through(
        &self,
        directory: &Directory,
        temporary: &str,
        path: &DriverPath,
        content: &Bytes,
        replace: bool,
        durable: bool,
    ) -> Result<()> {
        let file = self.os.create(directory, temporary)?;
        self.os.write_at(&file, 0, std::slice::from_ref(content))?;
        if durable {
            self.os.sync_file(&file)?;
            self.sync_names_above(path)?;
        }
        // Marked before it is visible, so that nobody builds on it too early.
        let appearing = durable.then(|| self.unsynced.appearing(path));
        self.appear(directory, temporary, directory, path, replace)?;
        if let Some(appearing) = appearing {
            self.make_durable(appearing, directory, path)?;
        }
        Ok(())
    }

    /// Syncs a name that has just become visible, and all that leads to it.
    pub(crate) fn make_durable(
        &self,
        mut appearing: Appearing<'_>,
        directory: &Directory,
        path: &DriverPath,
    ) -> Result<()> {
        appearing.became_visible();
        let entries = self.unsynced.entries_up_to(path);
        self.os.sync_directory(directory)?;
        for entry in entries {
            if entry.path != *path {
                self.sync_entry(&entry)?;
            }
            self.unsynced.synced(&entry);
        }
        appearing.became_durable();
        Ok(())
    }

    /// Gives a file its final name.
    pub(crate) fn appear(
        &self,
        from: &Directory,
        from_name: &str,
        to: &Directory,
        path: &DriverPath,
        replace: bool,
    ) -> Result<()> {
        let (source, target) = (from.place(from_name), to.place(path.name()));
        if replace {
            return match self.os.rename(source, target) {
                // Said of a directory that is not empty, too.
                Err(Errno::EXIST | Errno::NOTEMPTY) => Err(ErrorKind::NotAFile.into()),
                result => Ok(result?),
            };
        }
        match self.os.rename_new(source, target) {
            Err(Errno::EXIST) => {
                self.check_absent(to, path)?;
                Err(ErrorKind::AlreadyExists.into())
            }
            result => Ok(result?),
        }
    }

    /// Who is told that a file exists may build on it, so it is made durable first.
    fn check_absent(&self, directory: &Directory, path: &DriverPath) -> Result<()> {
        match directory.stat_in(path.name()) {
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
            Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() => {
                Err(ErrorKind::NotAFile.into())
            }
            Ok(_) => {
                self.settle_if_appearing(path)?;
                Err(ErrorKind::AlreadyExists.into())
            }
        }
    }
}

/// Whether a put may replace a file; there are no versions here.
pub(crate) fn may_replace(mode: &PutMode) -> Result<bool> {
    match mode {
        PutMode::Overwrite => Ok(true),
        PutMode::Create => Ok(false),
        PutMode::Update(_) => Err(ErrorKind::Unsupported.into()),
    }
}
