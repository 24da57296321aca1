use std::sync::Arc;
use std::time::SystemTime;

use crate::DriverPath;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Where it is.
    pub path: DriverPath,
    /// A file with its size, or a directory.
    pub kind: FileKind,
    /// When it was last written. Every file has a time; directories have one where the backend tells it for free.
    pub modified: Option<SystemTime>,
    /// The version of the content, where the backend has versions; for [`crate::PutMode::Update`].
    pub version: Option<Version>,
}

impl FileInfo {
    /// A file of `size` bytes.
    pub fn file(path: DriverPath, size: u64, modified: Option<SystemTime>) -> Self {
        Self {
            path,
            kind: FileKind::File { size },
            modified,
            version: None,
        }
    }

    /// A directory.
    pub fn directory(path: DriverPath) -> Self {
        Self {
            path,
            kind: FileKind::Directory,
            modified: None,
            version: None,
        }
    }

    /// Bytes of content; 0 for a directory.
    pub fn size(&self) -> u64 {
        match self.kind {
            FileKind::File { size } => size,
            FileKind::Directory => 0,
        }
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

/// A file or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    File {
        /// Bytes of content.
        size: u64,
    },
    /// A directory.
    Directory,
}

/// The backend's own mark of one version of a file's content (an ETag, a generation). Compared for equality only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Arc<str>);

impl Version {
    /// A version mark as the backend gave it.
    pub fn new(mark: impl Into<Arc<str>>) -> Self {
        Self(mark.into())
    }

    /// The mark, to be given back to the backend.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
