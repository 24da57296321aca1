//! `/v2/<name>/blobs/<digest>`: a blob, whole or in parts.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hythe_api::{ApiError, ErrorCode, Precondition, RequestedRange, Span, evaluate_preconditions, headers};
use hythe_digest::Digest;
use hythe_distribution::{Blob, BlobRange, Content, Error, FileRange, Repository, Trust};
use hythe_manifest::{Descriptor, media_types};
use hythe_reference::RepositoryName;

use crate::context::Call;
use crate::error::HttpError;
use crate::multipart::Multipart;
use crate::redirect;
use crate::reply::{Answer, Reply};
use crate::response_body::ResponseBody;

/// The content of a digest never changes: a year, the most that caches take.
const CACHE_CONTROL: &str = "max-age=31536000";

/// Who asks for more parts at once gets the whole (RFC 9110, section 14.2, allows it): each is a read of its own.
const MAX_PARTS: usize = 64;

pub(crate) async fn get(call: &Call<'_>, name: &RepositoryName, digest: &Digest) -> Answer {
    let repository = call.repository(name);
    if let Some(redirect) = redirect::to_storage(call, repository.blobs(), digest).await? {
        return Ok(redirect);
    }
    if is_unconditional(call.headers()) {
        let blob = repository.blobs().open(digest, BlobRange::Full).await?;
        let reply = whole(&blob.descriptor);
        let span = Span {
            start: 0,
            len: blob.descriptor.size,
        };
        let body = ResponseBody::of_content(checked(blob, span)?, span.len);
        return reply.body(body.logged(call.context.request_id)).into();
    }
    let descriptor = repository.blobs().stat(digest, Trust::Cached).await?;
    let (reply, part) = judge(call.headers(), &descriptor)?;
    let body = match part {
        Part::None => ResponseBody::Empty,
        Part::One(span) => open(repository.as_ref(), digest, span).await?,
        Part::Several(multipart) => open_several(repository, *digest, &multipart).await?,
    };
    reply.body(body.logged(call.context.request_id)).into()
}

/// As GET, without opening the blob. It is how clients find out that they need not push it, so that the storage
/// answers and no cache does.
pub(crate) async fn head(call: &Call<'_>, name: &RepositoryName, digest: &Digest) -> Answer {
    let trust = if call.shared.read_only {
        Trust::Cached
    } else {
        Trust::Stored
    };
    let descriptor = call.repository(name).blobs().stat(digest, trust).await?;
    let (reply, _) = judge(call.headers(), &descriptor)?;
    reply.into()
}

pub(crate) async fn delete(call: &Call<'_>, name: &RepositoryName, digest: &Digest) -> Answer {
    match call.repository(name).blobs().delete(digest).await {
        Ok(()) => Reply::new(StatusCode::ACCEPTED).no_content().into(),
        Err(Error::BlobUnknown { .. }) => Err(ErrorCode::BlobUnknown.into()),
        Err(error) => Err(error.into()),
    }
}

/// What a blob is served as.
pub(crate) fn media_type(descriptor: &Descriptor) -> &str {
    descriptor
        .media_type
        .as_ref()
        .map_or(media_types::OCTET_STREAM, |known| known.as_str())
}

/// Which part of a blob answers a request.
enum Part {
    None,
    One(Span),
    Several(Multipart),
}

fn is_unconditional(headers: &HeaderMap) -> bool {
    [header::RANGE, header::IF_MATCH, header::IF_NONE_MATCH]
        .iter()
        .all(|name| !headers.contains_key(name))
}

/// The answer without its body, and what the body is to be.
fn judge(headers: &HeaderMap, descriptor: &Descriptor) -> Result<(Reply, Part), HttpError> {
    let size = descriptor.size;
    let etag = format!("\"{}\"", descriptor.digest);
    let use_range = match evaluate_preconditions(headers, &etag) {
        Precondition::Proceed { use_range } => use_range,
        Precondition::NotModified => {
            let reply = Reply::new(StatusCode::NOT_MODIFIED);
            return Ok((identified(reply, descriptor), Part::None));
        }
        Precondition::Failed => {
            // Not to be kept by caches, which would give it to those who set no condition.
            let reply = Reply::new(StatusCode::PRECONDITION_FAILED).no_content();
            return Ok((named(reply, descriptor), Part::None));
        }
    };
    let range = headers
        .get(header::RANGE)
        .filter(|_| use_range)
        .map(HeaderValue::to_str);
    let range = match range {
        None => RequestedRange::Full,
        Some(Ok(text)) => RequestedRange::parse(text, size),
        Some(Err(_)) => RequestedRange::Invalid,
    };
    match range {
        RequestedRange::Multi(spans) if spans.len() <= MAX_PARTS => {
            let multipart = Multipart::new(media_type(descriptor), spans, size);
            let reply = partial(descriptor)
                .text(header::CONTENT_LENGTH, multipart.length())
                .text(header::CONTENT_TYPE, multipart.content_type());
            Ok((reply, Part::Several(multipart)))
        }
        RequestedRange::Full | RequestedRange::Multi(_) => {
            Ok((whole(descriptor), Part::One(Span { start: 0, len: size })))
        }
        RequestedRange::Single(span) => {
            let reply = partial(descriptor)
                .text(header::CONTENT_LENGTH, span.len)
                .text(header::CONTENT_RANGE, span.content_range(size))
                .text(header::CONTENT_TYPE, media_type(descriptor));
            Ok((reply, Part::One(span)))
        }
        RequestedRange::Invalid => Err(not_satisfiable(descriptor, "invalid range").into()),
        RequestedRange::Unsatisfiable => {
            let error = not_satisfiable(descriptor, "invalid range: failed to overlap");
            Err(match HeaderValue::try_from(RequestedRange::unsatisfied(size)) {
                Ok(value) => error.with_header(header::CONTENT_RANGE, value).into(),
                Err(_) => error.into(),
            })
        }
    }
}

