//! Upload sessions.
//!
//! Where the driver appends (a file system), a session is kept as distribution v3 keeps it, so that either
//! registry finishes what the other began: `startedat`, `data`, and after each request
//! `hashstates/<alg>/<offset>`.
//!
//! Elsewhere (an object store) there is `startedat`, and from the first bytes on one record `session`: the
//! driver's resume token, the hash states, the sizes. It is put conditionally, so that of two that write one
//! session one wins. The original ignores it.
//!
//! The digest is verified before the content becomes visible and before the backend is told that the upload is
//! complete. Then: content, link, clean-up, in this order.
//!
//! | Module | Verb |
//! |---|---|
//! | `session` | begins, finds and removes what is kept |
//! | `hashing` | hashes beside writing |
//! | `hash_state` | hashes, keeps and restores the hashes, reads stored content again |
//! | `open` | starts, asks for and continues an upload |
//! | `writer` | writes, suspends, cancels |
//! | `commit` | ends an upload with a blob |
//! | [`purge`] | removes what nobody ended |

mod commit;
mod hash_state;
mod hashing;
mod open;
pub mod purge;
mod session;
#[cfg(test)]
mod tests;
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
