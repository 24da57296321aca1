//! What is kept of an upload session, and how it is found again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hythe_distribution::{Error, Result, UploadId};
use hythe_driver::{
    ByteStream, Content, DriverPath, ErrorKind, ListOptions, PutMode, PutOptions, ReadRange, ResumeToken,
    Version,
};
use hythe_reference::RepositoryName;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use uuid::{NoContext, Timestamp, Uuid};

use crate::core::Core;
use crate::error::{DriverResultExt, failed};

use super::hash_state::Hashers;
use super::record::{MAX_RECORD_BYTES, Record};

/// The longest time in RFC 3339 has some 35 bytes.
const MAX_STARTED_AT_BYTES: u64 = 128;

/// The name and the facts of one session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) core: Arc<Core>,
    pub(super) repository: RepositoryName,
    pub(super) id: UploadId,
    /// Whole seconds, as they are stored.
    pub(super) started_at: SystemTime,
    /// Our record of it, as far as there is one.
    pub(super) recorded: Recorded,
    /// The driver's resume token in that record.
    pub(super) token: Option<ResumeToken>,
    /// Begun by distribution v3 on a backend that cannot append: there is more to remove than our own keys.
    pub(super) is_foreign: bool,
}

/// The record of a session as it was when it was read last.
#[derive(Debug, Clone)]
pub(super) enum Recorded {
    /// There is none.
    Nothing,
    /// There is one, of this version where the backend has versions.
    At(Option<Version>),
}

/// What became of a record.
#[derive(Debug)]
pub(super) enum Recording {
    /// It is kept.
    Kept,
    /// Somebody else went on with the upload.
    Taken {
        /// What the one who lost it is told: where the upload stands now, or that it was ended.
        by: Error,
        /// The driver's resume token by which the other one goes on.
        token: Option<ResumeToken>,
    },
}

/// A session that was looked for on a backend that cannot append.
#[derive(Debug)]
pub(super) enum Found {
    /// We began it, or have continued it.
    Recorded(Session, Record),
    /// distribution v3 began it; the driver may find its bytes by their path.
    Foreign(Session),
}

