//! Large uploads: blocks that become one blob.
//!
//! An upload needs no call to begin: its id is made up here and is the first part of the ids of its blocks. So the
//! blocks of two uploads to one name are told apart, and an id stands for one content only.
//!
//! What Azure lacks is dropping one upload's blocks: it forgets all blocks of a name that a commit does not list. So
//! a commit by one of two competing uploads ends the other, and cancelling looks first whether another one is there.
//!
//! A blob of distribution v3 that is still being appended to cannot have blocks. Its upload goes on beside it, under
//! the name `<path>.blocks`, and takes its place when it is completed.

use std::ops::Range;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hythe_driver::multipart::{
    FoundUpload, MultipartBackend, NewPart, Part, PartBudget, PartLimits, SentPart,
};
use hythe_driver::objects::KeyRoot;
use hythe_driver::{DriverPath, ErrorKind, PutMode, ReadRange, Result, Version};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::client::Client;
use crate::error::{Failure, NAME};

/// Azure's limits since version 2019-12-12: 50 000 blocks of 4000 MiB, 190.7 TiB.
const MAXIMUM_BLOCKS: u32 = 50_000;
const MAXIMUM_BLOCK_BYTES: u64 = 4000 << 20;
/// Azure has no minimum. Fewer bytes than this wait for more: blocks are numbered, and no number should be spent on
/// what a token can hold.
const MINIMUM_BLOCK_BYTES: u64 = 256 << 10;
/// How many blocks of one upload are on their way at once.
const IN_FLIGHT: usize = 4;
/// The ids of uploads that are staged beside the path begin so.
const BESIDE: &str = "beside-";
/// What is appended to a path for them.
const BESIDE_SUFFIX: &str = ".blocks";

/// The calls that uploads need.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) client: Client,
    pub(crate) keys: KeyRoot,
    pub(crate) limits: PartLimits,
    pub(crate) budget: PartBudget,
}

/// The limits of Azure with blocks of `chunk_bytes` at first.
pub(crate) fn limits(chunk_bytes: u64) -> PartLimits {
    PartLimits {
        minimum_bytes: MINIMUM_BLOCK_BYTES,
        preferred_bytes: chunk_bytes,
        maximum_bytes: MAXIMUM_BLOCK_BYTES,
        buffered_bytes: PartLimits::BUFFERED_BYTES,
        maximum_parts: MAXIMUM_BLOCKS,
        alignment_bytes: 1,
        in_flight: IN_FLIGHT,
    }
}

/// Where the blocks of an upload are, and which they are.
struct Staging {
    key: String,
    upload: Uuid,
    is_beside: bool,
}

impl Backend {
    fn staging(&self, path: &DriverPath, upload: &str) -> std::result::Result<Staging, Failure> {
        let (id, is_beside) = match upload.strip_prefix(BESIDE) {
            Some(id) => (id, true),
            None => (upload, false),
        };
        let upload = Uuid::try_parse(id).map_err(|_| Failure::from(ErrorKind::InvalidToken))?;
        let key = self.keys.key(path);
        Ok(Staging {
            key: if is_beside { beside(&key) } else { key },
            upload,
            is_beside,
        })
    }

    /// Copies a range of a blob into a block.
    async fn copy_block(
        &self,
        staging: &Staging,
        number: u32,
        source: &str,
        range: Range<u64>,
    ) -> std::result::Result<SentPart, Failure> {
        let id = block_id(staging.upload, number, Uuid::new_v4().as_u64_pair().0);
        self.client.put_block_of(&staging.key, &id, source, range).await?;
        Ok(SentPart::marked(BASE64.encode(id)))
    }

