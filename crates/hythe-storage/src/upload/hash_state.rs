//! The running hashes of an upload, and how they outlive a request.
//!
//! A hash state carries no checksum, so it is believed only when it counts exactly the bytes that are there. A
//! missing, undecodable or older state is no state: the content is read again when the upload is committed.

use bytes::Bytes;
use futures_util::StreamExt;
use hythe_digest::{Algorithm, Digest, Digester};
use hythe_distribution::{Error, Result, UploadId};
use hythe_driver::{self as driver, Content, ListOptions, PutMode, PutOptions, ReadRange};
use hythe_reference::RepositoryName;

use crate::blob_store::HASH_INLINE_BYTES;
use crate::core::Core;
use crate::error::{DriverResultExt, failed};

use super::session::Session;

/// Go's state of sha512 has 204 bytes; whatever is larger is not a state.
const MAX_STATE_BYTES: u64 = 1024;

/// Pieces in which stored content is read again from an open file.
const READ_BYTES: usize = 256 * 1024;

/// The hashes of an upload's bytes, one an algorithm; empty when what was received was not hashed all along.
#[derive(Debug, Clone, Default)]
pub(super) struct Hashers(Vec<Digester>);

impl Hashers {
    /// The hashes of nothing: by sha256, which distribution v3 always needs, and by the algorithm that the
    /// client announced.
    pub(super) fn fresh(announced: Option<Algorithm>) -> Self {
        let other = announced.filter(|algorithm| *algorithm != Algorithm::CANONICAL);
        let algorithms = std::iter::once(Algorithm::CANONICAL).chain(other);
        Self(algorithms.map(Digester::new).collect())
    }

    /// The hashes that these states stand for, as far as they are of exactly `size` bytes.
    pub(super) fn restore(states: impl IntoIterator<Item = (Algorithm, Vec<u8>)>, size: u64) -> Self {
        let digesters = states
            .into_iter()
            .filter_map(|(algorithm, state)| Digester::restore_state(algorithm, &state).ok())
            .filter(|digester| digester.hashed_bytes() == size);
        Self(digesters.collect())
    }

    /// The digest of an upload of `size` bytes; `None` when it is not known without reading.
    pub(super) fn digest(&self, algorithm: Algorithm, size: u64) -> Option<Digest> {
        let mut certain = self.0.iter().filter(|digester| digester.hashed_bytes() == size);
        if size == 0 {
            return certain.next().map(|_| Digest::of(algorithm, b""));
        }
        certain
            .find(|digester| digester.algorithm() == algorithm)
            .map(Digester::digest)
    }

    /// The states to be kept with an upload of `size` bytes.
    pub(super) fn states(&self, size: u64) -> impl Iterator<Item = (Algorithm, Vec<u8>)> {
        self.0
            .iter()
            .filter(move |digester| digester.hashed_bytes() == size)
            .map(|digester| (digester.algorithm(), digester.save_state()))
    }

    /// Whether a client announced an algorithm, which must be remembered even before the first byte.
    pub(super) fn has_announced(&self) -> bool {
        let canonical = |digester: &Digester| digester.algorithm() == Algorithm::CANONICAL;
        !self.0.iter().all(canonical)
    }

    /// Hashes what comes next.
    pub(super) fn hash(&mut self, batch: &[Bytes]) {
        for digester in &mut self.0 {
            for piece in batch {
                digester.update(piece);
            }
        }
    }

    /// Hashes a batch, away from the async workers unless it is small. Should that fail, nothing is known
    /// any more.
    async fn update(mut self, batch: Vec<Bytes>) -> Self {
        let is_small = batch.iter().map(Bytes::len).sum::<usize>() < HASH_INLINE_BYTES;
        let update = move || {
            self.hash(&batch);
            self
        };
        if is_small {
            update()
        } else {
            tokio::task::spawn_blocking(update).await.unwrap_or_default()
        }
    }
}

/// Reads the states that distribution v3 keeps with an upload of `size` bytes.
pub(super) async fn load(
    core: &Core,
    repository: &RepositoryName,
    id: &UploadId,
    size: u64,
) -> Result<Hashers> {
    if !core.options.resumable_digests {
        return Ok(if size == 0 {
            Hashers::fresh(None)
        } else {
            Hashers::default()
        });
    }
    let directory = core.layout.upload_hash_states(repository, id);
    let kept = core
        .driver
        .list(&directory, ListOptions::default())
        .await
        .found()?;
    let kept = kept.unwrap_or_default();
    let algorithms = kept.iter().filter_map(|info| info.path.name().parse().ok());
    let mut states = Vec::new();
    for algorithm in algorithms {
        if size == 0 {
            states.push((algorithm, Digester::new(algorithm).save_state()));
            continue;
        }
        let path = core.layout.upload_hash_state(repository, id, algorithm, size);
        if let Ok(state) = core.driver.get_content(&path, MAX_STATE_BYTES).await {
            states.push((algorithm, state.to_vec()));
        }
    }
    let has_canonical = states
        .iter()
        .any(|(algorithm, _)| *algorithm == Algorithm::CANONICAL);
    if size == 0 && !has_canonical {
        let canonical = Digester::new(Algorithm::CANONICAL);
        states.push((Algorithm::CANONICAL, canonical.save_state()));
    }
    Ok(Hashers::restore(states, size))
}

