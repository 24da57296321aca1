//! The interfaces of a container registry.
//!
//! ```text
//! Namespace ──► Repository ──► BlobStore        stat, open, put, create/resume uploads, mount, delete
//!                         ├──► ManifestService  exists, get, put, delete, referrers
//!                         └──► TagService       get, tag, untag, list, lookup
//! ```
//!
//! A storage core, a pull-through cache or a client over HTTP can stand behind them, and the HTTP handlers see
//! nothing else. The names are those of distribution, whose users know them.
//!
//! The hard decision is what may be believed. Everything that is *read* may be answered by a descriptor cache;
//! whatever is *decided* because content is there (a manifest is accepted, a blob mounted, a push skipped) asks
//! with [`Trust::Stored`], which looks at the storage. A cache may describe a blob, it never proves one.
//!
//! Outcomes are values: a mounted blob, an unknown mount source, the end of a list are no errors. Options are
//! structs with defaults. Cancellation is dropping a future, with the one exception written at
//! [`BlobWriter`].
//!
//! What this crate deliberately does not know: HTTP, storage drivers, configuration, any runtime.

mod blob;
mod cache;
mod error;
mod manifest;
mod namespace;
mod page;
mod repository;
mod tag;
#[cfg(feature = "testsuite")]
pub mod testsuite;
mod upload_id;

pub use blob::{
    Blob, BlobCreated, BlobDeleter, BlobIngester, BlobProvider, BlobRange, BlobStatter, BlobStore,
    BlobWriter, ByteStream, Content, CreateOptions, FileRange, Mount, RedirectRequest, ResumeOptions, Trust,
    UploadStatus,
};
pub use cache::{BlobDescriptorCacheProvider, BlobDescriptorService, CacheError};
pub use error::{BoxError, Error, ManifestViolation, Result};
pub use manifest::{ManifestService, PutManifestOptions, Referrers, ReferrersQuery};
pub use namespace::Namespace;
pub use page::{Page, PageRequest};
pub use repository::Repository;
pub use tag::TagService;
pub use upload_id::{UploadId, UploadIdError};
