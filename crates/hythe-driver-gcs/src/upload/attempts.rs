use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::Pieces;

/// More sessions than this are not remembered at once. What is forgotten is caught by the checksum in the end.
const MAXIMUM_REMEMBERED: usize = 4096;

/// Bytes that were sent to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    offset: u64,
    length: u64,
    checksum: u32,
}

/// What this process sent last to each session, by the session's address.
///
/// A call may have failed or been dropped, and what was sent may be undone by whoever sent it; the session keeps it.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    last: Mutex<HashMap<String, Last>>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    attempt: Attempt,
    is_taken: bool,
}

impl Attempt {
    pub(crate) fn new(offset: u64, content: &Pieces) -> Self {
        Self {
            offset,
            length: content.length(),
            checksum: content.crc32c_after(0),
        }
    }

    /// Whether this is the earlier one again, perhaps with more after it.
    fn repeats(&self, earlier: &Self, content: &Pieces) -> bool {
        earlier.offset == self.offset
            && earlier.length <= self.length
            && content.first(earlier.length).crc32c_after(0) == earlier.checksum
    }
}

impl Attempts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt is about to be made.
    pub(crate) fn begin(&self, address: &str, attempt: Attempt) {
        let mut last = self.lock();
        if last.len() >= MAXIMUM_REMEMBERED {
            last.clear();
        }
        let is_taken = false;
        last.insert(address.to_owned(), Last { attempt, is_taken });
    }

    /// The session took all of the last attempt, and nothing else.
    pub(crate) fn taken(&self, address: &str) {
        if let Some(last) = self.lock().get_mut(address) {
            last.is_taken = true;
        }
    }

    /// The session is no more.
    pub(crate) fn forget(&self, address: &str) {
        self.lock().remove(address);
    }

    /// Whether the session may have bytes from this attempt's offset on that are not those of this attempt.
    pub(crate) fn is_unlike(&self, address: &str, attempt: &Attempt, content: &Pieces) -> bool {
        let Some(last) = self.lock().get(address).copied() else {
            return false;
        };
        let goes_on = last.is_taken && last.attempt.offset + last.attempt.length == attempt.offset;
        !goes_on && !attempt.repeats(&last.attempt, content)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn pieces(text: &'static str) -> Pieces {
        [Bytes::from(text)].into_iter().collect()
    }

    #[test]
    fn only_what_goes_on_or_begins_alike_is_sent_without_a_question() {
        let attempts = Attempts::default();
        let is_unlike = |offset, text| {
            let content = pieces(text);
            attempts.is_unlike("a", &Attempt::new(offset, &content), &content)
        };
        assert!(!is_unlike(0, "anything"));
        attempts.begin("a", Attempt::new(4, &pieces("abc")));
        assert!(!is_unlike(4, "abc"));
        assert!(!is_unlike(4, "abcd"));
        assert!(is_unlike(4, "ab"));
        assert!(is_unlike(4, "abd"));
        assert!(is_unlike(7, "d"));
        attempts.taken("a");
        assert!(!is_unlike(7, "d"));
        assert!(!is_unlike(4, "abcd"));
        assert!(is_unlike(0, "abcd"));
        attempts.forget("a");
        assert!(!is_unlike(0, "abcd"));
    }
}