    /// The blocks of what distribution appended to, copied beside it.
    async fn take_over(&self, key: &str, size: u64) -> std::result::Result<FoundUpload, Failure> {
        let staging = Staging {
            key: beside(key),
            upload: Uuid::new_v4(),
            is_beside: true,
        };
        let mut parts = Vec::new();
        for (number, range) in (1..).zip(self.limits.copied_ranges(size)) {
            let SentPart { mark, .. } = self.copy_block(&staging, number, key, range).await?;
            parts.push(Part { number, mark });
        }
        Ok(FoundUpload {
            upload: Some(format!("{BESIDE}{}", staging.upload.simple())),
            parts,
            size,
            last_part_size: 0,
            tail: Bytes::new(),
            has_marker: true,
        })
    }

    /// Puts a blob that was completed beside its path there.
    async fn take_place(&self, staging: &Staging, key: &str) -> std::result::Result<(), Failure> {
        // A blob cannot be replaced by one of another type.
        self.client.delete(key).await?;
        self.client.copy(&staging.key, key, &PutMode::Overwrite).await?;
        self.client.delete(&staging.key).await.map(|_| ())
    }

    async fn complete(
        &self,
        path: &DriverPath,
        upload: &str,
        parts: &[Part],
    ) -> std::result::Result<(), Failure> {
        let staging = self.staging(path, upload)?;
        let key = self.keys.key(path);
        let marker = marker_of(parts);
        let ids = parts.iter().map(|part| BASE64.decode(&part.mark));
        let ids = ids.collect::<std::result::Result<Vec<_>, _>>();
        let ids = ids.map_err(|_| Failure::from(ErrorKind::InvalidToken))?;
        match self.client.put_block_list(&staging.key, ids, &marker).await {
            // An earlier call may have got so far, or further.
            Err(failure) if failure.kind() == ErrorKind::InvalidToken => {
                if self.has_marker(&key, &marker).await? {
                    return Ok(());
                }
                if !(staging.is_beside && self.has_marker(&staging.key, &marker).await?) {
                    return Err(failure);
                }
            }
            committed => committed?,
        }
        if staging.is_beside {
            self.take_place(&staging, &key).await?;
        }
        Ok(())
    }

    async fn has_marker(&self, key: &str, marker: &str) -> std::result::Result<bool, Failure> {
        match self.client.head(key).await {
            Ok(found) => Ok(found.marker.as_deref() == Some(marker)),
            Err(failure) if failure.is_not_found() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn abort(&self, path: &DriverPath, upload: &str) -> std::result::Result<(), Failure> {
        let staging = self.staging(path, upload)?;
        let blocks = self.client.uncommitted_blocks(&staging.key).await?;
        let own = blocks
            .iter()
            .filter(|id| id.starts_with(staging.upload.as_bytes()));
        if !blocks.is_empty() && own.count() == blocks.len() {
            self.client.discard_blocks(&staging.key).await?;
        }
        if staging.is_beside {
            self.client.delete(&staging.key).await?;
        }
        Ok(())
    }
}

fn beside(key: &str) -> String {
    format!("{key}{BESIDE_SUFFIX}")
}

/// The id of a block. All ids of a blob must be equally long.
fn block_id(upload: Uuid, number: u32, nonce: u64) -> [u8; 28] {
    let mut id = [0; 28];
    id[..16].copy_from_slice(upload.as_bytes());
    id[16..24].copy_from_slice(&nonce.to_be_bytes());
    id[24..].copy_from_slice(&number.to_be_bytes());
    id
}

/// By what a blob is known to be made of these parts.
fn marker_of(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.mark.as_bytes());
        hash.update(b"\n");
    }
    BASE64.encode(hash.finalize())
}

