use std::path::PathBuf;

use hythe_driver::{DriverPath, Error, ErrorKind};
use rustix::io::Errno;

/// The driver's name in the configuration and in errors.
pub(crate) const NAME: &str = "filesystem";

/// Why the driver could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The root directory does not exist and could not be created.
    #[error("cannot create the root directory {}", path.display())]
    Create {
        /// The directory that could not be created: the root or one above it.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The root directory cannot be opened, or is no directory.
    #[error("cannot open the root directory {}", path.display())]
    Open {
        /// The root directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What an earlier process wrote could not be brought to the disk.
    #[error("cannot sync the file system of {}", path.display())]
    Sync {
        /// The root directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A failed step, before it is known which method it belongs to.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    source: Option<hythe_driver::BoxError>,
}

/// The result of a step.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with another cause than a system call.
    pub(crate) fn because(kind: ErrorKind, cause: impl Into<hythe_driver::BoxError>) -> Self {
        Self {
            kind,
            source: Some(cause.into()),
        }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// A failure to find something: what is below a file, or has too long a name, is not there.
    pub(crate) fn looking_up(errno: Errno) -> Self {
        match errno {
            Errno::NOTDIR | Errno::NAMETOOLONG => ErrorKind::NotFound.into(),
            errno => errno.into(),
        }
    }

    /// The error of a driver method.
    pub(crate) fn of(self, operation: &'static str, path: &DriverPath) -> Error {
        let error = Error::new(NAME, operation, self.kind).at(path);
        match self.source {
            Some(source) => error.because(source),
            None => error,
        }
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        let kind = match errno {
            Errno::NOENT => return ErrorKind::NotFound.into(),
            Errno::ISDIR => return ErrorKind::NotAFile.into(),
            Errno::NOTDIR => return ErrorKind::NotADirectory.into(),
            Errno::NAMETOOLONG => ErrorKind::InvalidPath,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => ErrorKind::NoSpace,
            // The last two are how `openat2` says that a link leads out of the root.
            Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::XDEV | Errno::LOOP => {
                ErrorKind::PermissionDenied
            }
            // A failing disk, a lost network mount, or too many open files: later it may be better.
            Errno::IO
            | Errno::STALE
            | Errno::TIMEDOUT
            | Errno::NODEV
            | Errno::NXIO
            | Errno::MFILE
            | Errno::NFILE
            | Errno::NOMEM => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        };
        Self::because(kind, std::io::Error::from(errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_have_the_kind_that_callers_act_on() {
        let check = |errno: Errno, expected: ErrorKind| assert_eq!(Failure::from(errno).kind(), expected);
        check(Errno::NOENT, ErrorKind::NotFound);
        check(Errno::NOSPC, ErrorKind::NoSpace);
        check(Errno::DQUOT, ErrorKind::NoSpace);
        check(Errno::FBIG, ErrorKind::NoSpace);
        check(Errno::ROFS, ErrorKind::PermissionDenied);
        check(Errno::XDEV, ErrorKind::PermissionDenied);
        check(Errno::ISDIR, ErrorKind::NotAFile);
        check(Errno::NOTDIR, ErrorKind::NotADirectory);
        check(Errno::NAMETOOLONG, ErrorKind::InvalidPath);
        check(Errno::IO, ErrorKind::Unavailable);
        check(Errno::MFILE, ErrorKind::Unavailable);
        check(Errno::INVAL, ErrorKind::Other);
    }
}
