//! Uploads on backends that can neither append nor rename.
//!
//! An object store takes a large object in parts of a minimum size, which become one object when the upload is
//! completed. Clients send chunks of any size and stop in between. [`MultipartFileWriter`] is how the two meet; a
//! driver brings the ten calls of [`MultipartBackend`].
//!
//! The hard decision is what happens to bytes that are too few for a part when a writer is suspended. They go
//! into the resume token, which the caller stores anyway; more than [`INLINE_TAIL_BYTES`] become an object beside
//! the writer's path (`<path>.tail`). So a small upload, however many chunks it came in, is put once, at its
//! destination, and opening or suspending an upload that has no bytes costs no call at all.
//!
//! An upload in parts is completed at the writer's own path, copied to its destination and deleted: the
//! destination of a blob is its digest, which is known only at the end.

mod buffer;
mod state;
mod writer;

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DriverPath, PutMode, Result, Version};

pub use state::Part;
pub use writer::MultipartFileWriter;

/// At most so many bytes are kept in a resume token; more go into an object.
pub const INLINE_TAIL_BYTES: u64 = 192 * 1024;

/// What a backend demands of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLimits {
    /// The fewest bytes of a part that is not the last (S3: 5 MiB). It is also the size of the parts sent first:
    /// as many bytes are held in memory per writer.
    pub minimum_bytes: u64,
    /// The most parts of one upload (S3: 10 000). Parts grow, so that the largest objects fit.
    pub maximum_parts: u32,
}

impl PartLimits {
    /// How many bytes the part with a number, counted from 1, should have: twice as many after each tenth of the
    /// parts that are allowed.
    pub fn part_bytes(&self, number: u32) -> u64 {
        let tenth = (self.maximum_parts / 10).max(1);
        let doublings = (number.saturating_sub(1) / tenth).min(16);
        self.minimum_bytes.max(1).saturating_mul(1 << doublings)
    }
}

/// The calls of an object store that an upload needs. Each is one request.
///
/// Errors are those of the driver: they name the path given here.
#[async_trait]
pub trait MultipartBackend: Debug + Send + Sync {
    /// The driver's name.
    fn name(&self) -> &'static str;

    /// What it demands of parts.
    fn part_limits(&self) -> PartLimits;

    /// Creates or replaces an object, as [`crate::StorageDriver::put_content`] does.
    async fn put_object(
        &self,
        path: &DriverPath,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>>;

    /// An object of at most `limit` bytes and its version.
    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)>;

    /// The size of an object in bytes.
    async fn object_size(&self, path: &DriverPath) -> Result<u64>;

    /// Copies an object of `size` bytes within the store; more than one request where it is too large for one.
    async fn copy_object(&self, from: &DriverPath, to: &DriverPath, size: u64, mode: &PutMode) -> Result<()>;

    /// Deletes a few objects in one request where the backend can; a missing one is no error.
    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()>;

    /// Begins an upload and returns its id.
    async fn create_upload(&self, path: &DriverPath) -> Result<String>;

    /// Adds a part, or replaces the part of that number, and returns the mark by which completing names it. An
    /// upload that is gone is [`crate::ErrorKind::InvalidToken`].
    async fn put_part(
        &self,
        path: &DriverPath,
        upload: &str,
        number: u32,
        content: Vec<Bytes>,
    ) -> Result<String>;

    /// Makes exactly these parts the object at the path. An upload that is gone is
    /// [`crate::ErrorKind::InvalidToken`].
    async fn complete_upload(&self, path: &DriverPath, upload: &str, parts: &[Part]) -> Result<()>;

    /// Drops an upload with all its parts; one that is gone is no error.
    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_objects_fit_into_the_parts_allowed() {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        let limits = PartLimits {
            minimum_bytes: 5 * MIB,
            maximum_parts: 10_000,
        };
        assert_eq!(limits.part_bytes(1), 5 * MIB);
        assert_eq!(limits.part_bytes(1000), 5 * MIB);
        assert_eq!(limits.part_bytes(1001), 10 * MIB);
        assert_eq!(limits.part_bytes(10_000), 2560 * MIB);
        let all: u64 = (1..=10_000).map(|number| limits.part_bytes(number)).sum();
        // S3 allows objects of 5 TiB and parts of 5 GiB.
        assert!(all > 4900 * GIB, "{all}");
    }
}
