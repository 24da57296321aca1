use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;

use crate::{
    Capabilities, DriverPath, FileInfo, FileWriter, ListOptions, PutOptions, Read, ReadRange,
    RedirectRequest, Result, Version, WalkOptions, WalkVisitor, WriterMode,
};

/// A backend that keeps named byte sequences.
///
/// # Behaviour common to all methods
/// * A path is a file or a directory, never both, and never the directory of another file. Directories appear
///   with the first file below them.
/// * A path that is not there is [`crate::ErrorKind::NotFound`] with that path, unless a method says otherwise.
/// * Methods may be called concurrently, from several processes on one backend. A reader sees a file either
///   whole or not at all. (The path of an unfinished upload is not a file's: what is seen there is up to the
///   driver.)
/// * Who is told that a file exists, by any method but a listing or a walk, can rely on it as on one that he put
///   durably himself, unless it was put without durability.
/// * Dropping a returned future leaves the backend as before the call or as after it, apart from temporary
///   names that no method reports.
/// * Errors name the driver, the operation and the path, never a secret.
#[async_trait]
pub trait StorageDriver: Debug + Send + Sync {
    /// The driver's name as it stands in the configuration, for errors and metrics.
    fn name(&self) -> &'static str;

    /// What this driver can do beyond the required behaviour.
    fn capabilities(&self) -> Capabilities;

    /// The whole content of a small file.
    ///
    /// # Behaviour
    /// * A file of more than `limit` bytes is [`crate::ErrorKind::TooLarge`]; no more than `limit` bytes are
    ///   ever held.
    /// * A directory is [`crate::ErrorKind::NotAFile`].
    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes>;

    /// Creates a small file, or replaces it entirely.
    ///
    /// # Behaviour
    /// * Readers see the old content or the new, never a mixture and never an empty file in between.
    /// * With [`crate::PutMode::Create`] an existing file is [`crate::ErrorKind::AlreadyExists`] and stays as it
    ///   is; of several concurrent creators exactly one succeeds.
    /// * With [`crate::PutMode::Update`] a file of another version, or none, is
    ///   [`crate::ErrorKind::PreconditionFailed`]; drivers without the capability answer
    ///   [`crate::ErrorKind::Unsupported`].
    /// * When [`PutOptions::durable`] is set, the file and its name survive a power failure once this returned.
    /// * Returns the new version where the backend has versions.
    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>>;

    /// Opens a file for reading a range of it.
    ///
    /// # Behaviour
    /// * A range that begins at or after the end yields no bytes and an empty range at the end; it is not an
    ///   error. A range that reaches beyond the end is cut there.
    /// * The content read is that of one version of the file, also when it is replaced or deleted meanwhile.
    /// * [`Read::info`] tells the size of the whole file.
    /// * A directory is [`crate::ErrorKind::NotAFile`].
    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read>;

    /// Opens a writer for a large file.
    ///
    /// # Behaviour
    /// * [`WriterMode::Create`] starts over: what was written to this path before, finished or not, is discarded,
    ///   at once or when this writer is first suspended, committed or cancelled.
    /// * [`WriterMode::Append`] continues at the end of what is there: an unfinished write, or a finished file
    ///   on drivers with the capability `append`. Nothing there is `NotFound`. Drivers without that capability
    ///   accept it for what they can find by the exact path, else answer [`crate::ErrorKind::Unsupported`].
    /// * [`WriterMode::Resume`] continues where [`FileWriter::suspend`] returned that token, also in another
    ///   process. A token that cannot be used is [`crate::ErrorKind::InvalidToken`].
    /// * Where the backend can lock, a path has one writer at a time and a second is
    ///   [`crate::ErrorKind::Busy`]. Elsewhere the caller must see to it.
    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>>;

    /// What is at a path: a file with its size, or a directory.
    ///
    /// # Behaviour
    /// * `/a` is not a directory because `/ab` exists.
    /// * The root is a directory even when nothing is stored.
    async fn stat(&self, path: &DriverPath) -> Result<FileInfo>;

    /// The direct children of a directory, files and directories.
    ///
    /// # Behaviour
    /// * In the order of [`crate::compare_siblings`]: byte order of names, directories compared as `name/`.
    /// * Only those that sort after [`ListOptions::start_after`], and at most [`ListOptions::limit`] of them.
    /// * A directory that is not there is `NotFound`; the root always works. A file is
    ///   [`crate::ErrorKind::NotADirectory`].
    /// * Temporary files of this driver are not listed.
    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>>;

    /// Visits everything below `root`, parents before children, siblings in the order of [`Self::list`].
    ///
    /// # Behaviour
    /// * `root` itself is not visited. A root that is not there is `NotFound`; `/` always works.
    /// * With [`WalkOptions::start_after`], only what sorts after that path is visited; its ancestors are entered
    ///   without a visit, and nothing before it is scanned.
    /// * The visitor decides: enter, skip this directory, or stop the whole walk (which is success).
    /// * An error of the visitor ends the walk and is returned.
    /// * What vanishes during the walk is left out, or visited as it was a page of a listing ago; it is no error.
    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()>;

    /// Renames a file, replacing what is at `to`.
    ///
    /// # Behaviour
    /// * A missing source is `NotFound` with the source's path, and `to` stays as it is.
    /// * Readers of `to` see the old content or the new. The result survives a power failure.
    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()>;

    /// Deletes a file, or a directory with everything below it.
    ///
    /// # Behaviour
    /// * Siblings whose name begins with this name stay.
    /// * Nothing there is `NotFound`. The root is [`crate::ErrorKind::InvalidPath`].
    /// * Unfinished uploads below the path are aborted where the backend keeps them apart from files and finds them by
    ///   what their paths begin with. (MinIO does not: who keeps uploads cancels each by its writer first.)
    /// * A failure may leave a part; calling again completes it. So may a power failure.
    async fn delete(&self, path: &DriverPath) -> Result<()>;

    /// Deletes files by their exact paths, in as few calls as the backend allows.
    ///
    /// # Behaviour
    /// * A path that is not there is not an error; a directory is left alone.
    /// * A failure may leave a part; calling again completes it.
    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()>;

    /// An address where a client can fetch the file by itself, or `None`: serve it yourself.
    ///
    /// # Behaviour
    /// * The file need not exist; no backend call is made where signing needs none.
    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>>;
}
