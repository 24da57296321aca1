//! Upload sessions.
//!
//! Where the driver appends (a file system), a session is kept as distribution v3 keeps it, so that either
//! registry finishes what the other began: `startedat`, `data`, and after each request
//! `hashstates/<alg>/<offset>`.
//!
//! Elsewhere (an object store) one record `session` is the session: the driver's resume token, the hash states, the
//! size, the start time. After the first time it is put only if it is still the one that was read. So of several that
//! write, close or cancel one session one wins, wherever they are, and nothing brings back a session that was ended.
//! The original ignores the record. Sessions that the original began get one when they are continued.
//!
//! The digest is verified before the content becomes visible and before the backend is told that the upload is
//! complete. Then: content, link, clean-up, in this order.
//!
//! | Module | Verb |
//! |---|---|
//! | `session` | begins, finds and removes what is kept |
//! | `record` | says what the record says, and who has taken the session |
//! | `hashing` | hashes beside writing |
//! | `hash_state` | hashes, keeps and restores the hashes, reads stored content again |
//! | `open` | starts, asks for and continues an upload |
//! | `writer` | writes, suspends |
//! | `verify` | compares what was received with its digest |
//! | `take` | takes a session that is to be ended, gives it back |
//! | `commit` | ends an upload with a blob |
//! | `cancel` | ends an upload with nothing |
//! | [`purge`] | removes what nobody ended |

mod cancel;
mod commit;
mod hash_state;
mod hashing;
mod open;
pub mod purge;
mod record;
mod session;
mod take;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use hythe_distribution::UploadId;

pub(crate) use self::open::{create, resume, status};
use self::session::parse_started_at;

/// The uploads that are being committed by this process, so that of two that commit one session one wins also
/// where the backend has no locks.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    ids: Mutex<HashSet<UploadId>>,
}

/// One upload being committed, until dropped.
#[derive(Debug)]
struct ClosingGuard<'a> {
    closing: &'a Closing,
    id: UploadId,
}

impl Closing {
    /// `None` when somebody else commits this upload right now.
    fn begin(&self, id: UploadId) -> Option<ClosingGuard<'_>> {
        let is_first = self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_first.then(|| ClosingGuard { closing: self, id })
    }
}

impl Drop for ClosingGuard<'_> {
    fn drop(&mut self) {
        let mut ids = self.closing.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.remove(&self.id);
    }
}
