//! Starting, asking for and continuing uploads.

use std::sync::Arc;

use hythe_digest::Algorithm;
use hythe_distribution::{Error, Result, ResumeOptions, UploadId, UploadStatus};
use hythe_driver::{ErrorKind, FileWriter, WriterMode};
use hythe_reference::RepositoryName;

use crate::core::Core;
use crate::error::{DriverResultExt, failed};

use super::hash_state::{self, Hashers};
use super::record::Record;
use super::session::{Found, Session};
use super::writer::{Data, Upload, ended};

/// Starts an upload.
pub(crate) async fn create(
    core: &Arc<Core>,
    repository: &RepositoryName,
    announced: Option<Algorithm>,
) -> Result<Upload> {
    let hashers = Hashers::fresh(announced);
    let session = Session::begin(core, repository, &hashers).await?;
    let appends = core.driver.capabilities().append;
    let data = if appends {
        // The original expects the file from the start.
        let writer = core.driver.writer(&session.data(), WriterMode::Create).await;
        Data::Open(writer.or_failed()?)
    } else {
        Data::NotBegun
    };
    Ok(Upload {
        session,
        data,
        kept: (0, hashers.clone()),
        hashers,
        hashing: None,
        // The record was made with the hashes.
        is_changed: appends,
        is_new: true,
        is_claimed: false,
    })
}

/// Where an upload stands.
pub(crate) async fn status(
    core: &Arc<Core>,
    repository: &RepositoryName,
    id: &UploadId,
) -> Result<UploadStatus> {
    if core.driver.capabilities().append {
        let session = Session::find(core, repository, id).await?;
        let size = match core.driver.stat(&session.data()).await.found()? {
            Some(info) => info.size(),
            None => find_gone(&session).await?.1,
        };
        return Ok(UploadStatus {
            size,
            started_at: session.started_at,
        });
    }
    let (session, size) = match Session::find_recorded(core, repository, id).await? {
        Found::Recorded(session, record) => (session, record.size),
        Found::Foreign(session) => {
            let size = open_foreign(&session).await?.size();
            (session, size)
        }
    };
    Ok(UploadStatus {
        size,
        started_at: session.started_at,
    })
}

/// Continues an upload.
pub(crate) async fn resume(
    core: &Arc<Core>,
    repository: &RepositoryName,
    id: &UploadId,
    options: ResumeOptions,
) -> Result<Upload> {
    let upload = if core.driver.capabilities().append {
        resume_in_place(core, repository, id).await?
    } else {
        match resume_marked(core, repository, id, &options) {
            Some(upload) => return Ok(upload),
            None => resume_recorded(core, repository, id).await?,
        }
    };
    match options.expected_size {
        Some(expected) if expected != upload.data.size() => Err(Error::UploadOffset {
            id: *id,
            size: upload.data.size(),
        }),
        _ => Ok(upload),
    }
}

async fn resume_in_place(core: &Arc<Core>, repository: &RepositoryName, id: &UploadId) -> Result<Upload> {
    let session = Session::find(core, repository, id).await?;
    let (data, hashers) = match open_to_append(&session).await {
        Ok(writer) => {
            let hashers = hash_state::load(core, repository, id, writer.size()).await?;
            (Data::Open(writer), hashers)
        }
        Err(Error::UploadUnknown { .. }) => {
            let (hashers, size) = find_gone(&session).await?;
            (Data::Gone { size }, hashers)
        }
        Err(error) => return Err(error),
    };
    Ok(Upload::of_kept(session, data, hashers))
}

/// What is known of an upload whose bytes left it.
async fn find_gone(session: &Session) -> Result<(Hashers, u64)> {
    let last = hash_state::load_last(&session.core, &session.repository, &session.id).await?;
    last.ok_or_else(|| session.unknown())
}

/// Opens what was received, held against other writers. That it is gone means that somebody ended the upload.
pub(super) async fn open_to_append(session: &Session) -> Result<Box<dyn FileWriter>> {
    let path = session.data();
    let opened = session.core.driver.writer(&path, WriterMode::Append).await;
    match opened {
        Err(error) if error.kind() == ErrorKind::Busy => {
            let info = session.core.driver.stat(&path).await;
            Err(Error::UploadOffset {
                id: session.id,
                size: info.or_unknown(|| session.unknown())?.size(),
            })
        }
        opened => opened.or_unknown(|| session.unknown()),
    }
}

/// A session in which nothing was received, without a question: our record of it says nothing that is not known, and
/// who keeps something next is told whether it is still that record.
fn resume_marked(
    core: &Arc<Core>,
    repository: &RepositoryName,
    id: &UploadId,
    options: &ResumeOptions,
) -> Option<Upload> {
    let mark = options
        .mark
        .as_ref()
        .filter(|_| options.expected_size == Some(0))?;
    let session = Session::marked(core, repository, id, mark)?;
    let hashers = Hashers::fresh(None);
    Some(Upload {
        session,
        data: Data::NotBegun,
        kept: (0, hashers.clone()),
        hashers,
        hashing: None,
        is_changed: false,
        is_new: false,
        is_claimed: false,
    })
}

async fn resume_recorded(core: &Arc<Core>, repository: &RepositoryName, id: &UploadId) -> Result<Upload> {
    let (session, data, hashers) = match Session::find_recorded(core, repository, id).await? {
        Found::Recorded(session, record) if record.is_taken(&*core.options.clock) => {
            return Err(session.unknown());
        }
        Found::Recorded(session, record) => {
            let data = open_recorded(&session, &record).await?;
            let hashers = record.hashers(data.size());
            (session, data, hashers)
        }
        Found::Foreign(session) => {
            let data = open_foreign(&session).await?;
            let hashers = hash_state::load(core, repository, id, data.size()).await?;
            (session, data, hashers)
        }
    };
    Ok(Upload::of_kept(session, data, hashers))
}

async fn open_recorded(session: &Session, record: &Record) -> Result<Data> {
    if record.sealed {
        return Ok(Data::Sealed { size: record.size });
    }
    let mode = match record.token() {
        Some(token) => WriterMode::Resume(token),
        None if record.size == 0 => return Ok(Data::NotBegun),
        None => WriterMode::Append,
    };
    match session.core.driver.writer(&session.data(), mode).await {
        Ok(writer) => Ok(Data::Open(writer)),
        Err(error) => match ended(session, error) {
            Error::UploadUnknown { .. } => Ok(Data::Gone { size: record.size }),
            error => Err(error),
        },
    }
}

/// What distribution v3 uploaded, where the driver finds it by its path.
async fn open_foreign(session: &Session) -> Result<Data> {
    let opened = session
        .core
        .driver
        .writer(&session.data(), WriterMode::Append)
        .await;
    match opened {
        Ok(writer) => Ok(Data::Open(writer)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => {
            Ok(Data::NotBegun)
        }
        Err(error) => Err(failed(error)),
    }
}
