//! Steps that several methods take: finding directories, making them, syncing what they need.

use std::time::{Duration, SystemTime};

use hythe_driver::{DriverPath, ErrorKind, FileInfo};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use uuid::Uuid;

use crate::error::{Failure, Result};
use crate::os::{Directory, Os};
use crate::unsynced::{Entry, Unsynced};

/// How often a step is tried again that a concurrent deletion can thwart. Each time somebody else got something
/// done, so that running out of attempts means that the directory itself is broken.
pub(crate) const ATTEMPTS: usize = 32;
/// The longest name on Linux file systems, in bytes.
const MAX_NAME_BYTES: usize = 255;
const TEMPORARY_SUFFIX: &str = ".tmp";

/// The files below the root, and what is known of their durability.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) os: Os,
    pub(crate) unsynced: Unsynced,
}

impl Store {
    /// The directory that holds a path, which must be there; and the path's name in it.
    pub(crate) fn parent<'a>(&self, path: &'a DriverPath) -> Result<(Directory, &'a str)> {
        let parent = path.parent().ok_or(ErrorKind::InvalidPath)?;
        let directory = self.os.directory(&parent).map_err(Failure::looking_up)?;
        Ok((directory, path.name()))
    }

    /// The directory that is to hold a path, made where it is missing; and the path's name in it. `ENOENT` when
    /// somebody deletes it at the same time.
    pub(crate) fn make_parent<'a>(&self, path: &'a DriverPath) -> Result<(Directory, &'a str)> {
        let parent = path.parent().ok_or(ErrorKind::InvalidPath)?;
        Ok((self.make_directory(&parent)?, path.name()))
    }

    fn make_directory(&self, path: &DriverPath) -> rustix::io::Result<Directory> {
        match self.os.directory(path) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
        let parent = self.make_directory(&path.parent().ok_or(Errno::NOENT)?)?;
        self.unsynced.mark(path);
        match self.os.make_directory(&parent, path.name()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        self.unsynced.mark(path);
        self.os.directory(path)
    }

    /// Syncs the directories of all names on the way to `path`, itself included, that may not be on the disk.
    pub(crate) fn sync_names(&self, path: &DriverPath) -> Result<()> {
        for entry in self.unsynced.entries_up_to(path) {
            self.sync_entry(&entry)?;
            self.unsynced.synced(&entry);
        }
        Ok(())
    }

    /// As [`Self::sync_names`] for the directory of `path`. Done before something is renamed into it: if the
    /// directory got lost and the renaming did not, neither name would be left.
    pub(crate) fn sync_names_above(&self, path: &DriverPath) -> Result<()> {
        match path.parent() {
            Some(parent) => self.sync_names(&parent),
            None => Ok(()),
        }
    }

    pub(crate) fn sync_entry(&self, entry: &Entry) -> Result<()> {
        if let Some(parent) = entry.path.parent() {
            self.os.sync_directory(&self.os.directory(&parent)?)?;
        }
        Ok(())
    }

    /// Makes a name that is there durable, with all that leads to it.
    pub(crate) fn settle(&self, path: &DriverPath) -> Result<()> {
        let (directory, _) = self.parent(path)?;
        self.os.sync_directory(&directory)?;
        self.sync_names(path)
    }

    /// Repeats a step for as long as it fails because a directory vanished under it.
    pub(crate) fn while_directories_vanish<T>(mut step: impl FnMut() -> Result<T>) -> Result<T> {
        for _ in 1..ATTEMPTS {
            match step() {
                Err(failure) if failure.kind() == ErrorKind::NotFound => {}
                result => return result,
            }
        }
        match step() {
            // Not even the root is there any more.
            Err(failure) if failure.kind() == ErrorKind::NotFound => Err(Failure::because(
                ErrorKind::Unavailable,
                "the directory vanishes as often as it is made",
            )),
            result => result,
        }
    }
}

/// A file or a directory with its size and time; anything else (a pipe, a socket) is nothing to us.
pub(crate) fn file_info(path: &DriverPath, stat: &Stat) -> Result<FileInfo> {
    let modified = modified(stat);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(FileInfo::file(path.clone(), size(stat), modified)),
        FileType::Directory => Ok(FileInfo {
            modified,
            ..FileInfo::directory(path.clone())
        }),
        _ => Err(Failure::because(
            ErrorKind::Other,
            "neither a regular file nor a directory",
        )),
    }
}

/// Bytes of content.
pub(crate) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn modified(stat: &Stat) -> Option<SystemTime> {
    let nanoseconds = Duration::from_nanos(stat.st_mtime_nsec);
    let seconds = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let whole = if stat.st_mtime < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(seconds)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    };
    whole?.checked_add(nanoseconds)
}

/// A temporary name beside a file, as distribution makes them.
pub(crate) fn temporary_name(name: &str) -> String {
    let suffix = format!(".{}{TEMPORARY_SUFFIX}", Uuid::new_v4());
    // Names are ASCII, so any cut is between characters.
    let kept = name.len().min(MAX_NAME_BYTES - suffix.len());
    format!("{}{suffix}", &name[..kept])
}

/// Whether a name is one that a crash may have left, of this driver or of distribution.
pub(crate) fn is_temporary_name(name: &str) -> bool {
    let Some(rest) = name.strip_suffix(TEMPORARY_SUFFIX) else {
        return false;
    };
    let Some((_, id)) = rest.rsplit_once('.') else {
        return false;
    };
    id.len() == 36 && Uuid::try_parse(id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_recognised() {
        let check = |name: &str, expected: bool| assert_eq!(is_temporary_name(name), expected, "{name}");
        check(&temporary_name("data"), true);
        check(&temporary_name(&"x".repeat(255)), true);
        check("link.6ba7b810-9dad-11d1-80b4-00c04fd430c8.tmp", true);
        check("link.tmp", false);
        check("6ba7b810-9dad-11d1-80b4-00c04fd430c8.tmp", false);
        check("link.6ba7b8109dad11d180b400c04fd430c8.tmp", false);
        check("link.6ba7b810-9dad-11d1-80b4-00c04fd430c8", false);
    }

    #[test]
    fn temporary_names_fit_the_file_system() {
        assert!(temporary_name(&"x".repeat(255)).len() <= MAX_NAME_BYTES);
        assert!(temporary_name("data").starts_with("data."));
    }
}
