//! The system calls, one method each, all confined to the root directory.
//!
//! Changes go through [`Os::change`], so that a test can record every one of them and let any of them fail.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hythe_driver::DriverPath;
use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::operation::{FileHandle, Operation};
#[cfg(any(test, feature = "testing"))]
use crate::testing::Recorder;

type Result<T> = rustix::io::Result<T>;

/// Linux takes at most so many pieces in one call (`IOV_MAX`).
const MAX_PIECES: usize = 1024;
/// A lookup that meets a concurrent rename above a `..` in a link is to be tried again (`openat2(2)`).
const LOOKUP_ATTEMPTS: usize = 16;

const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY)
    // A pipe in the root must not hold a thread.
    .union(OFlags::NONBLOCK);
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Files get what the process's umask leaves, as with distribution.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o777);

/// The root directory and the calls beneath it.
#[derive(Debug)]
pub(crate) struct Os {
    root: OwnedFd,
    has_openat2: bool,
    last_handle: AtomicU64,
    #[cfg(any(test, feature = "testing"))]
    recorder: Option<Recorder>,
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    path: DriverPath,
}

/// A file open for writing.
#[derive(Debug, Clone)]
pub(crate) struct File {
    fd: Arc<OwnedFd>,
    handle: FileHandle,
}

impl Os {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let root = rustix::fs::open(root, DIRECTORY, Mode::empty())?;
        // Old kernels do not have the call, and some sandboxes refuse it.
        let probe = rustix::fs::openat2(&root, ".", LOOK, Mode::empty(), ResolveFlags::BENEATH);
        Ok(Self {
            root,
            has_openat2: probe.is_ok(),
            last_handle: AtomicU64::new(0),
            #[cfg(any(test, feature = "testing"))]
            recorder: None,
        })
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn recorded_by(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// As on a kernel without `openat2`.
    #[cfg(test)]
    pub(crate) fn without_openat2(mut self) -> Self {
        self.has_openat2 = false;
        self
    }

    /// Brings everything on the root's file system to the disk.
    pub(crate) fn sync_all(&self) -> Result<()> {
        rustix::fs::syncfs(&self.root)
    }

    /// Opens a file or directory for reading if that takes no waiting; any error but `ENOENT` may mean that it
    /// would.
    pub(crate) fn open_cached(&self, path: &DriverPath) -> Result<OwnedFd> {
        self.resolve_cached(path, READ)
    }

    pub(crate) fn open_for_reading(&self, path: &DriverPath) -> Result<OwnedFd> {
        self.resolve(path, READ)
    }

    /// What is at a path, following links that stay beneath the root, if that takes no waiting.
    pub(crate) fn stat_cached(&self, path: &DriverPath) -> Result<Stat> {
        rustix::fs::fstat(self.resolve_cached(path, LOOK)?)
    }

    /// What is at a path, following links that stay beneath the root.
    pub(crate) fn stat(&self, path: &DriverPath) -> Result<Stat> {
        rustix::fs::fstat(self.resolve(path, LOOK)?)
    }

    pub(crate) fn directory(&self, path: &DriverPath) -> Result<Directory> {
        Ok(Directory {
            fd: self.resolve(path, DIRECTORY)?,
            path: path.clone(),
        })
    }

    pub(crate) fn make_directory(&self, parent: &Directory, name: &str) -> Result<()> {
        self.change(
            || rustix::fs::mkdirat(&parent.fd, name, DIRECTORY_MODE),
            |()| {
                Ok(Operation::MakeDirectory {
                    path: parent.child(name)?,
                })
            },
        )
    }

    /// Makes a file that is not there yet.
    pub(crate) fn create(&self, directory: &Directory, name: &str) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let handle = self.next_handle();
        self.change(
            || {
                let fd = rustix::fs::openat(&directory.fd, name, flags, FILE_MODE)?;
                Ok(File {
                    fd: Arc::new(fd),
                    handle,
                })
            },
            |_| {
                Ok(Operation::Open {
                    path: directory.child(name)?,
                    handle,
                })
            },
        )
    }