/// The last states kept with an upload whose bytes left it, and of how many bytes they are; `None` when there are
/// none to be believed.
///
/// They prove that the client sent exactly these bytes, which is more than a client can know by other means than
/// having them.
pub(super) async fn load_last(
    core: &Core,
    repository: &RepositoryName,
    id: &UploadId,
) -> Result<Option<(Hashers, u64)>> {
    let canonical = Algorithm::CANONICAL;
    let directory = core.layout.upload_hash_states(repository, id);
    let Ok(directory) = directory.join(canonical.as_str()) else {
        return Ok(None);
    };
    let kept = core
        .driver
        .list(&directory, ListOptions::default())
        .await
        .found()?;
    let kept = kept.unwrap_or_default();
    let offsets = kept.iter().filter_map(|info| info.path.name().parse().ok());
    let Some(size) = offsets.max().filter(|size| *size > 0) else {
        return Ok(None);
    };
    let hashers = load(core, repository, id, size).await?;
    let is_proof = hashers.digest(canonical, size).is_some();
    Ok(is_proof.then_some((hashers, size)))
}

/// Keeps the states beside an upload of `size` bytes, whose bytes are durable by now. A state that cannot be kept
/// costs reading the content again, nothing else.
pub(super) async fn save(
    core: &Core,
    repository: &RepositoryName,
    id: &UploadId,
    hashers: &Hashers,
    size: u64,
) {
    if let Err(error) = try_save(core, repository, id, hashers, size).await {
        tracing::warn!(%error, "hash state of an upload was not kept, its content will be read again");
    }
}

/// The same where the states are needed.
pub(super) async fn try_save(
    core: &Core,
    repository: &RepositoryName,
    id: &UploadId,
    hashers: &Hashers,
    size: u64,
) -> driver::Result<()> {
    if !core.options.resumable_digests {
        return Ok(());
    }
    let options = PutOptions {
        mode: PutMode::Overwrite,
        durable: false,
    };
    for (algorithm, state) in hashers.states(size) {
        if size == 0 && algorithm == Algorithm::CANONICAL {
            // Nothing is what everybody begins with.
            continue;
        }
        let path = core.layout.upload_hash_state(repository, id, algorithm, size);
        core.driver
            .put_content(&path, state.into(), options.clone())
            .await?;
    }
    Ok(())
}

/// The digest of an upload's stored bytes, read from the storage, which must be exactly `size`.
pub(super) async fn digest_of_stored(session: &Session, algorithm: Algorithm, size: u64) -> Result<Digest> {
    let read = session.core.driver.read(&session.data(), ReadRange::Full).await;
    let read = read.or_unknown(|| session.unknown())?;
    let digester = Digester::new(algorithm);
    let digester = match read.content {
        Content::File(range) => hash_file(digester, range).await?,
        Content::Stream(mut stream) => {
            let mut hashers = Hashers(vec![digester]);
            while let Some(piece) = stream.next().await {
                hashers = hashers.update(vec![piece.map_err(failed)?]).await;
            }
            hashers.0.pop().ok_or_else(interrupted)?
        }
    };
    if digester.hashed_bytes() == size {
        Ok(digester.finish())
    } else {
        Err(Error::Damaged {
            what: format!(
                "an upload of {size} bytes of which {} can be read",
                digester.hashed_bytes()
            ),
        })
    }
}

async fn hash_file(mut digester: Digester, range: hythe_driver::FileRange) -> Result<Digester> {
    let hashing = tokio::task::spawn_blocking(move || -> std::io::Result<Digester> {
        use std::os::unix::fs::FileExt;

        let file = std::fs::File::from(range.file.try_clone()?);
        let mut buffer = vec![0; READ_BYTES];
        let end = range.offset + range.length;
        let mut offset = range.offset;
        while offset < end {
            let wanted = buffer.len().min((end - offset) as usize);
            let read = file.read_at(&mut buffer[..wanted], offset)?;
            if read == 0 {
                break;
            }
            digester.update(&buffer[..read]);
            offset += read as u64;
        }
        Ok(digester)
    });
    let hashed = hashing.await.map_err(|error| Error::Internal(error.into()))?;
    hashed.map_err(|error| Error::Internal(error.into()))
}

fn interrupted() -> Error {
    Error::Internal("hashing was interrupted".into())
}
