//! Our record of a session on a backend that cannot append: what it says, and who has taken the session by it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hythe_digest::Algorithm;
use hythe_distribution::{Error, Result};
use hythe_driver::ResumeToken;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::options::Clock;

use super::hash_state::Hashers;
use super::session::{Session, format_started_at, parse_started_at};

/// A record holds a resume token of at most some hundred kilobytes, in base64.
pub(super) const MAX_RECORD_BYTES: u64 = 4 * 1024 * 1024;

const RECORD_VERSION: u32 = 1;

/// Who began to close an upload so long ago is taken to be dead, and another one may close it. Within a store, copying
/// the largest upload takes less.
const CLOSING_LASTS: Duration = Duration::from_secs(10 * 60);

/// The content of our record of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    version: u32,
    /// Other in each record, so that who wrote one knows it again.
    #[serde(default)]
    pub(super) nonce: String,
    /// As distribution v3 writes it in `startedat`.
    started_at: String,
    /// Bytes received.
    pub(super) size: u64,
    /// Whether `data` is a finished file of all that was received.
    #[serde(default)]
    pub(super) sealed: bool,
    /// [`Session::is_foreign`].
    #[serde(default)]
    pub(super) foreign: bool,
    /// Who ends it, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
    /// The driver's resume token, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    writer: Option<String>,
    /// Hash states by algorithm, in base64.
    #[serde(default)]
    states: BTreeMap<String, String>,
}

/// The session is about to be removed: of several that want to end it, the one whose record this is does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Ending {
    /// It becomes a blob.
    Closing {
        /// Seconds from 1970.
        since: u64,
    },
    /// It was given up.
    Cancelled,
}

impl Record {
    pub(super) fn new(
        session: &Session,
        size: u64,
        token: Option<&ResumeToken>,
        hashers: &Hashers,
    ) -> Result<Self> {
        let resumable = session.core.options.resumable_digests || size == 0;
        let states = hashers.states(size).filter(|_| resumable);
        Ok(Self {
            version: RECORD_VERSION,
            nonce: fresh_nonce(),
            started_at: format_started_at(session.started_at)?,
            size,
            sealed: false,
            foreign: session.is_foreign,
            ending: None,
            writer: token.map(|token| BASE64.encode(token.as_bytes())),
            states: states
                .map(|(algorithm, state)| (algorithm.to_string(), BASE64.encode(state)))
                .collect(),
        })
    }

    /// The same, said by who closes the session now.
    pub(super) fn closing(self, clock: &dyn Clock) -> Self {
        let since = seconds(clock.now());
        self.ended(Ending::Closing { since })
    }

    /// The same, said by who cancels the session.
    pub(super) fn cancelled(self) -> Self {
        self.ended(Ending::Cancelled)
    }

    fn ended(self, ending: Ending) -> Self {
        Self {
            nonce: fresh_nonce(),
            ending: Some(ending),
            ..self
        }
    }

    /// Whether the session was given up.
    pub(super) fn is_cancelled(&self) -> bool {
        self.ending == Some(Ending::Cancelled)
    }

    /// Whether somebody ends the session, so that nobody else may write, close or cancel it.
    pub(super) fn is_taken(&self, clock: &dyn Clock) -> bool {
        match self.ending {
            None => false,
            Some(Ending::Cancelled) => true,
            Some(Ending::Closing { since }) => {
                seconds(clock.now()) < since.saturating_add(CLOSING_LASTS.as_secs())
            }
        }
    }

    /// The stored form.
    pub(super) fn to_content(&self) -> Result<Bytes> {
        let content = serde_json::to_vec(self).map_err(|error| Error::Internal(error.into()))?;
        Ok(content.into())
    }

    /// When the session was begun; `None` when the record says no time.
    pub(super) fn started_at(&self) -> Option<SystemTime> {
        parse_started_at(self.started_at.as_bytes())
    }

    /// `None` for what this did not write.
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(content).ok()?;
        (record.version == RECORD_VERSION).then_some(record)
    }

    /// The driver's resume token; an undecodable one is one that cannot be used.
    pub(super) fn token(&self) -> Option<ResumeToken> {
        let text = self.writer.as_ref()?;
        Some(ResumeToken::new(BASE64.decode(text).unwrap_or_default()))
    }

    /// The hashes of what was received, as far as they can be believed.
    pub(super) fn hashers(&self, size: u64) -> Hashers {
        let states = self.states.iter().filter_map(|(algorithm, state)| {
            let algorithm: Algorithm = algorithm.parse().ok()?;
            Some((algorithm, BASE64.decode(state).ok()?))
        });
        Hashers::restore(states, size)
    }
}

fn fresh_nonce() -> String {
    Uuid::new_v4().simple().to_string()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