    /// Opens a file to be appended to, making it if `create` says so. Its name is no link.
    pub(crate) fn open_for_appending(&self, directory: &Directory, name: &str, create: bool) -> Result<File> {
        let mut flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK;
        flags.set(OFlags::CREATE, create);
        let handle = self.next_handle();
        self.change(
            || {
                let fd = rustix::fs::openat(&directory.fd, name, flags, FILE_MODE)?;
                Ok(File {
                    fd: Arc::new(fd),
                    handle,
                })
            },
            |_| {
                Ok(Operation::Open {
                    path: directory.child(name)?,
                    handle,
                })
            },
        )
    }

    /// Writes all pieces one after the other, beginning at an offset. On an error some may be written.
    pub(crate) fn write_at(&self, file: &File, offset: u64, pieces: &[Bytes]) -> Result<u64> {
        let mut written = 0;
        for group in pieces.chunks(MAX_PIECES) {
            written += self.change(
                || write_group(file.fd.as_fd(), offset + written, group),
                |_| {
                    Ok(Operation::Write {
                        handle: file.handle,
                        offset: offset + written,
                        content: group.concat().into(),
                    })
                },
            )?;
        }
        Ok(written)
    }

    pub(crate) fn truncate(&self, file: &File, size: u64) -> Result<()> {
        self.change(
            || rustix::fs::ftruncate(&file.fd, size),
            |()| {
                Ok(Operation::Truncate {
                    handle: file.handle,
                    size,
                })
            },
        )
    }

    pub(crate) fn sync_file(&self, file: &File) -> Result<()> {
        self.change(
            || rustix::fs::fdatasync(&file.fd),
            |()| Ok(Operation::SyncFile { handle: file.handle }),
        )
    }

    pub(crate) fn sync_directory(&self, directory: &Directory) -> Result<()> {
        self.change(
            || match rustix::fs::fsync(&directory.fd) {
                // Some network file systems cannot sync a directory and keep it in order themselves.
                Err(Errno::INVAL) => Ok(()),
                result => result,
            },
            |()| {
                Ok(Operation::SyncDirectory {
                    path: directory.path.clone(),
                })
            },
        )
    }

    /// Renames a file over whatever file has the new name.
    pub(crate) fn rename(&self, from: Place<'_>, to: Place<'_>) -> Result<()> {
        self.change(
            || rustix::fs::renameat(&from.directory.fd, from.name, &to.directory.fd, to.name),
            |()| {
                Ok(Operation::Rename {
                    from: from.path()?,
                    to: to.path()?,
                })
            },
        )
    }

    /// Renames a file to a name that nothing has yet; else `EEXIST`.
    pub(crate) fn rename_new(&self, from: Place<'_>, to: Place<'_>) -> Result<()> {
        let renamed = self.change(
            || {
                let (from_fd, to_fd) = (&from.directory.fd, &to.directory.fd);
                rustix::fs::renameat_with(from_fd, from.name, to_fd, to.name, RenameFlags::NOREPLACE)
            },
            |()| {
                Ok(Operation::Rename {
                    from: from.path()?,
                    to: to.path()?,
                })
            },
        );
        match renamed {
            // Not every file system can rename so, but every one that matters can link.
            Err(Errno::INVAL | Errno::NOSYS) => {
                self.link(from, to)?;
                self.unlink(from.directory, from.name)
            }
            result => result,
        }
    }

    fn link(&self, from: Place<'_>, to: Place<'_>) -> Result<()> {
        self.change(
            || {
                let (from_fd, to_fd) = (&from.directory.fd, &to.directory.fd);
                rustix::fs::linkat(from_fd, from.name, to_fd, to.name, AtFlags::empty())
            },
            |()| {
                Ok(Operation::Link {
                    from: from.path()?,
                    to: to.path()?,
                })
            },
        )
    }

    /// Removes a name that is no directory's.
    pub(crate) fn unlink(&self, directory: &Directory, name: &str) -> Result<()> {
        self.remove(directory, name, AtFlags::empty())
    }

    /// Removes an empty directory.
    pub(crate) fn remove_directory(&self, parent: &Directory, name: &str) -> Result<()> {
        self.remove(parent, name, AtFlags::REMOVEDIR)
    }

    fn remove(&self, directory: &Directory, name: &str, flags: AtFlags) -> Result<()> {
        self.change(
            || rustix::fs::unlinkat(&directory.fd, name, flags),
            |()| {
                Ok(Operation::Remove {
                    path: directory.child(name)?,
                })
            },
        )
    }

