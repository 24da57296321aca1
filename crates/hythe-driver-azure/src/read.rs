//! Reading a blob, from one version from its first byte to its last.
//!
//! The official `download` fetches pieces in parallel and holds them in memory; this is one plain request. A
//! connection that breaks is taken up again where it broke, as long as the blob is the same.

use std::ops::Range;
use std::time::Duration;

use azure_core::http::response::AsyncResponseBody;
use azure_core::http::{Context, Method, PipelineStreamOptions};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hythe_driver::{ByteStream, DriverPath, Error, ErrorKind, ReadRange, Version};

use crate::client::{Client, Properties, number, request};
use crate::error::{Failure, NAME, Result};

/// A connection over which nothing came for so long is taken for broken.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often one read is taken up again without a byte having come in between.
const RESUMPTIONS: u32 = 3;

/// A blob that is being read.
pub(crate) struct Opened {
    pub(crate) properties: Properties,
    pub(crate) range: Range<u64>,
    body: Option<AsyncResponseBody>,
}

/// The bytes asked for, as the service knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    offset: u64,
    /// The last byte; `None` for all that is left.
    last: Option<u64>,
}

impl Client {
    /// Opens a range of a blob: one request, two for a suffix or for what lies beyond the end.
    pub(crate) async fn open(&self, key: &str, range: ReadRange) -> Result<Opened> {
        let wanted = match range {
            ReadRange::Full | ReadRange::From(0) => None,
            ReadRange::From(offset) => Some(Wanted { offset, last: None }),
            ReadRange::Bounded { length: 0, .. } | ReadRange::Suffix(0) => {
                return self.open_nothing(key, range).await;
            }
            ReadRange::Bounded { offset, length } => Some(Wanted {
                offset,
                last: Some(offset.saturating_add(length - 1)),
            }),
            // Azure knows no ranges that are counted from the end.
            ReadRange::Suffix(_) => {
                let properties = self.head(key).await?;
                let range = range.resolve(properties.size);
                if range.is_empty() {
                    return Ok(Opened {
                        properties,
                        range,
                        body: None,
                    });
                }
                let version = properties.version.clone();
                let wanted = Wanted {
                    offset: range.start,
                    last: Some(range.end - 1),
                };
                return self.get(key, Some(wanted), version.as_ref()).await;
            }
        };
        match self.get(key, wanted, None).await {
            // Nothing is there; so it is too for an empty blob, whatever the range.
            Err(failure) if failure.status() == Some(416) => self.open_nothing(key, range).await,
            opened => opened,
        }
    }

    async fn open_nothing(&self, key: &str, range: ReadRange) -> Result<Opened> {
        let properties = self.head(key).await?;
        let start = range.resolve(properties.size).start;
        Ok(Opened {
            properties,
            range: start..start,
            body: None,
        })
    }

    async fn get(&self, key: &str, wanted: Option<Wanted>, version: Option<&Version>) -> Result<Opened> {
        let mut request = request(Method::Get, self.blob(key).url().clone());
        if let Some(Wanted { offset, last }) = wanted {
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            request.insert_header("x-ms-range", format!("bytes={offset}-{last}"));
        }
        if let Some(version) = version {
            request.insert_header("if-match", version.as_str().to_owned());
        }
        let options = PipelineStreamOptions::default();
        let answered = self
            .pipeline()
            .stream(&Context::new(), &mut request, Some(options))
            .await;
        let (_, headers, body) = answered.map_err(self.failed(key))?.deconstruct();
        let length = number(&headers, "content-length").unwrap_or_default();
        let content_range = headers.get_optional_str(&"content-range".into());
        let (range, size) = match (wanted, content_range) {
            (Some(_), Some(text)) => content_range_of(text).ok_or_else(|| {
                Failure::because(ErrorKind::Other, "the service answered with no valid range")
            })?,
            _ => (0..length, length),
        };
        let properties = Properties::read(&headers, size);
        if !properties.is_whole() {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(Opened {
            properties,
            range,
            body: Some(body),
        })
    }

    /// The bytes of an opened blob.
    pub(crate) fn stream(&self, key: String, path: DriverPath, opened: Opened) -> ByteStream {
        let Opened {
            properties,
            range,
            body: Some(body),
        } = opened
        else {
            return Box::pin(stream::empty());
        };
        let reading = Reading {
            client: self.clone(),
            key,
            path,
            version: properties.version,
            body,
            left: range,
            resumptions: 0,
        };
        Box::pin(stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            match reading.next().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

/// The bytes and the whole size in a header such as `bytes 0-9/100`.
fn content_range_of(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let end = last.checked_add(1)?;
    // Azurite answers so to a range that begins exactly at the end.
    (first <= end).then_some((first..end, size.parse().ok()?))
}

/// A blob whose content is on its way.
struct Reading {
    client: Client,
    key: String,
    path: DriverPath,
    version: Option<Version>,
    body: AsyncResponseBody,
    left: Range<u64>,
    resumptions: u32,
}

impl Reading {
    async fn next(&mut self) -> hythe_driver::Result<Option<Bytes>> {
        while !self.left.is_empty() {
            let cause = match tokio::time::timeout(IDLE_TIMEOUT, self.body.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(mut piece))) => {
                    let length = self.left.end - self.left.start;
                    piece.truncate(usize::try_from(length).unwrap_or(usize::MAX));
                    self.left.start += piece.len() as u64;
                    self.resumptions = 0;
                    return Ok(Some(piece));
                }
                Ok(Some(Err(error))) => self.client.failed(&self.key)(error),
                Ok(None) => Failure::because(ErrorKind::Unavailable, "the content ended too early"),
                Err(_elapsed) => Failure::because(ErrorKind::Unavailable, "the content does not go on"),
            };
            self.resume(cause).await?;
        }
        Ok(None)
    }

    /// Asks for what is left.
    async fn resume(&mut self, cause: Failure) -> hythe_driver::Result<()> {
        let failed = |failure: Failure| failure.of("read", &self.path);
        let is_the_same_later = self.version.is_some() && cause.kind() == ErrorKind::Unavailable;
        if !is_the_same_later || self.resumptions >= RESUMPTIONS {
            return Err(failed(cause));
        }
        self.resumptions += 1;
        let wanted = Wanted {
            offset: self.left.start,
            last: Some(self.left.end - 1),
        };
        let again = self.client.get(&self.key, Some(wanted), self.version.as_ref());
        let opened = again.await.map_err(failed)?;
        let (Some(body), true) = (opened.body, opened.range == self.left) else {
            return Err(Error::new(NAME, "read", ErrorKind::Other)
                .at(&self.path)
                .because("the service answered with another range"));
        };
        self.body = body;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_answers_are_read() {
        let check = |text: &str, expected: Option<(Range<u64>, u64)>| {
            assert_eq!(content_range_of(text), expected, "{text}");
        };
        check("bytes 0-9/100", Some((0..10, 100)));
        check("bytes 99-99/100", Some((99..100, 100)));
        check("bytes 100-99/100", Some((100..100, 100)));
        for text in ["", "bytes */100", "bytes 5-3/100", "0-9/100", "bytes 0-9/*"] {
            check(text, None);
        }
    }
}
