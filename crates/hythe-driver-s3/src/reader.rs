//! Objects are read as a stream, which goes on where it broke off.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures_util::stream;
use hythe_driver::{
    Content, DriverPath, Error, ErrorKind, FileInfo, Read, ReadRange, Result, Version, collect,
};

use crate::client::Client;
use crate::conditions::version;
use crate::error::{Answer, Failure, NAME};
use crate::list::time;

/// How often in a row a body that ended early is gone on with.
const RESUMPTIONS: u32 = 5;
/// So many bytes show that going on helps.
const PROGRESS_BYTES: u64 = 1 << 20;
const DELAY: Duration = Duration::from_millis(100);

/// An answer to a GET.
struct Opened {
    size: u64,
    modified: Option<SystemTime>,
    version: Option<Version>,
    /// The bytes of the object that the body has.
    range: Range<u64>,
    body: ByteStream,
}

impl Client {
    /// The whole of a small object.
    pub(crate) async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let (bytes, _) = self.get_versioned(path, limit).await?;
        Ok(bytes)
    }

    /// The same, and its version.
    pub(crate) async fn get_versioned(
        &self,
        path: &DriverPath,
        limit: u64,
    ) -> Result<(Bytes, Option<Version>)> {
        let read = self.read(path, ReadRange::Full).await?;
        if read.info.size() > limit {
            return Err(Error::new(NAME, "get_content", ErrorKind::TooLarge).at(path));
        }
        let Content::Stream(stream) = read.content else {
            return Err(Error::new(NAME, "get_content", ErrorKind::Other).at(path));
        };
        let bytes = collect(NAME, stream, limit).await?;
        Ok((bytes, read.info.version))
    }

    /// Opens an object for reading a range of it.
    pub(crate) async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let key = self.keys.key(path);
        let opened = match range_header(range) {
            Some(header) => self.open(&key, header, None).await,
            None => Err(Failure::new(ErrorKind::InvalidPath, "no byte is wanted")),
        };
        let opened = match opened {
            Ok(opened) => opened,
            // Nothing is at the place: only the size is to be told.
            Err(failure) if failure.status == Some(416) || failure.status.is_none() && is_empty(range) => {
                let object = self.head(&key).await?;
                let end = range.resolve(object.size).start;
                return Ok(Read {
                    info: FileInfo {
                        version: object.version,
                        ..FileInfo::file(path.clone(), object.size, object.modified)
                    },
                    range: end..end,
                    content: Content::Stream(Box::pin(stream::empty())),
                });
            }
            Err(failure) => return Err(self.failed("GetObject", key)(failure)),
        };
        let wanted = range.resolve(opened.size);
        let info = FileInfo {
            version: opened.version.clone(),
            ..FileInfo::file(path.clone(), opened.size, opened.modified)
        };
        let body = Body {
            client: self.clone(),
            path: path.clone(),
            key,
            position: wanted.start,
            end: wanted.end,
            version: opened.version,
            source: Some((opened.range.start, opened.body)),
            failures: 0,
            since_failure: 0,
        };
        Ok(Read {
            info,
            range: wanted,
            content: Content::Stream(Box::pin(stream::unfold(body, Body::next))),
        })
    }

    async fn open(&self, key: &str, range: String, of: Option<&Version>) -> Answer<Opened> {
        let sent = {
            let _permit = self.permit().await;
            self.sdk
                .get_object()
                .bucket(&*self.bucket)
                .key(key)
                .set_range(Some(range).filter(|range| !range.is_empty()))
                .set_if_match(of.map(|version| self.condition_etag(version)))
                .send()
                .await
        };
        opened(sent?)
    }
}

fn opened(answer: GetObjectOutput) -> Answer<Opened> {
    let length = answer.content_length.unwrap_or_default().unsigned_abs();
    let (range, size) = match answer.content_range.as_deref() {
        // A service may answer with the whole object.
        None => (0..length, length),
        Some(text) => parse_content_range(text).ok_or_else(|| {
            Failure::new(
                ErrorKind::Unavailable,
                format!("answered with the range {text:?}"),
            )
        })?,
    };
    Ok(Opened {
        size,
        modified: answer.last_modified.as_ref().and_then(time),
        version: answer.e_tag.as_deref().map(version),
        range,
        body: answer.body,
    })
}

/// The header for a range; empty for the whole object, since from 0 on there is nothing in an empty one. `None` when
/// no byte is wanted.
fn range_header(range: ReadRange) -> Option<String> {
    match range {
        _ if is_empty(range) => None,
        ReadRange::Full | ReadRange::From(0) => Some(String::new()),
        ReadRange::From(offset) => Some(format!("bytes={offset}-")),
        ReadRange::Bounded { offset, length } => {
            let last = offset.saturating_add(length - 1);
            Some(format!("bytes={offset}-{last}"))
        }
        ReadRange::Suffix(length) => Some(format!("bytes=-{length}")),
    }
}