fn not_satisfiable(descriptor: &Descriptor, detail: &str) -> ApiError {
    let error = ApiError::new(ErrorCode::RangeInvalid).with_detail(detail);
    match HeaderValue::try_from(descriptor.digest.to_string()) {
        Ok(digest) => error.with_header(headers::CONTENT_DIGEST, digest),
        Err(_) => error,
    }
}

fn whole(descriptor: &Descriptor) -> Reply {
    identified(Reply::new(StatusCode::OK), descriptor)
        .fixed(header::ACCEPT_RANGES, "bytes")
        .text(header::CONTENT_LENGTH, descriptor.size)
        .text(header::CONTENT_TYPE, media_type(descriptor))
}

fn partial(descriptor: &Descriptor) -> Reply {
    identified(Reply::new(StatusCode::PARTIAL_CONTENT), descriptor).fixed(header::ACCEPT_RANGES, "bytes")
}

/// Says which blob it is, to clients and to caches, which may keep it.
fn identified(reply: Reply, descriptor: &Descriptor) -> Reply {
    named(reply, descriptor).fixed(header::CACHE_CONTROL, CACHE_CONTROL)
}

fn named(reply: Reply, descriptor: &Descriptor) -> Reply {
    reply
        .text(headers::CONTENT_DIGEST, descriptor.digest)
        .text(header::ETAG, format_args!("\"{}\"", descriptor.digest))
}

async fn open(repository: &dyn Repository, digest: &Digest, span: Span) -> Result<ResponseBody, Error> {
    if span.len == 0 {
        return Ok(ResponseBody::Empty);
    }
    let blob = repository.blobs().open(digest, bounded(span)).await?;
    Ok(ResponseBody::of_content(checked(blob, span)?, span.len))
}

/// Several parts. A file is opened once; of a stream, each part is opened when its turn comes.
async fn open_several(
    repository: Arc<dyn Repository>,
    digest: Digest,
    multipart: &Multipart,
) -> Result<ResponseBody, Error> {
    let Some(first) = multipart.spans().first().copied() else {
        return Ok(ResponseBody::Empty);
    };
    let blob = repository.blobs().open(&digest, bounded(first)).await?;
    match checked(blob, first)? {
        Content::File(file) => Ok(multipart.body(|span| {
            // The file is the blob, perhaps with something in front of it.
            let offset = (file.offset + span.start).saturating_sub(first.start);
            ResponseBody::File(FileRange {
                file: file.file.clone(),
                offset,
                length: span.len,
            })
        })),
        Content::Stream(stream) => {
            let mut opened = Some(stream);
            Ok(multipart.body(|span| {
                let stream = opened.take().unwrap_or_else(|| {
                    let repository = repository.clone();
                    let later = async move {
                        let blob = repository.blobs().open(&digest, bounded(span)).await?;
                        match checked(blob, span)? {
                            Content::Stream(stream) => Ok(stream),
                            Content::File(_) => Err(damaged()),
                        }
                    };
                    stream::once(later).try_flatten().boxed()
                });
                ResponseBody::Stream {
                    stream,
                    length: span.len,
                }
            }))
        }
    }
}

fn bounded(span: Span) -> BlobRange {
    BlobRange::Bounded {
        offset: span.start,
        length: span.len,
    }
}

/// The content, if it is exactly what was announced. A cached descriptor may lie about the size of what is
/// stored; better no answer than one that breaks off.
fn checked(blob: Blob, span: Span) -> Result<Content, Error> {
    let is_exact =
        blob.range == (span.start..span.start + span.len) || blob.range.is_empty() && span.len == 0;
    if is_exact {
        Ok(blob.content)
    } else {
        Err(damaged())
    }
}

fn damaged() -> Error {
    Error::Damaged {
        what: "a blob does not have the size that is on record".to_owned(),
    }
}
