use hythe_driver::{DriverPath, ErrorKind, FileInfo, ListOptions};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::error::{Failure, Result};
use crate::os::Directory;
use crate::store::{Store, file_info, is_temporary_name};

impl Store {
    /// The children of a directory. Only files are looked at, and only those that are returned.
    pub(crate) fn list(&self, path: &DriverPath, options: &ListOptions) -> Result<Vec<FileInfo>> {
        let directory = self.open_listed(path)?;
        let mut keys = Vec::new();
        for (name, kind) in directory.entries()? {
            if is_temporary_name(&name) {
                continue;
            }
            let Ok(child) = path.join(&name) else {
                // No path can name it, so it is none of ours.
                continue;
            };
            let Some(is_directory) = self.is_directory(&child, kind)? else {
                continue;
            };
            let key = if is_directory { name + "/" } else { name };
            let is_after = options.start_after.as_ref().is_none_or(|after| key > *after);
            if is_after {
                keys.push((key, child));
            }
        }
        keys.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let limit = options.limit.unwrap_or(usize::MAX);
        let mut listed = Vec::with_capacity(keys.len().min(limit));
        for (key, child) in keys {
            if listed.len() == limit {
                break;
            }
            if key.ends_with('/') {
                listed.push(FileInfo::directory(child));
            } else if let Some(info) = self.look(&directory, &child)? {
                listed.push(info);
            }
        }
        Ok(listed)
    }

    fn open_listed(&self, path: &DriverPath) -> Result<Directory> {
        match self.os.directory(path) {
            Err(Errno::NOTDIR) => {
                // A file is at the path, or further up.
                self.os.stat(path).map_err(Failure::looking_up)?;
                Err(ErrorKind::NotADirectory.into())
            }
            result => result.map_err(Failure::looking_up),
        }
    }

    /// Whether a child is a directory or a file; `None` for what is neither.
    fn is_directory(&self, child: &DriverPath, kind: FileType) -> Result<Option<bool>> {
        match kind {
            FileType::Directory => Ok(Some(true)),
            FileType::RegularFile => Ok(Some(false)),
            FileType::Symlink | FileType::Unknown => match self.os.stat(child) {
                Ok(stat) => Ok(file_info(child, &stat).ok().map(|info| info.is_directory())),
                // It leads nowhere, or out of the root.
                Err(Errno::NOENT | Errno::XDEV | Errno::LOOP | Errno::NOTDIR) => Ok(None),
                Err(errno) => Err(errno.into()),
            },
            _ => Ok(None),
        }
    }

    /// A file's size and time; `None` when it vanished meanwhile.
    fn look(&self, directory: &Directory, child: &DriverPath) -> Result<Option<FileInfo>> {
        let mut found = directory.stat_in(child.name());
        if found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink) {
            found = self.os.stat(child);
        }
        match found {
            Ok(stat) => Ok(file_info(child, &stat).ok()),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}
