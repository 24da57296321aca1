//! What a failure looks like to a client: the one place where the registry's errors become status and document.
//!
//! A client learns what it can act upon. Causes, paths and messages of backends are for the log, where each
//! appears once, beside the request's id.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use hythe_api::{ApiError, ErrorCode};
use hythe_distribution::{Error, ManifestViolation};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::response_body::ResponseBody;

/// When a client should try again, if the storage does not say.
const DEFAULT_RETRY_AFTER_SECONDS: u64 = 10;

/// Why a request is not answered with success. Boxed, for it is rare and large.
#[derive(Debug)]
pub(crate) struct HttpError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    /// What the client sees. `None`: a status and nothing else.
    answer: Result<ApiError, StatusCode>,
    /// What the log sees besides.
    cause: Option<Error>,
}

impl HttpError {
    /// An answer without a document.
    pub(crate) fn bare(status: StatusCode) -> Self {
        Self::new(Err(status), None)
    }

    fn new(answer: Result<ApiError, StatusCode>, cause: Option<Error>) -> Self {
        Self(Box::new(Failure { answer, cause }))
    }

    /// The same with one more header field.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.answer = self.0.answer.map(|error| error.with_header(name, value));
        self
    }

    /// The same, and the connection ends: what the client still sends is of no use.
    pub(crate) fn closing(self) -> Self {
        self.with_header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// The same; if all it says is that something failed here, it says for which request, so that whoever reads
    /// it can find the line in the log.
    pub(crate) fn named(mut self, request_id: Uuid) -> Self {
        self.0.answer = self.0.answer.map(|error| match error.code() {
            ErrorCode::Unknown => error.with_detail(format!("request {request_id}")),
            _ => error,
        });
        self
    }

    /// The document, if there is one.
    pub(crate) fn document(&self) -> Option<&ApiError> {
        self.0.answer.as_ref().ok()
    }

    /// What nobody but the log may see.
    pub(crate) fn cause(&self) -> Option<&Error> {
        self.0.cause.as_ref()
    }

    /// The answer.
    pub(crate) fn to_response(&self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::Empty);
        match &self.0.answer {
            Err(status) => *response.status_mut() = *status,
            Ok(error) => {
                *response.status_mut() = error.status();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                for (name, value) in error.headers() {
                    headers.append(name, value.clone());
                }
                *response.body_mut() = Bytes::from(error.to_body()).into();
            }
        }
        response
    }
}

impl From<ApiError> for HttpError {
    fn from(error: ApiError) -> Self {
        Self::new(Ok(error), None)
    }
}

impl From<ErrorCode> for HttpError {
    fn from(code: ErrorCode) -> Self {
        ApiError::new(code).into()
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        let answer = answer_to(&error);
        let is_ours = answer.status().is_server_error();
        Self::new(Ok(answer), is_ours.then_some(error))
    }
}

fn answer_to(error: &Error) -> ApiError {
    let with = |code: ErrorCode, detail: Value| ApiError::new(code).with_detail(detail);
    match error {
        Error::BlobUnknown { digest } => with(ErrorCode::BlobUnknown, digest.to_string().into()),
        Error::UploadUnknown { .. } => with(ErrorCode::BlobUploadUnknown, "blob upload unknown".into()),
        Error::UploadOffset { .. } => ApiError::new(ErrorCode::RangeInvalid),
        Error::DigestMismatch { expected } => with(
            ErrorCode::DigestInvalid,
            format!("invalid digest for referenced layer: {expected}, content does not match digest").into(),
        ),
        Error::ManifestUnknown { repository, digest } => with(
            ErrorCode::ManifestUnknown,
            format!("unknown manifest name={repository} revision={digest}").into(),
        ),
        Error::ManifestInvalid(error) => error.clone().into(),
        Error::ManifestVerification(violations) => {
            let answers = violations.iter().map(answer_to_violation);
            answers
                .reduce(ApiError::and)
                .unwrap_or(ErrorCode::ManifestInvalid.into())
        }
        Error::TagUnknown { tag } => with(ErrorCode::ManifestUnknown, format!("unknown tag={tag}").into()),
        Error::RepositoryUnknown { name } => with(ErrorCode::NameUnknown, json!({ "name": name.as_str() })),
        Error::Unsupported => ErrorCode::Unsupported.into(),
        Error::TooLarge { .. } => with(ErrorCode::ManifestInvalid, error.to_string().into())
            .with_status(StatusCode::PAYLOAD_TOO_LARGE),
        Error::Unavailable {
            reason, retry_after, ..
        } => {
            // Rounded up: a client that comes back a moment too early has come for nothing.
            let seconds = retry_after.map_or(DEFAULT_RETRY_AFTER_SECONDS, |after| {
                after.as_millis().div_ceil(1000) as u64
            });
            with(ErrorCode::Unavailable, (*reason).into()).with_header(header::RETRY_AFTER, seconds.into())
        }
        // Damage, internal errors, and whatever is added: nothing that a client could act upon.
        _ => ErrorCode::Unknown.into(),
    }
}

fn answer_to_violation(violation: &ManifestViolation) -> ApiError {
    match violation {
        ManifestViolation::BlobUnknown { digest } | ManifestViolation::ManifestUnknown { digest } => {
            ApiError::new(ErrorCode::ManifestBlobUnknown).with_detail(digest.to_string())
        }
        other => ApiError::new(ErrorCode::ManifestInvalid).with_detail(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hythe_digest::Digest;

    use super::*;

    fn body(error: &HttpError) -> (u16, String) {
        let response = error.to_response();
        let ResponseBody::Full(body) = response.body() else {
            panic!("{:?}", response.body());
        };
        (
            response.status().as_u16(),
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[test]
    fn causes_are_for_the_log() {
        let error = HttpError::from(Error::Internal("/var/lib/secret: permission denied".into()));
        assert!(error.cause().is_some());
        let expected = r#"{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}"#;
        assert_eq!(body(&error), (500, format!("{expected}\n")));
        let (_, document) = body(&error.named(Uuid::nil()));
        assert!(
            document.contains("\"detail\":\"request 00000000-0000-0000-0000-000000000000\""),
            "{document}"
        );
    }

    #[test]
    fn an_unavailable_storage_says_why_and_when_to_come_back() {
        let error = HttpError::from(Error::Unavailable {
            reason: "no space left",
            retry_after: Some(Duration::from_millis(1500)),
            source: "/dev/sda1 is full".into(),
        });
        let response = error.to_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let ResponseBody::Full(body) = response.body() else {
            panic!("{:?}", response.body());
        };
        let expected =
            r#"{"errors":[{"code":"UNAVAILABLE","message":"service unavailable","detail":"no space left"}]}"#;
        assert_eq!(body, &format!("{expected}\n"));
    }

    #[test]
    fn everything_that_a_manifest_misses_is_named() {
        let [one, two] = [Digest::sha256(b"1"), Digest::sha256(b"2")];
        let error = Error::ManifestVerification(vec![
            ManifestViolation::BlobUnknown { digest: one },
            ManifestViolation::ManifestUnknown { digest: two },
            ManifestViolation::MissingUrl { digest: one },
        ]);
        let (status, document) = body(&error.into());
        assert_eq!(status, 400);
        let document: Value = serde_json::from_str(&document).unwrap();
        let codes: Vec<_> = document["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| &error["code"])
            .collect();
        assert_eq!(
            codes,
            [
                "MANIFEST_BLOB_UNKNOWN",
                "MANIFEST_BLOB_UNKNOWN",
                "MANIFEST_INVALID"
            ]
        );
        assert_eq!(document["errors"][1]["detail"], two.to_string());
    }
}
