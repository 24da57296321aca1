//! Uploads on backends that can neither append nor rename.
//!
//! An object store takes a large object in parts, which become one object when the upload is completed. Clients send
//! chunks of any size and stop in between. [`MultipartFileWriter`] is how the two meet; a driver brings the calls of
//! [`MultipartBackend`] and says in [`PartLimits`] what its service demands of parts.
//!
//! The hard decision is what happens to bytes that are too few for a part when a writer is suspended. They go
//! into the resume token, which the caller stores anyway; more than [`INLINE_TAIL_BYTES`] become an object beside
//! the writer's path (`<path>.tail-<nonce>`). So a small upload, however many chunks it came in, is put once, at its
//! destination, and opening or suspending an upload that has no bytes costs no call at all.
//!
//! An upload in parts is completed at the writer's own path, copied to its destination and deleted: the
//! destination of a blob is its digest, which is known only at the end.
//!
//! # Several parts at once
//!
//! As many parts are on their way as [`PartLimits::in_flight`] says, each with a share of the [`PartBudget`] that all
//! writers of a driver have in common. A part that gets no share is sent while its writer waits and takes nothing in.
//! So a driver's writers hold at most the budget, and each the part that it gathers.
//! The parts are sent while the writer is being called: nothing here knows a runtime.
//!
//! # More parts than allowed
//!
//! Parts grow, but never beyond what may be held in memory. When their numbers run out, what is there is completed
//! at the writer's path and becomes the first parts of a new upload by copies within the store
//! ([`MultipartBackend::copy_part`]). The same is done with what distribution v3 left, which may end in a part that is
//! too small to be followed by another one. The writer says so in another token of its claim before, so that whoever opens
//! that knows to look whether it was done.
//!
//! # Two writers of one upload
//!
//! There is no lock. Whoever keeps the tokens decides who goes on, by keeping the token of
//! [`crate::FileWriter::claim`] before the first part is sent. What a loser sends has other names than what the winner
//! sends: tails and derived marks contain a nonce of their writer, and a claim sets part numbers aside. Where numbers
//! meet nevertheless, the marks do not match, and completing is [`crate::ErrorKind::InvalidToken`], never a mixture.

mod budget;
mod buffer;
mod flight;
mod limits;
mod nonce;
mod parts;
mod state;
mod writer;

use std::fmt::{self, Debug};
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DriverPath, PutMode, Result, Version};

pub use self::budget::{PartBudget, PartShare};
pub use self::limits::PartLimits;
pub use self::parts::Part;
pub use self::writer::MultipartFileWriter;

/// At most so many bytes are kept in a resume token; more go into an object. Google's uploads advance by multiples of
/// as many, so that what is left there always fits.
pub const INLINE_TAIL_BYTES: u64 = 256 * 1024;

/// A part to be sent.
#[derive(Clone)]
pub struct NewPart {
    /// Its number, counted from 1. Numbers rise with the offset and may leave gaps.
    pub number: u32,
    /// How many bytes of the upload come before it.
    pub offset: u64,
    /// Its bytes.
    pub content: Vec<Bytes>,
    /// Whether the upload ends with it.
    pub is_last: bool,
    /// Other for each writer, so that marks which the driver makes up itself can differ between two writers that
    /// send a part of one number.
    pub nonce: u64,
}

impl fmt::Debug for NewPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, offset, .. } = self;
        write!(f, "NewPart({number}: {} bytes at {offset})", self.size())
    }
}

impl NewPart {
    /// Bytes of content.
    pub fn size(&self) -> u64 {
        self.content.iter().map(|piece| piece.len() as u64).sum()
    }
}

/// What the backend says of a part that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPart {
    /// The mark by which completing names it (S3: the ETag; Azure: the block id). Empty where parts have none.
    pub mark: String,
    /// The id that the upload goes by from now on, where it changes.
    pub upload: Option<String>,
}

impl SentPart {
    /// A part by its mark, of an upload that keeps its id.
    pub fn marked(mark: impl Into<String>) -> Self {
        Self {
            mark: mark.into(),
            upload: None,
        }
    }
}

