#![cfg_attr(
    not(any(test, feature = "testing")),
    expect(
        dead_code,
        unreachable_pub,
        reason = "read only by the recorder, which tests bring"
    )
)]

use bytes::Bytes;
use hythe_driver::DriverPath;

/// One opening of a file for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileHandle(pub(crate) u64);

/// A change of the file system, as it was asked of the kernel. Paths are below the root directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// A directory was made.
    MakeDirectory {
        /// Where.
        path: DriverPath,
    },
    /// A file was opened for writing, and made if it was not there.
    Open {
        /// Where.
        path: DriverPath,
        /// The opening, for the operations on the file.
        handle: FileHandle,
    },
    /// Bytes were written to a file.
    Write {
        /// The file.
        handle: FileHandle,
        /// Where in it, in bytes from its beginning.
        offset: u64,
        /// The bytes.
        content: Bytes,
    },
    /// A file was cut.
    Truncate {
        /// The file.
        handle: FileHandle,
        /// Its bytes from then on.
        size: u64,
    },
    /// The content of a file was brought to the disk.
    SyncFile {
        /// The file.
        handle: FileHandle,
    },
    /// The names in a directory were brought to the disk.
    SyncDirectory {
        /// The directory.
        path: DriverPath,
    },
    /// A file got another name.
    Rename {
        /// The old name.
        from: DriverPath,
        /// The new name; a file that had it is gone.
        to: DriverPath,
    },
    /// A file got a second name.
    Link {
        /// The name it has.
        from: DriverPath,
        /// The name it got.
        to: DriverPath,
    },
    /// A name, of a file or of an empty directory, was removed.
    Remove {
        /// The name.
        path: DriverPath,
    },
    /// Somebody was told that what he asked for is done.
    Acknowledged {
        /// What was told.
        label: String,
    },
}
