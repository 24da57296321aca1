//! Upload sessions.
//!
//! Where the driver appends (a file system), a session is kept as distribution v3 keeps it, so that either
//! registry finishes what the other began: `startedat`, `data`, and after each request
//! `hashstates/<alg>/<offset>`.
//!
//! Elsewhere (an object store) there is `startedat`, and from the first bytes on one record `session`: the
//! driver's resume token, the hash states, the sizes. It is put conditionally, so that of two that write one
//! session one wins. The original ignores it.

pub mod purge;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{BlobWriter, Error, Result, ResumeOptions, UploadId, UploadStatus};
use hythe_manifest::Descriptor;
use hythe_reference::RepositoryName;

use crate::core::Core;

/// The uploads that are being committed by this process.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    ids: Mutex<HashSet<UploadId>>,
}

/// One upload, opened for writing.
#[derive(Debug)]
pub(crate) struct Upload {
    id: UploadId,
}

pub(crate) async fn create(
    core: &Arc<Core>,
    repository: &RepositoryName,
    algorithm: Option<Algorithm>,
) -> Result<Upload> {
    let _ = (core, repository, algorithm, &core.closing.ids);
    Err(Error::Unsupported)
}

pub(crate) async fn status(core: &Core, repository: &RepositoryName, id: &UploadId) -> Result<UploadStatus> {
    let _ = (core, repository, id);
    Err(Error::Unsupported)
}

pub(crate) async fn resume(
    core: &Arc<Core>,
    repository: &RepositoryName,
    id: &UploadId,
    options: ResumeOptions,
) -> Result<Upload> {
    let _ = (core, repository, id, options);
    Err(Error::Unsupported)
}

#[async_trait]
impl BlobWriter for Upload {
    fn id(&self) -> UploadId {
        self.id
    }

    fn started_at(&self) -> std::time::SystemTime {
        std::time::UNIX_EPOCH
    }

    fn size(&self) -> u64 {
        0
    }

    async fn write(&mut self, _batch: Vec<Bytes>) -> Result<()> {
        Err(Error::Unsupported)
    }

    async fn suspend(self: Box<Self>) -> Result<()> {
        Err(Error::Unsupported)
    }

    async fn commit(self: Box<Self>, _digest: &Digest) -> Result<Descriptor> {
        Err(Error::Unsupported)
    }

    async fn cancel(self: Box<Self>) -> Result<()> {
        Err(Error::Unsupported)
    }
}
