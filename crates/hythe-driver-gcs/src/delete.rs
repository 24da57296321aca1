use std::fmt::Write as _;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use hythe_driver::ErrorKind;
use uuid::Uuid;

use crate::client::{Client, Pieces};
use crate::error::{Failure, Result};

/// The most requests of a batch.
/// <https://cloud.google.com/storage/docs/batch>
const MAXIMUM_BATCH: usize = 100;
/// How many batches, or single requests where there are no batches, run at once.
const AT_ONCE: usize = 8;

/// Deletes objects, a hundred in a request; missing ones are no error.
pub(crate) async fn objects(client: &Client, keys: &[String]) -> Result<()> {
    match keys {
        [] => Ok(()),
        [key] => object(client, key).await,
        keys => {
            let batches: Vec<_> = keys
                .chunks(MAXIMUM_BATCH)
                .map(|keys| batch(client, keys))
                .collect();
            stream::iter(batches)
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await
        }
    }
}

/// Deletes one object; a missing one is no error.
pub(crate) async fn object(client: &Client, key: &str) -> Result<()> {
    let request = client.request(Method::DELETE, "DELETE object", key, &client.object_path(key));
    match client.send(&request).await.result {
        Err(failure) if failure.kind() != ErrorKind::NotFound => Err(failure),
        _ => Ok(()),
    }
}

/// One request for many. What failed in it is asked for again by itself.
async fn batch(client: &Client, keys: &[String]) -> Result<()> {
    let boundary = format!("hythe-{}", Uuid::new_v4().simple());
    let mut body = String::new();
    for (number, key) in keys.iter().enumerate() {
        // A text takes whatever is written.
        let _ = write!(
            body,
            "--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n\
             DELETE {} HTTP/1.1\r\n\r\n\r\n",
            client.object_path(key)
        );
    }
    let _ = write!(body, "--{boundary}--\r\n");
    let body: Pieces = [Bytes::from(body)].into_iter().collect();
    let request = client
        .request(Method::POST, "DELETE objects", &keys[0], "/batch/storage/v1")
        .header(CONTENT_TYPE, &format!("multipart/mixed; boundary={boundary}"))
        .body(body);
    let answer = match client.send(&request).await.result {
        Err(failure) if failure.is_unknown_call() => {
            return singly(client, &keys.iter().collect::<Vec<_>>()).await;
        }
        answer => answer?,
    };
    let body = answer
        .bytes()
        .await
        .map_err(|error| Failure::lost(request.what(), error))?;
    let answers = statuses(&body);
    let mut left = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        let answer = answers.iter().find(|(answered, _)| *answered == number);
        match answer.map(|(_, status)| *status) {
            Some(status) if status.is_success() || status == StatusCode::NOT_FOUND => {}
            _ => left.push(key),
        }
    }
    singly(client, &left).await
}

async fn singly(client: &Client, keys: &[&String]) -> Result<()> {
    let deleted: Vec<_> = keys.iter().map(|key| object(client, key)).collect();
    stream::iter(deleted)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// The number and the answer of each request of a batch, as far as they can be read.
fn statuses(body: &[u8]) -> Vec<(usize, StatusCode)> {
    let text = String::from_utf8_lossy(body);
    let mut number = None;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-id")
        {
            // `<response-7>`, or whatever the service makes of the id.
            let digits = value.trim().trim_end_matches('>');
            let digits = &digits[digits.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1)..];
            number = digits.parse().ok();
        } else if let Some(status) = line.strip_prefix("HTTP/1.1 ")
            && let Some(number) = number.take()
            && let Some(status) = status.get(..3).and_then(|code| code.parse().ok())
        {
            found.push((number, status));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_a_batch_are_read() {
        let body = "--x\r\nContent-Type: application/http\r\nContent-ID: <response-0>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\
            \r\n--x\r\ncontent-id: response-12\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n{}\r\n--x\r\n\r\nHTTP/1.1 500 X\r\n--x--\r\n";
        assert_eq!(
            statuses(body.as_bytes()),
            [(0, StatusCode::NO_CONTENT), (12, StatusCode::NOT_FOUND)]
        );
        assert!(statuses(b"\xff nonsense").is_empty());
    }
}
