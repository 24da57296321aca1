//! A service that only listens, for tests of what no server at hand would show.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use hythe_driver::DriverPath;
use serde_json::{Value, json};

use crate::driver::S3Driver;
use crate::parameters::S3Parameters;

/// A request as it would have been sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) address: String,
    headers: BTreeMap<String, String>,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether the address has this parameter.
    pub(crate) fn asks(&self, name: &str) -> bool {
        let query = self.address.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|pair| pair.split('=').next() == Some(name))
    }
}

type Answering = dyn Fn(&Sent) -> (u16, String) + Send + Sync;

/// Answers by a rule, and remembers what came.
#[derive(Clone)]
pub(crate) struct Recording {
    sent: Arc<Mutex<Vec<Sent>>>,
    answer: Arc<Answering>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Recording {
    /// Answers with a status and a body; a body that begins with `"` is an ETag instead.
    pub(crate) fn answering(answer: impl Fn(&Sent) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self {
            sent: Arc::default(),
            answer: Arc::new(answer),
            headers: Vec::new(),
        }
    }

    /// With this header in every answer.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Accepts everything.
    pub(crate) fn accepting() -> Self {
        Self::answering(|sent| (200, accepted(sent)))
    }

    /// A driver that sends to it, with further parameters.
    pub(crate) async fn driver(&self, further: Value) -> S3Driver {
        let mut value = json!({
            "bucket": "bucket", "region": "eu-west-1", "accesskey": "key", "secretkey": "hush",
        });
        let target = value.as_object_mut().unwrap();
        for (name, value) in further.as_object().unwrap() {
            target.insert(name.clone(), value.clone());
        }
        let parameters = S3Parameters::read(target).unwrap();
        let http = SharedHttpClient::new(self.clone());
        Box::pin(S3Driver::over(parameters, http)).await.unwrap()
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> Sent {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent[0].clone()
    }
}

pub(crate) fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

fn accepted(sent: &Sent) -> String {
    if sent.asks("uploads") {
        "<InitiateMultipartUploadResult><UploadId>upload</UploadId></InitiateMultipartUploadResult>"
            .to_owned()
    } else if sent.asks("uploadId") && sent.method == "POST" {
        "<CompleteMultipartUploadResult/>".to_owned()
    } else if sent.header("x-amz-copy-source").is_some() && sent.asks("partNumber") {
        "<CopyPartResult><ETag>\"part\"</ETag></CopyPartResult>".to_owned()
    } else if sent.header("x-amz-copy-source").is_some() {
        "<CopyObjectResult><ETag>\"copy\"</ETag></CopyObjectResult>".to_owned()
    } else {
        "\"etag\"".to_owned()
    }
}

impl HttpClient for Recording {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Recording {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        let sent = Sent {
            method: request.method().to_owned(),
            address: request.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let (status, text) = (self.answer)(&sent);
        self.sent.lock().unwrap().push(sent);
        let mut builder = http::Response::builder().status(status);
        for (name, value) in &self.headers {
            builder = builder.header(*name, *value);
        }
        let answer = if text.starts_with('"') {
            builder.header("etag", text).body(SdkBody::empty())
        } else {
            builder.body(SdkBody::from(text))
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::try_from(answer.unwrap()).unwrap()))
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}