    /// Makes a change; in a test it is recorded, or fails as the test wants.
    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(clippy::unused_self, reason = "the recorder is there in tests only")
    )]
    fn change<T>(
        &self,
        call: impl FnOnce() -> Result<T>,
        operation: impl FnOnce(&T) -> Result<Operation>,
    ) -> Result<T> {
        #[cfg(any(test, feature = "testing"))]
        if let Some(recorder) = &self.recorder {
            return recorder.record(call, operation);
        }
        let _ = operation;
        call()
    }

    fn next_handle(&self) -> FileHandle {
        FileHandle(self.last_handle.fetch_add(1, Ordering::Relaxed))
    }

    fn resolve_cached(&self, path: &DriverPath, flags: OFlags) -> Result<OwnedFd> {
        if !self.has_openat2 {
            return Err(Errno::AGAIN);
        }
        let how = ResolveFlags::BENEATH | ResolveFlags::CACHED;
        rustix::fs::openat2(&self.root, relative(path), flags, Mode::empty(), how)
    }

    fn resolve(&self, path: &DriverPath, flags: OFlags) -> Result<OwnedFd> {
        if !self.has_openat2 {
            return self.resolve_step_by_step(path, flags);
        }
        let open = || {
            let how = ResolveFlags::BENEATH;
            rustix::fs::openat2(&self.root, relative(path), flags, Mode::empty(), how)
        };
        let mut opened = open();
        for _ in 1..LOOKUP_ATTEMPTS {
            if !matches!(opened, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
            opened = open();
        }
        opened
    }

    /// Without `openat2` no link is followed, so that none can lead out.
    fn resolve_step_by_step(&self, path: &DriverPath, flags: OFlags) -> Result<OwnedFd> {
        let step = DIRECTORY | OFlags::NOFOLLOW;
        let mut directory = rustix::fs::openat(&self.root, ".", DIRECTORY, Mode::empty())?;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            let is_last = components.peek().is_none();
            let flags = if is_last { flags | OFlags::NOFOLLOW } else { step };
            directory = rustix::fs::openat(&directory, component, flags, Mode::empty())?;
        }
        Ok(directory)
    }
}

/// A name in an open directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) name: &'a str,
}

impl Place<'_> {
    fn path(&self) -> Result<DriverPath> {
        self.directory.child(self.name)
    }
}

impl Directory {
    pub(crate) fn place<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place {
            directory: self,
            name,
        }
    }

    /// A directory in a directory, which is no link.
    pub(crate) fn directory_in(&self, name: &str) -> Result<Self> {
        Ok(Self {
            fd: rustix::fs::openat(&self.fd, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?,
            path: self.child(name)?,
        })
    }

    /// Names and types of what is in a directory, in no order; names that no path can have are left out.
    pub(crate) fn entries(&self) -> Result<Vec<(String, FileType)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if name != "." && name != ".." {
                entries.push((name.to_owned(), entry.file_type()));
            }
        }
        Ok(entries)
    }

    /// What has a name in a directory, a link itself included.
    pub(crate) fn stat_in(&self, name: &str) -> Result<Stat> {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn child(&self, name: &str) -> Result<DriverPath> {
        self.path.join(name).map_err(|_| Errno::INVAL)
    }
}

impl File {
    /// Takes the exclusive lock of an open file, which lasts until its last descriptor is closed; `EAGAIN` when
    /// somebody else has it.
    pub(crate) fn lock(&self) -> Result<()> {
        rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive)
    }

    pub(crate) fn stat(&self) -> Result<Stat> {
        rustix::fs::fstat(&self.fd)
    }
}

fn relative(path: &DriverPath) -> &str {
    if path.is_root() { "." } else { &path.as_str()[1..] }
}

fn write_group(file: BorrowedFd<'_>, offset: u64, pieces: &[Bytes]) -> Result<u64> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut remaining = slices.as_mut_slice();
    let mut written = 0;
    IoSlice::advance_slices(&mut remaining, 0);
    while !remaining.is_empty() {
        match rustix::io::pwritev(file, remaining, offset + written) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                written += count as u64;
                IoSlice::advance_slices(&mut remaining, count);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(written)
}
