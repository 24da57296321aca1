use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE, RETRY_AFTER};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::bucket::{Bucket, Refused, metadata_of};
use super::faults::{AnswerBody, Ended, Fault};
use super::listing::Wanted;
use super::sessions::{Session, Taken};
use super::{BUCKET, lock};
use crate::resource::crc32c_text;

type Answer = Response<Bytes>;

/// Answers a request, or fails as planned.
pub(super) async fn answer(
    bucket: Arc<Mutex<Bucket>>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Ended> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Ended)?.to_bytes();
    let request = Request::from_parts(head, body);
    let mut bucket = lock(&bucket);
    bucket
        .log
        .push(format!("{} {}", request.method(), request.uri().path()));
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        bucket
            .authorizations
            .insert(String::from_utf8_lossy(header.as_bytes()).into_owned());
    }
    let number = bucket.log.len();
    let fault = bucket.faults.remove(&number);
    if let Some(Fault::Refuse(status, retry_after)) = fault {
        let mut refused = refusal((status, "planned".to_owned()));
        if let Some(seconds) = retry_after {
            refused.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        return Ok(refused.map(AnswerBody::whole));
    }
    if fault == Some(Fault::Drop) {
        return Err(Ended);
    }
    let limit = if fault == Some(Fault::TakeLess) {
        256 * 1024
    } else {
        u64::MAX
    };
    let answer = route(&mut bucket, &request, limit);
    match fault {
        Some(Fault::Lose) => Err(Ended),
        Some(Fault::LoseAs(status)) => Ok(refusal((status, "planned".to_owned())).map(AnswerBody::whole)),
        Some(Fault::Cut(after)) => Ok(answer.map(|body| AnswerBody::cut(&body, after))),
        _ => Ok(answer.map(AnswerBody::whole)),
    }
}

fn route(bucket: &mut Bucket, request: &Request<Bytes>, limit: u64) -> Answer {
    let query = query_of(request);
    let path: Vec<String> = request.uri().path().split('/').skip(1).map(decode).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let named = path
        .iter()
        .position(|part| *part == "b")
        .and_then(|at| path.get(at + 1));
    if named.is_some_and(|named| *named != BUCKET) {
        return refusal((404, "The specified bucket does not exist.".to_owned()));
    }
    let method = request.method();
    let answered = match path.as_slice() {
        ["upload", "storage", "v1", "b", _, "o"] if *method == Method::POST => {
            upload(bucket, request, &query)
        }
        ["session", id] => session(bucket, request, id, limit),
        ["storage", "v1", "b", _, "o"] if *method == Method::GET => Ok(list(bucket, &query)),
        ["storage", "v1", "b", _, "o", key] if *method == Method::GET => match query.get("alt") {
            Some(_) => media(bucket, request, key, &query),
            None => bucket.find(key, None).map(|found| document(&found.describe(key))),
        },
        ["storage", "v1", "b", _, "o", key] if *method == Method::DELETE => {
            bucket.delete(key).map(|()| status(204))
        }
        ["storage", "v1", "b", _, "o", from, "rewriteTo", "b", _, "o", to] if *method == Method::POST => {
            let token = query.get("rewriteToken").map(String::as_str);
            let demanded = query.get("ifGenerationMatch").map(String::as_str);
            let description = serde_json::from_slice(request.body()).unwrap_or_default();
            bucket
                .rewrite((from, to), token, demanded, &description)
                .map(|progress| document(&progress))
        }
        ["batch", "storage", "v1"] => Ok(batch(bucket, request)),
        // As clients are redirected.
        [BUCKET, key @ ..] if *method == Method::GET || *method == Method::HEAD => {
            media(bucket, request, &key.join("/"), &query)
        }
        _ => Err((501, "Not imitated".to_owned())),
    };
    answered.unwrap_or_else(refusal)
}

fn list(bucket: &Bucket, query: &BTreeMap<String, String>) -> Answer {
    let text = |name: &str| query.get(name).cloned();
    let wanted = Wanted {
        prefix: text("prefix").unwrap_or_default(),
        delimiter: text("delimiter"),
        start_offset: text("startOffset").unwrap_or_default(),
        page_token: text("pageToken"),
        max_results: text("maxResults")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1000),
    };
    document(&bucket.list(&wanted))
}

fn media(
    bucket: &Bucket,
    request: &Request<Bytes>,
    key: &str,
    query: &BTreeMap<String, String>,
) -> Result<Answer, Refused> {
    let generation = query
        .get("generation")
        .and_then(|generation| generation.parse().ok());
    let found = bucket.find(key, generation)?;
    let size = found.content.len() as u64;
    let range = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| range_of(range, size));
    let content_type = query.get("response-content-type").unwrap_or(&found.content_type);
    let head = Response::builder()
        .header(CONTENT_TYPE, content_type)
        .header("x-goog-generation", found.generation);
    let answer = match range {
        Some((first, end)) if first >= end => {
            return Err((416, "The requested range cannot be satisfied.".to_owned()));
        }
        Some((first, end)) => head
            .status(206)
            .header(CONTENT_RANGE, format!("bytes {first}-{}/{size}", end - 1))
            .body(found.content.slice(first as usize..end as usize)),
        None => head.body(found.content.clone()),
    };
    answer.map_err(|error| (500, error.to_string()))
}

