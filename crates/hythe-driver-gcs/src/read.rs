use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method, StatusCode};
use hythe_driver::{ByteStream, Content, DriverPath, ErrorKind, FileInfo, Read, ReadRange, Version};
use reqwest::Response;

use crate::client::{Client, Request};
use crate::error::{Failure, Result};
use crate::resource::{FIELDS, Resource, SESSION_CONTENT_TYPE, time_of, time_of_header};

/// How often a download that broke off is taken up again without having come further.
const MAXIMUM_RESUMPTIONS: usize = 4;

/// The largest object has 5 TiB.
const MAXIMUM_OFFSET: u64 = i64::MAX as u64;

/// What the service knows of an object.
pub(crate) async fn look(client: &Client, key: &str) -> Result<Resource> {
    let path = client.object_path(key);
    let request = client.request(
        Method::GET,
        "LOOK at object",
        key,
        &format!("{path}?fields={FIELDS}"),
    );
    client.json_of(&request).await
}

/// A file of at most `limit` bytes.
pub(crate) async fn whole(client: &Client, key: &str, limit: u64) -> Result<(Bytes, Option<Version>)> {
    fetch(client, key, limit, Head::of_file).await
}

/// An object of at most `limit` bytes, also one that stands for an upload.
pub(crate) async fn of_any_kind(client: &Client, key: &str, limit: u64) -> Result<Bytes> {
    let found = fetch(client, key, limit, |status, headers| {
        Ok(Head::read(status, headers))
    })
    .await;
    found.map(|(content, _)| content)
}

async fn fetch(
    client: &Client,
    key: &str,
    limit: u64,
    read: fn(StatusCode, &HeaderMap) -> Result<Option<Head>>,
) -> Result<(Bytes, Option<Version>)> {
    let request = download(client, key, None, None);
    let mut tries = 0;
    loop {
        let answer = client.send(&request).await.result?;
        let head = read(answer.status(), answer.headers())?;
        let head = head.ok_or_else(|| Failure::because(ErrorKind::Other, "the answer tells no size"))?;
        if head.range.end > limit {
            return Err(ErrorKind::TooLarge.into());
        }
        match answer.bytes().await {
            Ok(content) => return Ok((content, head.version)),
            Err(_) if tries < MAXIMUM_RESUMPTIONS => tries += 1,
            Err(error) => return Err(Failure::lost(request.what(), error)),
        }
    }
}

/// A range of an object, which must have it.
pub(crate) async fn part(client: &Client, key: &str, range: Range<u64>) -> Result<Bytes> {
    let mut tries = 0;
    loop {
        let answer = reopen(client, key, None, &range).await?;
        match answer.bytes().await {
            Ok(content) => return Ok(content),
            Err(_) if tries < MAXIMUM_RESUMPTIONS => tries += 1,
            Err(error) => {
                return Err(Failure::lost(
                    &format!("GET object {key:?} of bucket {:?}", client.bucket()),
                    error,
                ));
            }
        }
    }
}

/// Opens an object. A download that breaks off is taken up again where it broke, in the same version.
pub(crate) async fn open(
    client: &Arc<Client>,
    key: &str,
    path: &DriverPath,
    range: ReadRange,
) -> Result<Read> {
    let wanted = match range {
        ReadRange::Full | ReadRange::From(0) => None,
        // No header asks for nothing.
        ReadRange::Bounded { length: 0, .. } | ReadRange::Suffix(0) => {
            return nothing(client, key, path, range).await;
        }
        ReadRange::From(offset) | ReadRange::Bounded { offset, .. } if offset > MAXIMUM_OFFSET => {
            return nothing(client, key, path, range).await;
        }
        ReadRange::From(offset) => Some(format!("bytes={offset}-")),
        // A last byte beyond what anybody can count is no range at all to some.
        ReadRange::Bounded { offset, length } => Some(match offset.checked_add(length - 1) {
            Some(last) if last <= MAXIMUM_OFFSET => format!("bytes={offset}-{last}"),
            _ => format!("bytes={offset}-"),
        }),
        ReadRange::Suffix(length) => Some(format!("bytes=-{}", length.min(MAXIMUM_OFFSET))),
    };
    let request = download(client, key, None, wanted.as_deref());
    let answer = match client.send(&request).await.result {
        // Beyond the end.
        Err(failure) if wanted.is_some() && failure.is_beyond_the_end() => {
            return nothing(client, key, path, range).await;
        }
        answer => answer?,
    };
    let Some(head) = Head::of_file(answer.status(), answer.headers())? else {
        // An emulator has no words for a part of nothing.
        return nothing(client, key, path, range).await;
    };
    let is_ranged = answer.status() == StatusCode::PARTIAL_CONTENT;
    if wanted.is_some() && !is_ranged && head.size > 0 {
        return Err(Failure::because(
            ErrorKind::Other,
            "the service sent more than the range asked for",
        ));
    }
    let info = FileInfo {
        version: head.version.clone(),
        ..FileInfo::file(path.clone(), head.size, head.modified())
    };
    let content = Download {
        client: Arc::clone(client),
        what: request.what().to_owned(),
        key: key.to_owned(),
        path: path.clone(),
        version: head.version,
        answer: Some(answer),
        left: head.range.clone(),
        resumptions: 0,
    };
    Ok(Read {
        info,
        range: head.range,
        content: Content::Stream(content.into_stream()),
    })
}

