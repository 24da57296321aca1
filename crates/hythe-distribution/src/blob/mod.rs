//! Blobs of one repository, one verb a file.

mod deleter;
mod ingester;
mod provider;
mod statter;
mod writer;

pub use deleter::BlobDeleter;
pub use ingester::{BlobCreated, BlobIngester, CreateOptions, Mount, ResumeOptions, UploadStatus};
pub use provider::{Blob, BlobProvider, BlobRange, ByteStream, Content, FileRange, RedirectRequest};
pub use statter::{BlobStatter, Trust};
pub use writer::BlobWriter;

/// Everything that can be done with the blobs of one repository.
///
/// Membership counts: a blob that is stored but not linked in this repository is unknown here.
pub trait BlobStore: BlobStatter + BlobProvider + BlobIngester + BlobDeleter {}

impl<T: BlobStatter + BlobProvider + BlobIngester + BlobDeleter + ?Sized> BlobStore for T {}