/// The first byte of a range and the one after its last; equal when nothing is in it.
fn range_of(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (first, end) = match (first.parse().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) => (first, size.min(last.saturating_add(1)).max(first)),
        (Some(first), None) => (first, size.max(first)),
        (None, Some(count)) => (size.saturating_sub(count), size),
        (None, None) => return None,
    };
    Some(if first >= size {
        (first, first)
    } else {
        (first, end)
    })
}

fn upload(
    bucket: &mut Bucket,
    request: &Request<Bytes>,
    query: &BTreeMap<String, String>,
) -> Result<Answer, Refused> {
    let invalid = || (400, "Invalid upload".to_owned());
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if query.get("uploadType").is_some_and(|kind| kind == "resumable") {
        let key = query.get("name").ok_or_else(invalid)?;
        let content_type = header("x-upload-content-type").unwrap_or_default();
        bucket.sessions.push(Session::new(key, content_type));
        let id = bucket.sessions.len() - 1;
        let mut answer = status(200);
        let address = format!("{}/session/{id}", bucket.endpoint);
        let address = address.parse().map_err(|_| invalid())?;
        answer.headers_mut().insert(LOCATION, address);
        return Ok(answer);
    }
    let boundary = header(CONTENT_TYPE.as_str())
        .and_then(|kind| kind.split_once("boundary="))
        .ok_or_else(invalid)?;
    let parts = parts_of(request.body(), boundary.1);
    let [description, content] = parts.as_slice() else {
        return Err(invalid());
    };
    let description: Value = serde_json::from_slice(&description.1).map_err(|_| invalid())?;
    let text = |name: &str| description.get(name).and_then(Value::as_str);
    if text("crc32c").is_some_and(|given| given != crc32c_text(crc32c::crc32c(&content.1))) {
        return Err((400, "The checksum does not match".to_owned()));
    }
    let key = text("name").ok_or_else(invalid)?;
    bucket.check_generation(key, query.get("ifGenerationMatch").map(String::as_str))?;
    let content_type = text("contentType").unwrap_or_default();
    let stored = bucket.store(key, content.1.clone(), content_type, metadata_of(&description));
    Ok(document(&stored))
}

fn session(bucket: &mut Bucket, request: &Request<Bytes>, id: &str, limit: u64) -> Result<Answer, Refused> {
    let id = id.parse().map_err(|_| (404, "No such upload".to_owned()))?;
    if request.method() == Method::DELETE {
        return Err(bucket.cancel(id));
    }
    let place = request
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|place| place.to_str().ok());
    let taken = bucket.take(id, place.unwrap_or_default(), request.body(), limit)?;
    Ok(match taken {
        Taken::Finished(resource) => document(&resource),
        Taken::More(has) => {
            let mut answer = status(308);
            if let Some(last) = has.checked_sub(1)
                && let Ok(range) = format!("bytes=0-{last}").parse()
            {
                answer.headers_mut().insert(RANGE, range);
            }
            answer
        }
    })
}

fn batch(bucket: &mut Bucket, request: &Request<Bytes>) -> Answer {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let boundary = kind
        .and_then(|kind| kind.split_once("boundary="))
        .map(|(_, boundary)| boundary);
    let mut answers = String::new();
    for (head, inner) in parts_of(request.body(), boundary.unwrap_or_default()) {
        let id = head
            .split_once("Content-ID: <")
            .and_then(|(_, rest)| rest.split_once('>'));
        let inner = String::from_utf8_lossy(&inner).into_owned();
        let key = inner
            .split(' ')
            .nth(1)
            .and_then(|path| path.rsplit('/').next())
            .map(decode);
        let code = match bucket.delete(&key.unwrap_or_default()) {
            Ok(()) => 204,
            Err((code, _)) => code,
        };
        let id = id.map(|(id, _)| id).unwrap_or_default();
        let _ = write!(
            answers,
            "--answers\r\nContent-Type: application/http\r\nContent-ID: <response-{id}>\r\n\r\nHTTP/1.1 {code} X\r\n\r\n\r\n"
        );
    }
    answers.push_str("--answers--\r\n");
    Response::new(answers.into())
}

/// The heads and bodies of a multipart document.
fn parts_of(body: &Bytes, boundary: &str) -> Vec<(String, Bytes)> {
    let separator = format!("--{boundary}");
    let starts: Vec<usize> = (0..body.len())
        .filter(|&at| body[at] == b'-' && body[at..].starts_with(separator.as_bytes()))
        .collect();
    let between = starts
        .windows(2)
        .map(|pair| body.slice(pair[0] + separator.len() + 2..pair[1] - 2));
    let split = |part: Bytes| {
        let end = part.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some((
            String::from_utf8_lossy(&part[..end]).into_owned(),
            part.slice(end + 4..),
        ))
    };
    between.filter_map(split).collect()
}

fn query_of(request: &Request<Bytes>) -> BTreeMap<String, String> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn document(document: &Value) -> Answer {
    let mut answer = Response::new(Bytes::from(document.to_string()));
    let json = http::HeaderValue::from_static("application/json; charset=UTF-8");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

fn status(code: u16) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    answer
}

fn refusal((code, message): Refused) -> Answer {
    let mut answer = document(&json!({ "error": { "code": code, "message": message } }));
    *answer.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    answer
}