impl Session {
    /// Begins a session: it can be found from now on.
    pub(super) async fn begin(
        core: &Arc<Core>,
        repository: &RepositoryName,
        hashers: &Hashers,
    ) -> Result<Self> {
        let now = core.options.clock.now();
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let timestamp = Timestamp::from_unix(NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos());
        let mut session = Self {
            core: core.clone(),
            repository: repository.clone(),
            id: UploadId::new(Uuid::new_v7(timestamp)),
            started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()),
            recorded: Recorded::Nothing,
            token: None,
            is_foreign: false,
        };
        let (path, content) = if core.driver.capabilities().append {
            let path = core.layout.upload_started_at(repository, &session.id);
            (path, format_started_at(session.started_at)?.into())
        } else {
            let path = core.layout.upload_session(repository, &session.id);
            (path, Record::new(&session, 0, None, hashers)?.to_content()?)
        };
        // Not durable: who loses an empty session to a power failure begins another one.
        let options = PutOptions {
            mode: PutMode::Overwrite,
            durable: false,
        };
        let version = core.driver.put_content(&path, content, options).await;
        session.recorded = Recorded::At(version.or_failed()?);
        Ok(session)
    }

    /// What tells another process all about a session that has just begun: the version of its record.
    pub(super) fn mark(&self) -> Option<String> {
        match &self.recorded {
            Recorded::At(Some(version)) if self.core.driver.capabilities().conditional_update => {
                Some(version.as_str().to_owned())
            }
            _ => None,
        }
    }

    /// The session that has this mark, if it is still there.
    pub(super) fn marked(
        core: &Arc<Core>,
        repository: &RepositoryName,
        id: &UploadId,
        mark: &str,
    ) -> Option<Self> {
        let capabilities = core.driver.capabilities();
        if capabilities.append || !capabilities.conditional_update {
            return None;
        }
        Some(Self {
            core: core.clone(),
            repository: repository.clone(),
            id: *id,
            started_at: started_at_of(id)?,
            recorded: Recorded::At(Some(Version::new(mark))),
            token: None,
            is_foreign: false,
        })
    }

    /// Finds a session by its `startedat`.
    pub(super) async fn find(core: &Arc<Core>, repository: &RepositoryName, id: &UploadId) -> Result<Self> {
        let path = core.layout.upload_started_at(repository, id);
        let damaged = || Error::Damaged {
            what: "the start time of an upload".to_owned(),
        };
        let content = match core.driver.get_content(&path, MAX_STARTED_AT_BYTES).await {
            Err(error) if error.kind() == ErrorKind::TooLarge => return Err(damaged()),
            content => content.or_unknown(|| Error::UploadUnknown { id: *id })?,
        };
        // After a power failure the file may be there and empty, while the content it belongs to survived.
        let started_at = parse_started_at(&content)
            .or_else(|| started_at_of(id))
            .ok_or_else(damaged)?;
        Ok(Self {
            core: core.clone(),
            repository: repository.clone(),
            id: *id,
            started_at,
            recorded: Recorded::Nothing,
            token: None,
            is_foreign: false,
        })
    }

    /// Finds a session on a backend that cannot append: the record tells everything, and where there is none, one
    /// listing tells whether the original began it. One that was cancelled is not there.
    pub(super) async fn find_recorded(
        core: &Arc<Core>,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<Found> {
        if let Some(found) = Self::read_record(core, repository, id).await? {
            return found.unless_cancelled();
        }
        let unknown = || Error::UploadUnknown { id: *id };
        let directory = core.layout.upload(repository, id);
        let listed = core.driver.list(&directory, ListOptions::default()).await;
        let listed = listed.or_unknown(unknown)?;
        let has = |name: &str| listed.iter().any(|info| info.path.name() == name);
        if !has("startedat") {
            return Err(unknown());
        }
        if has("session") {
            let found = Self::read_record(core, repository, id).await?;
            return found.ok_or_else(unknown)?.unless_cancelled();
        }
        let mut session = Self::find(core, repository, id).await?;
        session.is_foreign = true;
        Ok(Found::Foreign(session))
    }

    /// Unknown, unless it is there.
    pub(super) async fn find_again(&self) -> Result<()> {
        Self::find_recorded(&self.core, &self.repository, &self.id)
            .await
            .map(|_| ())
    }

    async fn read_record(
        core: &Arc<Core>,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<Option<Found>> {
        let path = core.layout.upload_session(repository, id);
        let Some(read) = core.driver.read(&path, ReadRange::Full).await.found()? else {
            return Ok(None);
        };
        let damaged = || Error::Damaged {
            what: "the record of an upload".to_owned(),
        };
        let version = read.info.version.clone();
        let Content::Stream(stream) = read.content else {
            return Err(damaged());
        };
        let content = collect(core, stream).await?;
        let record = Record::parse(&content).ok_or_else(damaged)?;
        let session = Self {
            core: core.clone(),
            repository: repository.clone(),
            id: *id,
            started_at: record.started_at().ok_or_else(damaged)?,
            recorded: Recorded::At(version),
            token: record.token(),
            is_foreign: record.foreign,
        };
        Ok(Some(Found::Recorded(session, record)))
    }

    /// Keeps a record, unless somebody else did since ours was read: then that is where the upload stands.
    pub(super) async fn record(&mut self, record: &Record) -> Result<Recording> {
        let has_versions = self.core.driver.capabilities().conditional_update;
        let mode = match &self.recorded {
            Recorded::Nothing => PutMode::Create,
            Recorded::At(Some(version)) if has_versions => PutMode::Update(version.clone()),
            Recorded::At(_) => PutMode::Overwrite,
        };
        let path = self.core.layout.upload_session(&self.repository, &self.id);
        let options = PutOptions { mode, durable: true };
        let content = record.to_content()?;
        match self.core.driver.put_content(&path, content, options).await {
            Ok(version) => {
                let is_first = matches!(self.recorded, Recorded::Nothing);
                self.recorded = Recorded::At(version);
                self.token = record.token();
                if is_first {
                    self.confirm().await
                } else {
                    Ok(Recording::Kept)
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::AlreadyExists | ErrorKind::PreconditionFailed => self.compare(record).await,
                _ => Err(failed(error)),
            },
        }
    }

    /// The first record of a session that the original began can be put again after the session was ended, which
    /// removes `startedat` before the record.
    async fn confirm(&self) -> Result<Recording> {
        if self.is_there().await? {
            return Ok(Recording::Kept);
        }
        self.remove_record().await?;
        Ok(Recording::Taken {
            by: self.unknown(),
            token: None,
        })
    }

    /// What became of a record that was refused. A service that was asked twice, because its first answer was lost,
    /// refuses what it has kept.
    async fn compare(&mut self, ours: &Record) -> Result<Recording> {
        match Self::read_record(&self.core, &self.repository, &self.id).await? {
            Some(Found::Recorded(session, record)) if record.nonce == ours.nonce => {
                self.recorded = session.recorded;
                self.token = session.token;
                Ok(Recording::Kept)
            }
            Some(Found::Recorded(_, record)) => Ok(Recording::Taken {
                by: if record.is_taken(&*self.core.options.clock) {
                    self.unknown()
                } else {
                    Error::UploadOffset {
                        id: self.id,
                        size: record.size,
                    }
                },
                token: record.token(),
            }),
            _ => Ok(Recording::Taken {
                by: self.unknown(),
                token: None,
            }),
        }
    }

    /// Whether a session that has a `startedat` was not ended meanwhile.
    pub(super) async fn is_there(&self) -> Result<bool> {
        let path = self.core.layout.upload_started_at(&self.repository, &self.id);
        Ok(self.core.driver.stat(&path).await.found()?.is_some())
    }

    /// The session is not there (any more).
    pub(super) fn unknown(&self) -> Error {
        Error::UploadUnknown { id: self.id }
    }

    /// Where the bytes go.
    pub(super) fn data(&self) -> DriverPath {
        self.core.layout.upload_data(&self.repository, &self.id)
    }

    /// Removes our record, which is all that is kept of a session of ours beside what its writer knows of.
    pub(super) async fn remove_record(&self) -> Result<()> {
        let record = self.core.layout.upload_session(&self.repository, &self.id);
        self.core.driver.delete_files(&[record]).await.or_failed()
    }

    /// Removes everything below the session's directory, whoever made it.
    pub(super) async fn remove_all(&self) -> Result<()> {
        if self.is_foreign && !self.core.driver.capabilities().append {
            // Before the record: see `confirm`.
            let started_at = self.core.layout.upload_started_at(&self.repository, &self.id);
            self.core.driver.delete_files(&[started_at]).await.or_failed()?;
        }
        let directory = self.core.layout.upload(&self.repository, &self.id);
        self.core.driver.delete(&directory).await.found()?;
        Ok(())
    }
}

impl Found {
    fn unless_cancelled(self) -> Result<Self> {
        match &self {
            Self::Recorded(session, record) if record.is_cancelled() => Err(session.unknown()),
            _ => Ok(self),
        }
    }
}

/// As distribution v3 writes `startedat`: RFC 3339, UTC, whole seconds, no newline.
pub(super) fn format_started_at(time: SystemTime) -> Result<String> {
    let time = OffsetDateTime::from(time);
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole
        .format(&Rfc3339)
        .map_err(|error| Error::Internal(error.into()))
}

/// Reads a `startedat`: RFC 3339, also with fractions of seconds and a numeric zone.
pub(crate) fn parse_started_at(content: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(content).ok()?;
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    // A zone can move the last day of the year 9999 to one that cannot be written down again.
    time.checked_to_offset(UtcOffset::UTC).map(SystemTime::from)
}

/// A UUID of version 7 begins with the time it was made at, which is what its `startedat` says, too.
fn started_at_of(id: &UploadId) -> Option<SystemTime> {
    let uuid = Uuid::try_parse(&id.to_string()).ok()?;
    if uuid.get_version_num() != 7 {
        return None;
    }
    let (seconds, _) = uuid.get_timestamp()?.to_unix();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

async fn collect(core: &Core, stream: ByteStream) -> Result<Bytes> {
    hythe_driver::collect(core.driver.name(), stream, MAX_RECORD_BYTES)
        .await
        .or_failed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times_are_those_of_distribution() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_284_849_999);
        assert_eq!(format_started_at(time).unwrap(), "2026-11-21T18:14:09Z");

        let check = |text: &str, expected: Option<u64>| {
            let expected = expected.map(|millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
            assert_eq!(parse_started_at(text.as_bytes()), expected, "{text:?}");
        };
        check("2026-11-21T18:14:09Z", Some(1_795_284_849_000));
        check("2026-11-21T18:14:09.5Z", Some(1_795_284_849_500));
        check("2026-11-21T20:14:09+02:00", Some(1_795_284_849_000));
        check("2026-11-21T18:14:09Z\n", None);
        check("", None);
        check("yesterday", None);
        check("9999-12-31T23:59:59-23:59", None);
    }

    #[test]
    fn an_id_of_ours_tells_its_start_time() {
        let uuid = Uuid::new_v7(Timestamp::from_unix(NoContext, 1_795_284_849, 999_000_000));
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_284_849);
        assert_eq!(started_at_of(&UploadId::new(uuid)), Some(expected));
        assert_eq!(started_at_of(&UploadId::new(Uuid::new_v4())), None);
    }
}
