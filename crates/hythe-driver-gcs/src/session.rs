use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderName, Method, StatusCode};
use hythe_driver::ErrorKind;
use reqwest::Response;
use serde_json::json;

use crate::client::{Client, Pieces, Request};
use crate::error::{Failure, Result};
use crate::resource::{CONTENT_TYPE, FIELDS, Resource};
use crate::{put, read};

/// Where an object that stands for an upload of this driver keeps the session's address. It is not distribution's
/// `Session-URI`, because that needs an `Offset`, which nobody keeps up to date here.
const ADDRESS: &str = "hythe-session";
/// Where distribution v3 keeps it.
const DISTRIBUTION_ADDRESS: &str = "Session-URI";

/// Begins an upload session and returns its address, which is all that is needed to go on with it, from anywhere.
///
/// The service lists no sessions, so an object at the upload's path says that there is one: whoever deletes the
/// upload's directory can cancel it.
/// <https://cloud.google.com/storage/docs/performing-resumable-uploads>
pub(crate) async fn begin(client: &Client, key: &str) -> Result<String> {
    let query = format!(
        "{}?uploadType=resumable&name={}&fields={FIELDS}",
        client.upload_path(),
        Client::encode(key)
    );
    let request = client
        .request(Method::POST, "BEGIN upload of object", key, &query)
        .header(HeaderName::from_static("x-upload-content-type"), CONTENT_TYPE);
    let answer = client
        .send(&request)
        .await
        .result
        .map_err(Failure::missing_bucket)?;
    let address = answer
        .headers()
        .get(LOCATION)
        .and_then(|address| address.to_str().ok());
    let address = address.ok_or_else(|| Failure::because(ErrorKind::Other, "the session has no address"))?;
    let address = address.to_owned();
    if let Err(failure) = put::session(client, key, &json!({ ADDRESS: address })).await {
        // Nobody will know of it.
        let _ = cancel(client, key, &address).await;
        return Err(failure);
    }
    Ok(address)
}

/// The session that an object stands for.
pub(crate) fn address_in(found: &Resource) -> Option<&str> {
    let address = found
        .metadata
        .get(ADDRESS)
        .or_else(|| found.metadata.get(DISTRIBUTION_ADDRESS));
    address.map(String::as_str).filter(|address| !address.is_empty())
}

/// Whether an object stands for an upload of this driver, of which there should be a token.
pub(crate) fn is_ours(found: &Resource) -> bool {
    found.metadata.contains_key(ADDRESS)
}

/// How a session stands.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It has taken so many bytes and wants more.
    Open(u64),
    /// The object is there.
    Finished(Resource),
}

/// Sends bytes that belong at an offset, and if they are the last makes all an object.
///
/// Whenever it is unclear what the service took, it is asked, and sent the rest. Bytes that it has already it passes
/// over, whoever sent them; and it may have more than these, which is told to the caller.
pub(crate) async fn send(
    client: &Client,
    key: &str,
    address: &str,
    offset: u64,
    content: &Pieces,
    is_last: bool,
) -> Result<Standing> {
    let end = offset + content.length();
    let mut patience = client.patience();
    let mut taken = offset;
    loop {
        let request = chunk(
            client,
            key,
            address,
            taken..end,
            content.after(taken - offset),
            is_last,
        );
        let answered = match client.attempt(&request).await {
            Err(failure) if failure.is_transient => {
                patience.wait(failure).await?;
                let question = question(client, key, address);
                client.attempt(&question).await.map(|answer| (question, answer))
            }
            // It may have more than the total that it was told.
            Err(failure) if failure.is_bad_request() && is_last => {
                match standing(client, key, address).await? {
                    Standing::Open(now) if now <= end => return Err(failure),
                    standing => return Ok(standing),
                }
            }
            answer => answer.map(|answer| (request, answer)),
        };
        let (request, answer) = match answered {
            // The question fails as the chunk did: both are asked again.
            Err(failure) if failure.is_transient => {
                patience.wait(failure).await?;
                continue;
            }
            answered => answered.map_err(lost)?,
        };
        let now = match read_standing(client, key, &request, answer).await? {
            Standing::Open(now) => now,
            finished @ Standing::Finished(_) => return Ok(finished),
        };
        if now < offset {
            let cause = format!("the session of object {key:?} has {now} bytes of {offset} that it had");
            return Err(Failure::because(ErrorKind::InvalidToken, cause));
        }
        if now > end || (now == end && !is_last) {
            return Ok(Standing::Open(now));
        }
        if now <= taken && taken < end {
            // Nothing more was taken.
            patience.wait(Failure::cut_off(request.what())).await?;
        }
        taken = now;
    }
}

/// Asks how a session stands.
pub(crate) async fn standing(client: &Client, key: &str, address: &str) -> Result<Standing> {
    let request = question(client, key, address);
    let answer = client.send(&request).await.result.map_err(lost)?;
    read_standing(client, key, &request, answer).await
}

fn lost(failure: Failure) -> Failure {
    if failure.is_of_lost_session() {
        failure.with_kind(ErrorKind::InvalidToken)
    } else {
        failure
    }
}

/// Drops a session and what it has taken; one that is gone is no error.
pub(crate) async fn cancel(client: &Client, key: &str, address: &str) -> Result<()> {
    let request = client.session_request(Method::DELETE, "CANCEL upload of object", key, address);
    match client.send(&request).await.result {
        // 499 is how the service says yes.
        Err(failure) if !failure.is_of_lost_session() => Err(failure),
        _ => Ok(()),
    }
}

fn chunk(
    client: &Client,
    key: &str,
    address: &str,
    range: std::ops::Range<u64>,
    content: Pieces,
    is_last: bool,
) -> Request {
    let total = if is_last {
        range.end.to_string()
    } else {
        "*".to_owned()
    };
    let range = if range.is_empty() {
        format!("bytes */{total}")
    } else {
        format!("bytes {}-{}/{total}", range.start, range.end - 1)
    };
    let request = client.session_request(Method::PUT, "SEND to upload of object", key, address);
    request.header(CONTENT_RANGE, &range).body(content)
}

fn question(client: &Client, key: &str, address: &str) -> Request {
    let request = client.session_request(Method::PUT, "ASK for upload of object", key, address);
    request.header(CONTENT_RANGE, "bytes */*")
}

async fn read_standing(client: &Client, key: &str, request: &Request, answer: Response) -> Result<Standing> {
    if answer.status() == StatusCode::PERMANENT_REDIRECT {
        return Ok(Standing::Open(taken_of(&answer)));
    }
    let told: Result<Resource> = client.json(request, answer).await;
    let resource = match told {
        Ok(resource) if resource.crc32c().is_some() => resource,
        // It broke off, or an emulator tells less.
        _ => read::look(client, key).await?,
    };
    Ok(Standing::Finished(resource))
}

/// The header `Range: bytes=0-<last>`; a session that has nothing sends none.
fn taken_of(answer: &Response) -> u64 {
    let range = answer.headers().get(RANGE).and_then(|range| range.to_str().ok());
    let last = range
        .and_then(|range| range.rsplit_once('-'))
        .and_then(|(_, last)| last.parse::<u64>().ok());
    last.map_or(0, |last| last.saturating_add(1))
}