/// An opened object of which no bytes are wanted.
async fn nothing(client: &Client, key: &str, path: &DriverPath, range: ReadRange) -> Result<Read> {
    let found = look(client, key).await?;
    if found.is_session() {
        return Err(ErrorKind::NotFound.into());
    }
    let end = range.resolve(found.size()).start;
    Ok(Read {
        info: FileInfo {
            version: found.version(),
            ..FileInfo::file(path.clone(), found.size(), found.modified())
        },
        range: end..end,
        content: Content::Stream(Box::pin(stream::empty())),
    })
}

fn download(client: &Client, key: &str, version: Option<&Version>, range: Option<&str>) -> Request {
    let generation = version.map(|version| format!("&generation={}", Client::encode(version.as_str())));
    let path = client.object_path(key);
    let query = format!("{path}?alt=media{}", generation.unwrap_or_default());
    let request = client.request(Method::GET, "GET object", key, &query);
    match range {
        Some(range) => request.header(RANGE, range),
        None => request,
    }
}

/// What the head of a download tells.
struct Head {
    /// Of the whole object.
    size: u64,
    /// Of what follows.
    range: Range<u64>,
    version: Option<Version>,
    last_modified: Option<String>,
}

impl Head {
    /// Of a file: what stands for an unfinished upload is none.
    fn of_file(status: StatusCode, headers: &HeaderMap) -> Result<Option<Self>> {
        if headers
            .get(CONTENT_TYPE)
            .is_some_and(|found| found == SESSION_CONTENT_TYPE)
        {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(Self::read(status, headers))
    }

    /// `None` when it tells no size.
    fn read(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let length = text(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        let range = if status == StatusCode::PARTIAL_CONTENT {
            text(CONTENT_RANGE.as_str()).and_then(|range| parse_content_range(&range))
        } else {
            length.map(|length| (0..length, length))
        };
        let (range, size) = range?;
        Some(Self {
            size,
            range,
            version: text("x-goog-generation").map(Version::new),
            last_modified: text(LAST_MODIFIED.as_str()),
        })
    }

    fn modified(&self) -> Option<std::time::SystemTime> {
        let told = self.last_modified.as_deref().and_then(time_of_header);
        told.or_else(|| time_of(self.version.as_ref()?.as_str()))
    }
}

/// `bytes 0-4/10`.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then_some((first..last + 1, size))
}

/// The rest of a download.
struct Download {
    client: Arc<Client>,
    /// For errors.
    what: String,
    key: String,
    path: DriverPath,
    version: Option<Version>,
    answer: Option<Response>,
    left: Range<u64>,
    resumptions: usize,
}

impl Download {
    fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, |mut download| async {
            let piece = download.next().await;
            let path = &download.path;
            let piece = piece.map_err(|failure| failure.of("read", path))?;
            Ok(piece.map(|piece| (piece, download)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.left.is_empty() {
            match self.piece().await {
                Ok(piece) => {
                    self.left.start += piece.len() as u64;
                    self.resumptions = 0;
                    return Ok(Some(piece));
                }
                Err(failure) if failure.is_transient && self.resumptions < MAXIMUM_RESUMPTIONS => {
                    self.resumptions += 1;
                    self.answer = None;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    /// The next bytes, of this answer or of a further one.
    async fn piece(&mut self) -> Result<Bytes> {
        let left = (self.left.end - self.left.start) as usize;
        let answer = match &mut self.answer {
            Some(answer) => answer,
            none => none.insert(reopen(&self.client, &self.key, self.version.as_ref(), &self.left).await?),
        };
        match answer.chunk().await {
            Ok(Some(piece)) if !piece.is_empty() => Ok(piece.slice(..piece.len().min(left))),
            Ok(_) => Err(Failure::cut_off(&self.what)),
            Err(error) => Err(Failure::lost(&self.what, error)),
        }
    }
}

/// Exactly this range of exactly this version.
async fn reopen(
    client: &Client,
    key: &str,
    version: Option<&Version>,
    range: &Range<u64>,
) -> Result<Response> {
    let wanted = format!("bytes={}-{}", range.start, range.end - 1);
    let request = download(client, key, version, Some(&wanted));
    let answer = client.send(&request).await.result?;
    let is_right = Head::read(answer.status(), answer.headers()).is_some_and(|head| head.range == *range);
    if !is_right {
        let cause = "the answer has another range than was asked for";
        return Err(Failure::because(ErrorKind::Other, cause));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(parse_content_range("bytes 0-4/10"), Some((0..5, 10)));
        for text in [
            "bytes */10",
            "bytes 4-3/10",
            "bytes 0-10/10",
            "0-4/10",
            "bytes 0-4/*",
            "",
        ] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
