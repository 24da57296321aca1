//! Sends the requests of a sequence and writes down what came back, without what must differ.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hythe_testutil::{Client, Content, Random, Request, Response};
use serde_json::Value;

use super::route::route;
use crate::context::{uploads_path, with_query};
use crate::failure::Failure;
use crate::text::without_uuids;

/// One request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// For the list of allowed differences.
    pub(super) route: String,
    /// For messages: the request, without what must differ.
    pub(super) request: String,
    /// Zero when there was no answer.
    pub(super) status: u16,
    /// By lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    /// The body.
    pub(super) body: Body,
}

/// A body, compared by its structure if it has one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Members are compared, their order and spaces are not.
    Json(Value),
    /// Bytes are compared.
    Bytes(Bytes),
}

/// Runs one sequence on one registry. Clones write into the same protocol.
#[derive(Clone, Debug)]
pub struct Recorder {
    client: Client,
    /// The repository that belongs to the sequence.
    pub repository: String,
    seed: String,
    protocol: Arc<Mutex<Protocol>>,
}

#[derive(Debug, Default)]
struct Protocol {
    exchanges: Vec<Exchange>,
    uploads: Vec<String>,
}

impl Recorder {
    pub(super) fn new(client: &Client, repository: String, seed: String) -> Self {
        Self {
            client: client.clone(),
            repository,
            seed,
            protocol: Arc::default(),
        }
    }

    /// Everything that was written down.
    pub(super) fn finish(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.lock().exchanges)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Protocol> {
        self.protocol.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Content that is the same on both sides, different for each name.
    pub(crate) fn bytes(&self, name: &str, length: usize) -> Bytes {
        Random::named(0, &format!("{} {name}", self.seed)).bytes(length)
    }

    /// Sends a request and writes down the answer. A request that gets none is written down too, and is an error only for
    /// a sequence that needs the answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Failure> {
        let line = request.line();
        let outcome = self.client.send(request).await;
        let mut protocol = self.lock();
        let exchange = match &outcome {
            Ok(response) => self.exchange(&mut protocol, &line, response),
            Err(_) => Exchange {
                route: route(&line),
                request: self.plain(&protocol, &line),
                status: 0,
                headers: BTreeMap::new(),
                body: Body::Bytes(Bytes::new()),
            },
        };
        protocol.exchanges.push(exchange);
        Ok(outcome?)
    }

    /// As [`Recorder::send`], where what comes after does not need the answer.
    pub(crate) async fn observe(&self, request: Request) {
        let _ = self.send(request).await;
    }

    /// A GET of which nothing more is needed.
    pub(crate) async fn get(&self, target: impl Into<String>) {
        self.observe(Request::get(target)).await;
    }

    /// Pushes a blob in the plainest way.
    pub(crate) async fn push_blob(&self, repository: &str, blob: &Content) -> Result<(), Failure> {
        let response = self.send(Request::post(uploads_path(repository))).await?;
        let put = with_query(&response.location()?, "digest", &blob.digest);
        self.send(
            Request::put(put)
                .header("content-type", "application/octet-stream")
                .body(blob.bytes.clone()),
        )
        .await?;
        Ok(())
    }

    fn exchange(&self, protocol: &mut Protocol, line: &str, response: &Response) -> Exchange {
        if let Some(upload) = response.header("docker-upload-uuid")
            && !protocol.uploads.iter().any(|known| known == upload)
        {
            protocol.uploads.push(upload.to_owned());
        }
        let mut headers = response.header_table();
        headers.remove("date");
        for value in headers.values_mut() {
            *value = self.plain(protocol, value);
        }
        let json = || {
            serde_json::from_slice(&response.body)
                .ok()
                .filter(|_| is_json(response))
        };
        let body = match json() {
            Some(value) => Body::Json(self.plain_value(protocol, value)),
            None => Body::Bytes(response.body.clone()),
        };
        Exchange {
            route: route(line),
            request: self.plain(protocol, line),
            status: response.status,
            headers,
            body,
        }
    }

    /// A text without host, upload ids and `_state`.
    fn plain(&self, protocol: &Protocol, text: &str) -> String {
        let mut text = text.replace(self.client.authority(), "HOST");
        for upload in &protocol.uploads {
            // Not numbered: where one side mounts and the other one begins an upload, the numbers would drift apart.
            text = text.replace(upload, "UPLOAD");
        }
        while let Some(start) = text.find("_state=").map(|start| start + "_state=".len()) {
            let end = text[start..]
                .find(['&', ' ', ','])
                .map_or(text.len(), |end| start + end);
            if &text[start..end] == "STATE" {
                break;
            }
            text.replace_range(start..end, "STATE");
        }
        without_uuids(text)
    }

    fn plain_value(&self, protocol: &Protocol, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.plain(protocol, &text)),
            Value::Array(list) => list
                .into_iter()
                .map(|value| self.plain_value(protocol, value))
                .collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| (name, self.plain_value(protocol, value)))
                .collect(),
            other => other,
        }
    }
}

fn is_json(response: &Response) -> bool {
    response
        .header("content-type")
        .is_some_and(|kind| kind.contains("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_uploads_and_states_are_replaced() {
        let client = Client::new("http://127.0.0.1:5000").unwrap();
        let recorder = Recorder::new(&client, "a".to_owned(), "seed".to_owned());
        let protocol = Protocol {
            uploads: vec!["first".to_owned()],
            ..Protocol::default()
        };
        let plain = |text| recorder.plain(&protocol, text);
        assert_eq!(
            plain("http://127.0.0.1:5000/v2/a/blobs/uploads/first?_state=abc&digest=x"),
            "http://HOST/v2/a/blobs/uploads/UPLOAD?_state=STATE&digest=x"
        );
        assert_eq!(plain("?_state=abc"), "?_state=STATE");
        assert_eq!(plain("/v2/a"), "/v2/a");
        assert_eq!(plain("x/01890a5d-ac96-774b-bcce-b302099a8057/y"), "x/UUID/y");
    }
}