#[async_trait]
impl MultipartBackend for Backend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn part_limits(&self) -> PartLimits {
        self.limits
    }

    fn budget(&self) -> &PartBudget {
        &self.budget
    }

    async fn put_object(
        &self,
        path: &DriverPath,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>> {
        let put = self.client.put(&self.keys.key(path), content, mode).await;
        put.map_err(|failure| failure.of("put_object", path))
    }

    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)> {
        let key = self.keys.key(path);
        let opened = self.client.open(&key, ReadRange::Full).await;
        let opened = opened.map_err(|failure| failure.of("get_object", path))?;
        if opened.properties.size > limit {
            return Err(Failure::from(ErrorKind::TooLarge).of("get_object", path));
        }
        let version = opened.properties.version.clone();
        let stream = self.client.stream(key, path.clone(), opened);
        let content = hythe_driver::collect(NAME, stream, limit).await;
        content
            .map(|content| (content, version))
            .map_err(|error| error.during("get_object").at(path))
    }

    async fn object_size(&self, path: &DriverPath) -> Result<u64> {
        let found = self.client.head(&self.keys.key(path)).await;
        found
            .map(|found| found.size)
            .map_err(|failure| failure.of("object_size", path))
    }

    async fn copy_object(
        &self,
        from: &DriverPath,
        to: &DriverPath,
        _size: u64,
        mode: &PutMode,
    ) -> Result<()> {
        let copied = self
            .client
            .copy(&self.keys.key(from), &self.keys.key(to), mode)
            .await;
        copied.map_err(|failure| {
            let path = if failure.is_not_found() { from } else { to };
            failure.of("copy_object", path)
        })
    }

    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()> {
        let keys: Vec<String> = paths.iter().map(|path| self.keys.key(path)).collect();
        let deleted = self.client.delete_all(&keys).await;
        deleted.map_err(|(index, failure)| failure.of("delete_objects", &paths[index]))
    }

    async fn create_upload(&self, _path: &DriverPath) -> Result<String> {
        Ok(Uuid::new_v4().simple().to_string())
    }

    async fn put_part(&self, path: &DriverPath, upload: &str, part: NewPart) -> Result<SentPart> {
        let failed = |failure: Failure| failure.of("put_part", path);
        let staging = self.staging(path, upload).map_err(failed)?;
        let id = block_id(staging.upload, part.number, part.nonce);
        let sent = self.client.put_block(&staging.key, &id, part.content).await;
        sent.map_err(failed)?;
        Ok(SentPart::marked(BASE64.encode(id)))
    }

    async fn copy_part(
        &self,
        path: &DriverPath,
        upload: &str,
        number: u32,
        source: &DriverPath,
        range: Range<u64>,
    ) -> Result<SentPart> {
        let failed = |failure: Failure| failure.of("copy_part", path);
        let staging = self.staging(path, upload).map_err(failed)?;
        let source = self.keys.key(source);
        let copied = self.copy_block(&staging, number, &source, range).await;
        copied.map_err(failed)
    }

    fn derived_mark(&self, upload: &str, number: u32, nonce: u64) -> Option<String> {
        let upload = Uuid::try_parse(upload.trim_start_matches(BESIDE)).ok()?;
        Some(BASE64.encode(block_id(upload, number, nonce)))
    }

    async fn complete_upload(
        &self,
        path: &DriverPath,
        upload: &str,
        parts: &[Part],
        _size: u64,
    ) -> Result<()> {
        let completed = self.complete(path, upload, parts).await;
        completed.map_err(|failure| failure.of("complete_upload", path))
    }

    /// By the mark that the blob was given. Its size would not do: a commit of another upload ends this one.
    fn recognises_completed(&self) -> bool {
        true
    }

    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()> {
        let aborted = self.abort(path, upload).await;
        aborted.map_err(|failure| failure.of("abort_upload", path))
    }

    async fn find_upload(&self, path: &DriverPath) -> Result<Option<FoundUpload>> {
        let failed = |failure: Failure| failure.of("find_upload", path);
        let key = self.keys.key(path);
        match self.client.head(&key).await {
            Ok(found) if found.is_append_blob => {
                self.take_over(&key, found.size).await.map(Some).map_err(failed)
            }
            Ok(_) => Ok(None),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failed(failure)),
        }
    }
}

#[cfg(test)]
mod tests;
