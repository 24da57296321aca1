use http::Method;
use http::header::CONTENT_TYPE;
use hythe_driver::{ErrorKind, PutMode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::client::{Client, Pieces};
use crate::error::Result;
use crate::put::{condition, condition_failed};
use crate::resource::{CONTENT_TYPE as OCTETS, WRITE_ID};

/// Copies an object within the bucket. The service copies large ones in several requests, each of which says with a
/// token where to go on.
/// <https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite>
pub(crate) async fn object(client: &Client, from: &str, to: &str, mode: &PutMode) -> Result<()> {
    let id = Uuid::new_v4().to_string();
    let mut description = json!({ "contentType": OCTETS });
    if *mode != PutMode::Overwrite {
        description["metadata"] = json!({ WRITE_ID: id });
    }
    let body: Pieces = [description.to_string().into()].into_iter().collect();
    let path = format!(
        "{}/rewriteTo/b/{}/o/{}?fields=done,rewriteToken{}",
        client.object_path(from),
        Client::encode(client.bucket()),
        Client::encode(to),
        condition(mode),
    );
    let mut token: Option<String> = None;
    let mut is_repeated = false;
    loop {
        let query = token
            .as_deref()
            .map(|token| format!("&rewriteToken={}", Client::encode(token)));
        let request = client
            .request(
                Method::POST,
                "COPY object",
                from,
                &format!("{path}{}", query.unwrap_or_default()),
            )
            .header(CONTENT_TYPE, "application/json")
            .body(body.clone());
        let outcome = client.send(&request).await;
        is_repeated |= outcome.is_repeated;
        let answer = match outcome.result {
            Err(failure) if is_repeated && failure.kind() == ErrorKind::PreconditionFailed => {
                // An earlier attempt may have made it.
                let found = crate::read::look(client, to).await;
                return match found {
                    Ok(found) if found.is_of_write(&id) => Ok(()),
                    _ => Err(condition_failed(failure, mode)),
                };
            }
            answer => answer.map_err(|failure| condition_failed(failure, mode))?,
        };
        let progress: Progress = client.json(&request, answer).await?;
        match progress.rewrite_token {
            Some(next) if !progress.done => token = Some(next),
            _ => return Ok(()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    #[serde(default)]
    done: bool,
    #[serde(default)]
    rewrite_token: Option<String>,
}
