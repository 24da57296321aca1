use hythe_driver::{DriverPath, ErrorKind};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::error::{Failure, Result};
use crate::os::Directory;
use crate::store::{ATTEMPTS, Store};

impl Store {
    /// Deletes a file, or a directory with all that is in it. Links are removed, not followed.
    pub(crate) fn delete(&self, path: &DriverPath) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let before = self.unsynced.moment();
        let deleted = match self.os.unlink(&parent, name) {
            Err(refused @ (Errno::ISDIR | Errno::PERM)) => match self.delete_directory(&parent, name) {
                // A file that must not be deleted.
                Err(Errno::NOTDIR) => Err(refused),
                result => result,
            },
            result => result,
        };
        // What is left after a failure still has to be synced by whoever builds on it.
        if matches!(deleted, Ok(()) | Err(Errno::NOENT)) {
            self.unsynced.forget(path, before);
        }
        deleted.map_err(Failure::looking_up)
    }

    /// Deletes files and leaves directories alone.
    pub(crate) fn delete_file(&self, path: &DriverPath) -> Result<()> {
        let parent = match self.parent(path) {
            Err(failure) if matches!(failure.kind(), ErrorKind::NotFound | ErrorKind::InvalidPath) => {
                return Ok(());
            }
            result => result?.0,
        };
        let before = self.unsynced.moment();
        match self.os.unlink(&parent, path.name()) {
            Ok(()) => {
                self.unsynced.forget(path, before);
                Ok(())
            }
            Err(Errno::NOENT | Errno::ISDIR | Errno::NAMETOOLONG) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Others may put files into it at the same time: those are deleted as well, or keep the directory.
    fn delete_directory(&self, parent: &Directory, name: &str) -> rustix::io::Result<()> {
        for _ in 0..ATTEMPTS {
            let directory = parent.directory_in(name)?;
            for (child, kind) in directory.entries()? {
                match self.delete_entry(&directory, &child, kind) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                }
            }
            match self.os.remove_directory(parent, name) {
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                result => return result,
            }
        }
        Err(Errno::NOTEMPTY)
    }

    fn delete_entry(&self, directory: &Directory, name: &str, kind: FileType) -> rustix::io::Result<()> {
        if kind == FileType::Directory {
            return self.delete_directory(directory, name);
        }
        match self.os.unlink(directory, name) {
            // A file system that does not tell types while listing.
            Err(Errno::ISDIR) => self.delete_directory(directory, name),
            result => result,
        }
    }
}
