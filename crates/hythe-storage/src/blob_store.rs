//! Content by the digest it is stored by, for all repositories: manifests and blobs alike.
//!
//! Whoever reads here has proved membership before, by a link.

use bytes::Bytes;
use futures_util::StreamExt;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{BlobRange, Content, Error, FileRange, Result};
use hythe_driver::{self as driver, ErrorKind, PutMode, PutOptions, ReadRange};

use crate::core::Core;
use crate::error::{DriverResultExt, failed};
use crate::gate::{self, Purpose};

/// From this size on, hashing is moved off the async workers.
pub(crate) const HASH_INLINE_BYTES: usize = 64 * 1024;

/// Opened content.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Size of the whole content in bytes.
    pub(crate) size: u64,
    /// The bytes that `content` yields.
    pub(crate) range: std::ops::Range<u64>,
    /// The bytes.
    pub(crate) content: Content,
}

/// Opens content; `None` when it is not there.
pub(crate) async fn open(core: &Core, content: &Digest, range: BlobRange) -> Result<Option<Opened>> {
    let path = core.layout.blob_data(content);
    match core.driver.read(&path, read_range(range)).await {
        Ok(read) => Ok(Some(Opened {
            size: read.info.size(),
            range: read.range,
            content: translate(read.content),
        })),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Size of content in bytes, for readers; `None` when it is not there. Decisions ask the [`gate`].
pub(crate) async fn size(core: &Core, content: &Digest) -> Result<Option<u64>> {
    let info = core.driver.stat(&core.layout.blob_data(content)).await.found()?;
    Ok(info.filter(|info| !info.is_directory()).map(|info| info.size()))
}

/// The whole content in memory; `None` when it is not there, [`Error::TooLarge`] beyond `limit` bytes.
pub(crate) async fn get(core: &Core, content: &Digest, limit: u64) -> Result<Option<Bytes>> {
    let path = core.layout.blob_data(content);
    match core.driver.get_content(&path, limit).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) if error.kind() == ErrorKind::TooLarge => Err(Error::TooLarge { limit }),
        Err(error) => Err(failed(error)),
    }
}

/// Stores small content durably, unless the gate lets what is there be used again. Content of the right digest
/// but the wrong size is damaged and replaced.
///
/// `digest` must be that of `bytes`.
pub(crate) async fn put(core: &Core, digest: &Digest, bytes: Bytes) -> Result<()> {
    let path = core.layout.blob_data(digest);
    let options = |mode| PutOptions { mode, durable: true };
    let created = core
        .driver
        .put_content(&path, bytes.clone(), options(PutMode::Create))
        .await;
    match created {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    if gate::claim(core, digest, Purpose::Reuse).await? == Some(bytes.len() as u64) {
        return Ok(());
    }
    let replaced = core
        .driver
        .put_content(&path, bytes, options(PutMode::Overwrite))
        .await;
    replaced.map_err(failed)?;
    Ok(())
}

/// The digest of bytes in memory.
pub(crate) async fn hash(algorithm: Algorithm, bytes: &Bytes) -> Result<Digest> {
    if bytes.len() < HASH_INLINE_BYTES {
        return Ok(Digest::of(algorithm, bytes));
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || Digest::of(algorithm, &bytes))
        .await
        .map_err(|error| Error::Internal(error.into()))
}

fn is_absent(error: &driver::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotAFile)
}

fn read_range(range: BlobRange) -> ReadRange {
    match range {
        BlobRange::Full => ReadRange::Full,
        BlobRange::From(offset) => ReadRange::From(offset),
        BlobRange::Bounded { offset, length } => ReadRange::Bounded { offset, length },
        BlobRange::Suffix(length) => ReadRange::Suffix(length),
    }
}

fn translate(content: driver::Content) -> Content {
    match content {
        driver::Content::File(range) => Content::File(FileRange {
            file: range.file,
            offset: range.offset,
            length: range.length,
        }),
        driver::Content::Stream(stream) => {
            Content::Stream(Box::pin(stream.map(|piece| piece.map_err(failed))))
        }
    }
}
