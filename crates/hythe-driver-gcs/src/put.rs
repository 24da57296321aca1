use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use hythe_driver::{ErrorKind, PutMode, Version};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, Pieces};
use crate::error::{Failure, Result};
use crate::resource::{self, Resource, WRITE_ID, crc32c_text};

/// Creates or replaces an object, in one request that carries its description, a checksum included, and its content.
///
/// A put under a condition is marked with an id. When its answer is lost and the repetition finds the condition
/// broken, the mark tells whether by itself.
pub(crate) async fn object(
    client: &Client,
    key: &str,
    content: impl IntoIterator<Item = Bytes>,
    mode: &PutMode,
) -> Result<Option<Version>> {
    let id = (*mode != PutMode::Overwrite).then(|| Uuid::new_v4().to_string());
    let metadata = id.as_ref().map(|id| json!({ WRITE_ID: id })).unwrap_or_default();
    let answered = put(client, key, content, mode, resource::CONTENT_TYPE, &metadata).await;
    match (answered, id) {
        (Made::Done(resource), _) => Ok(resource.version()),
        (Made::Refused(failure, true), Some(id)) if failure.kind() == ErrorKind::PreconditionFailed => {
            match crate::read::look(client, key).await {
                Ok(found) if found.is_of_write(&id) => Ok(found.version()),
                _ => Err(condition_failed(failure, mode)),
            }
        }
        (Made::Refused(failure, _), _) => Err(condition_failed(failure, mode)),
    }
}

/// Puts what stands for an unfinished upload, with what is to be known of it.
pub(crate) async fn session(client: &Client, key: &str, metadata: &Value) -> Result<()> {
    let put = put(
        client,
        key,
        [],
        &PutMode::Overwrite,
        resource::SESSION_CONTENT_TYPE,
        metadata,
    );
    match put.await {
        Made::Done(_) => Ok(()),
        Made::Refused(failure, _) => Err(failure),
    }
}

enum Made {
    Done(Resource),
    /// And whether an earlier attempt may have succeeded.
    Refused(Failure, bool),
}

async fn put(
    client: &Client,
    key: &str,
    content: impl IntoIterator<Item = Bytes>,
    mode: &PutMode,
    content_type: &str,
    metadata: &Value,
) -> Made {
    let content: Pieces = content.into_iter().collect();
    let mut description = json!({
        "name": key,
        "contentType": content_type,
        "crc32c": crc32c_text(content.crc32c_after(0)),
    });
    if !metadata.is_null() {
        description["metadata"] = metadata.clone();
    }
    // A separator that the content does not hold, as far as chance goes.
    let boundary = format!("hythe-{}", Uuid::new_v4().simple());
    let head = format!(
        "--{boundary}\r\nContent-Type: application/json\r\n\r\n{description}\r\n\
         --{boundary}\r\nContent-Type: {content_type}\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let body = content.around(head.into(), tail.into());
    let path = client.upload_path();
    let condition = condition(mode);
    let query = format!("{path}?uploadType=multipart&fields=generation{condition}");
    let request = client
        .request(Method::POST, "PUT object", key, &query)
        .header(CONTENT_TYPE, &format!("multipart/related; boundary={boundary}"))
        .body(body);
    let outcome = client.send(&request).await;
    match outcome.result {
        Err(failure) => Made::Refused(failure, outcome.is_repeated),
        // What it says is worth nothing if it cannot be read: the object is there.
        Ok(answer) => Made::Done(client.json(&request, answer).await.unwrap_or_default()),
    }
}

/// The condition as a part of a query.
pub(crate) fn condition(mode: &PutMode) -> String {
    match mode {
        PutMode::Overwrite => String::new(),
        PutMode::Create => "&ifGenerationMatch=0".to_owned(),
        PutMode::Update(version) => format!("&ifGenerationMatch={}", Client::encode(version.as_str())),
    }
}

/// What a broken condition means for the caller.
pub(crate) fn condition_failed(failure: Failure, mode: &PutMode) -> Failure {
    match (failure.kind(), mode) {
        (ErrorKind::PreconditionFailed, PutMode::Create) => failure.with_kind(ErrorKind::AlreadyExists),
        // A version that is no number is none of this service's.
        (ErrorKind::Other, PutMode::Update(version)) if version.as_str().parse::<u64>().is_err() => {
            failure.with_kind(ErrorKind::PreconditionFailed)
        }
        _ => failure,
    }
}