/// An unfinished upload that was begun by somebody else and found by its path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundUpload {
    /// Its id; `None` when nothing but `tail` is there.
    pub upload: Option<String>,
    /// Its parts, by rising numbers.
    pub parts: Vec<Part>,
    /// Bytes that the backend has taken.
    pub size: u64,
    /// Bytes of the last part; 0 where the backend has no parts that could be too small.
    pub last_part_size: u64,
    /// Bytes that come after those, kept elsewhere.
    pub tail: Bytes,
    /// Whether the object at the path is part of the upload's own keeping (`tail` was in it), and not its content.
    pub has_marker: bool,
}

/// The calls of an object store that an upload needs. Each is one request unless it says otherwise.
///
/// Errors are those of the driver: they name the path given here. A call is repeated after a failure with the same
/// arguments, so each may find that it was carried out before.
#[async_trait]
pub trait MultipartBackend: Debug + Send + Sync {
    /// The driver's name.
    fn name(&self) -> &'static str;

    /// What it demands of parts.
    fn part_limits(&self) -> PartLimits;

    /// The memory that all writers of this driver share; one value for each driver.
    fn budget(&self) -> &PartBudget;

    /// Creates or replaces an object, as [`crate::StorageDriver::put_content`] does.
    async fn put_object(
        &self,
        path: &DriverPath,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>>;

    /// An object of at most `limit` bytes and its version; a larger one is [`crate::ErrorKind::TooLarge`].
    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)>;

    /// The size of an object in bytes.
    async fn object_size(&self, path: &DriverPath) -> Result<u64>;

    /// Copies an object of `size` bytes within the store; more than one request where it is too large for one.
    async fn copy_object(&self, from: &DriverPath, to: &DriverPath, size: u64, mode: &PutMode) -> Result<()>;

    /// Deletes a few objects in one request where the backend can; a missing one is no error.
    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()>;

    /// Begins an upload and returns its id: whatever the other calls need to find it again.
    async fn create_upload(&self, path: &DriverPath) -> Result<String>;

    /// Adds a part, or replaces the part of that number. An upload that is gone is
    /// [`crate::ErrorKind::InvalidToken`].
    ///
    /// Called for several parts at once up to [`PartLimits::in_flight`]; with 1 strictly one after another, each
    /// beginning where the last ended. There, a backend that finds bytes beyond `offset` taken already must make
    /// sure that they are those of this part, or refuse with `InvalidToken`.
    ///
    /// Dropping the future leaves the part sent, or not, or half.
    async fn put_part(&self, path: &DriverPath, upload: &str, part: NewPart) -> Result<SentPart>;

    /// Adds a range of the object `source` as a part, at most [`PartLimits::maximum_bytes`] long; within the store
    /// where the backend can, else by reading and sending it. [`crate::ErrorKind::Unsupported`] where parts cannot
    /// be of another origin.
    async fn copy_part(
        &self,
        path: &DriverPath,
        upload: &str,
        number: u32,
        source: &DriverPath,
        range: Range<u64>,
    ) -> Result<SentPart>;

    /// The mark of a part where the driver makes marks up itself: then they are not kept in tokens. It must be what
    /// [`Self::put_part`] returned for that number and nonce. `None` where the backend gives them.
    fn derived_mark(&self, upload: &str, number: u32, nonce: u64) -> Option<String>;

    /// Makes exactly these parts, of `size` bytes together, the object at the path, replacing what is there. An
    /// upload that is gone, and a part that has another mark, are [`crate::ErrorKind::InvalidToken`].
    async fn complete_upload(&self, path: &DriverPath, upload: &str, parts: &[Part], size: u64)
    -> Result<()>;

    /// Whether [`Self::complete_upload`] itself finds out that it was carried out before, and then succeeds. Its
    /// `InvalidToken` is final then; else the size of the object at the path is looked at.
    fn recognises_completed(&self) -> bool {
        false
    }

    /// Drops an upload with all its parts; one that is gone is no error.
    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()>;

    /// Finds an unfinished upload by its exact path: one that distribution v3 began, of which there is no token.
    /// Several requests where it has many parts. [`crate::ErrorKind::Unsupported`] where the backend cannot.
    async fn find_upload(&self, path: &DriverPath) -> Result<Option<FoundUpload>>;
}
