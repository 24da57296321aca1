//! Following redirects to where the bytes of a blob are, and counting who did not redirect.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;
use crate::http::Response;

/// How GETs of blobs were answered to a client that follows redirects.
#[derive(Debug, Default)]
pub struct Redirects {
    followed: AtomicUsize,
    direct: AtomicUsize,
    special: AtomicUsize,
}

/// Whether method and target, as in [`Request::line`](crate::Request::line), ask for the bytes of a blob.
pub(crate) fn is_blob_get(line: &str) -> bool {
    line.starts_with("GET ") && line.contains("/blobs/") && !line.contains("/blobs/uploads/")
}

impl Redirects {
    /// GETs of blobs that were answered with a redirect.
    pub fn followed(&self) -> usize {
        self.followed.load(Ordering::Relaxed)
    }

    /// GETs of whole blobs whose bytes the registry sent itself.
    pub fn direct(&self) -> usize {
        self.direct.load(Ordering::Relaxed)
    }

    /// GETs with conditions or ranges that the registry answered itself: it may know better than the storage.
    pub fn special(&self) -> usize {
        self.special.load(Ordering::Relaxed)
    }

    /// Counts the answer to a GET of a blob. Errors, and that nothing was modified, are neither.
    pub(crate) fn count(&self, headers: &[(String, String)], status: u16) {
        let is_special = headers.iter().any(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name == "range" || name.starts_with("if-")
        });
        match status {
            307 => self.followed.fetch_add(1, Ordering::Relaxed),
            200 | 206 if is_special => self.special.fetch_add(1, Ordering::Relaxed),
            200 | 206 => self.direct.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

/// Host and port, and the target there, of the `Location` of a redirect.
pub(crate) fn place(redirect: &Response) -> Result<(String, String), Error> {
    let location = redirect.header("location").unwrap_or_default();
    let rest = location.strip_prefix("http://");
    let place = rest.and_then(|rest| Some(rest.split_at(rest.find('/')?)));
    place
        .map(|(authority, target)| (authority.to_owned(), target.to_owned()))
        .ok_or_else(|| {
            redirect.unexpected(format!(
                "Location is not of the form http://host:port/path: {location}"
            ))
        })
}

/// What a client knows in the end: the answer of the place it was sent to, and what the redirect said beyond that.
pub(crate) fn merged(redirect: Response, mut answer: Response) -> Response {
    for (name, value) in &redirect.headers {
        if name != "location" && !answer.headers.contains_key(name) {
            answer.headers.insert(name.clone(), value.clone());
        }
    }
    answer.request = redirect.request;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bytes_of_blobs_are_counted() {
        fn check(line: &str, expected: bool) {
            assert_eq!(is_blob_get(line), expected, "{line}");
        }
        check("GET /v2/a/blobs/sha256:ab", true);
        check("HEAD /v2/a/blobs/sha256:ab", false);
        check("GET /v2/a/blobs/uploads/1", false);
        check("GET /v2/a/manifests/1", false);
    }
}