fn is_empty(range: ReadRange) -> bool {
    matches!(range, ReadRange::Bounded { length: 0, .. } | ReadRange::Suffix(0))
}

/// `bytes 3-9/12`: the bytes sent and the size of the whole.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    if size == "0" {
        // What MinIO says of the last bytes of an empty object is no range.
        return Some((0..0, 0));
    }
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let size: u64 = size.parse().ok()?;
    (first <= last && last < size).then_some((first..last + 1, size))
}

/// The bytes of a range, from as many answers as it takes.
struct Body {
    client: Client,
    path: DriverPath,
    key: String,
    /// The next byte to give.
    position: u64,
    end: u64,
    version: Option<Version>,
    /// An answer's body and where its next byte is from.
    source: Option<(u64, ByteStream)>,
    /// Breaks without progress between them.
    failures: u32,
    since_failure: u64,
}

impl Body {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        while self.position < self.end {
            let Some((at, mut body)) = self.source.take() else {
                if let Err(failure) = self.reopen().await {
                    return Some((Err(self.failed(failure)), self.ended()));
                }
                continue;
            };
            match body.next().await {
                Some(Ok(piece)) => {
                    let after = at + piece.len() as u64;
                    self.source = Some((after, body));
                    let piece = self.wanted(piece, at);
                    if !piece.is_empty() {
                        self.position += piece.len() as u64;
                        self.since_failure += piece.len() as u64;
                        return Some((Ok(piece), self));
                    }
                }
                broken => {
                    let reason = match broken {
                        Some(Err(error)) => error.to_string(),
                        _ => "the answer ended early".to_owned(),
                    };
                    if let Err(failure) = self.note_failure(&reason) {
                        return Some((Err(self.failed(failure)), self.ended()));
                    }
                    tokio::time::sleep(DELAY * 2_u32.pow(self.failures)).await;
                }
            }
        }
        None
    }

    /// What of a piece that begins at `at` is in the range and was not given yet.
    fn wanted(&self, mut piece: Bytes, at: u64) -> Bytes {
        let given = self.position.saturating_sub(at).min(piece.len() as u64);
        let mut piece = piece.split_off(given as usize);
        let left = self.end - self.position;
        piece.truncate(left.min(piece.len() as u64) as usize);
        piece
    }

    fn note_failure(&mut self, reason: &str) -> Answer<()> {
        if self.since_failure >= PROGRESS_BYTES {
            self.failures = 0;
        }
        self.since_failure = 0;
        self.failures += 1;
        if self.failures > RESUMPTIONS {
            let (position, end) = (self.position, self.end);
            let text = format!("broke off at byte {position} of {end} again and again: {reason}");
            return Err(Failure::new(ErrorKind::Unavailable, text));
        }
        tracing::debug!(key = %self.key, position = self.position, reason, "going on with a body that broke off");
        Ok(())
    }

    async fn reopen(&mut self) -> Answer<()> {
        let range = format!("bytes={}-{}", self.position, self.end - 1);
        match self.client.open(&self.key, range, self.version.as_ref()).await {
            Ok(opened) if opened.range.start <= self.position => {
                self.source = Some((opened.range.start, opened.body));
                Ok(())
            }
            Ok(_) => Err(Failure::new(
                ErrorKind::Unavailable,
                "answered with another range",
            )),
            Err(failure) => Err(match failure.kind {
                ErrorKind::PreconditionFailed | ErrorKind::NotFound => Failure::new(
                    ErrorKind::Unavailable,
                    "the object was replaced while it was read",
                ),
                _ => failure,
            }),
        }
    }

    fn failed(&self, failure: Failure) -> Error {
        let error = self.client.failed("GetObject", self.key.as_str())(failure);
        error.during("read").at(&self.path)
    }

    /// After an error the stream is over.
    fn ended(mut self) -> Self {
        self.position = self.end;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_asked_for_as_http_has_them() {
        let check = |range: ReadRange, expected: Option<&str>| {
            assert_eq!(range_header(range).as_deref(), expected, "{range:?}");
        };
        let bounded = |offset, length| ReadRange::Bounded { offset, length };
        check(ReadRange::Full, Some(""));
        check(ReadRange::From(0), Some(""));
        check(ReadRange::From(7), Some("bytes=7-"));
        check(bounded(0, 1), Some("bytes=0-0"));
        check(bounded(5, 10), Some("bytes=5-14"));
        check(bounded(5, u64::MAX), Some("bytes=5-18446744073709551615"));
        check(bounded(5, 0), None);
        check(ReadRange::Suffix(3), Some("bytes=-3"));
        check(ReadRange::Suffix(0), None);
    }

    #[test]
    fn content_ranges_are_understood() {
        assert_eq!(parse_content_range("bytes 0--1/0"), Some((0..0, 0)));
        assert_eq!(parse_content_range("bytes 3-9/12"), Some((3..10, 12)));
        for text in [
            "bytes */12",
            "bytes 3-9/*",
            "bytes 9-3/12",
            "bytes 3-12/12",
            "3-9/12",
            "",
        ] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
