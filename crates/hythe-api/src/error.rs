use std::error::Error;
use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use hythe_digest::DigestError;
use hythe_manifest::ManifestError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ErrorCode, PathError, RouteError};

/// An answer that says what went wrong: status, header fields, and a document with at least one error.
///
/// The status is that of the first error unless another one is set.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: ErrorCode,
    status: Option<StatusCode>,
    message: Option<String>,
    detail: Option<Value>,
    /// Boxed, since most errors have none and a header map is large.
    headers: Option<Box<HeaderMap>>,
    others: Vec<ErrorEntry>,
}

/// The document of an error answer ([OCI distribution specification, Error Codes][spec]).
///
/// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// What went wrong, the first of them deciding the status.
    pub errors: Vec<ErrorEntry>,
}

/// One error of an [`ErrorEnvelope`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// The code, usually an [`ErrorCode`].
    pub code: String,
    /// A text for people.
    #[serde(default)]
    pub message: String,
    /// Whatever may help to understand it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

impl ApiError {
    /// An error with status and message of its code.
    pub fn new(code: ErrorCode) -> ApiError {
        ApiError {
            code,
            status: None,
            message: None,
            detail: None,
            headers: None,
            others: Vec::new(),
        }
    }

    /// The error for a method that a route does not have: 405 with `Allow`.
    pub fn method_not_allowed(allowed: &[Method]) -> ApiError {
        let mut names: Vec<_> = allowed.iter().map(Method::as_str).collect();
        names.sort_unstable();
        let error = ApiError::new(ErrorCode::Unsupported);
        match HeaderValue::try_from(names.join(", ")) {
            Ok(value) => error.with_header(http::header::ALLOW, value),
            Err(_) => error,
        }
    }

    /// Another status than that of the code.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> ApiError {
        self.status = Some(status);
        self
    }

    /// Another message than that of the code.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> ApiError {
        self.message = Some(message.into());
        self
    }

    /// Adds what may help to understand the error. Texts become JSON strings.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Value>) -> ApiError {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a header field beside those of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.headers.get_or_insert_default().append(name, value);
        self
    }

    /// Adds the errors of `other` to the document; its status is dropped, its header fields are kept.
    #[must_use]
    pub fn and(mut self, mut other: ApiError) -> ApiError {
        if let Some(headers) = other.headers.take() {
            self.headers.get_or_insert_default().extend(*headers);
        }
        self.others.extend(other.into_envelope().errors);
        self
    }

    /// The code of the first error.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(self.code.status())
    }

    /// The message of the first error.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(self.code.message())
    }

    /// The detail of the first error.
    pub fn detail(&self) -> Option<&Value> {
        self.detail.as_ref()
    }

    /// Header fields of the answer, beside those of the document itself.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().flat_map(|headers| headers.iter())
    }

    /// The document.
    pub fn into_envelope(self) -> ErrorEnvelope {
        let first = ErrorEntry {
            code: self.code.as_str().to_owned(),
            message: self.message().to_owned(),
            detail: self.detail.filter(|detail| !detail.is_null()),
        };
        ErrorEnvelope {
            errors: std::iter::once(first).chain(self.others).collect(),
        }
    }

    /// The document as bytes, ending in a newline. Its media type is `application/json`.
    pub fn to_body(&self) -> Vec<u8> {
        let mut body = serde_json::to_vec(&self.clone().into_envelope()).expect("JSON values become JSON");
        body.push(b'\n');
        body
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message())
    }
}

impl Error for ApiError {}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> ApiError {
        ApiError::new(code)
    }
}

impl From<DigestError> for ApiError {
    fn from(error: DigestError) -> ApiError {
        ApiError::new(ErrorCode::DigestInvalid).with_detail(error.to_string())
    }
}

impl From<ManifestError> for ApiError {
    fn from(error: ManifestError) -> ApiError {
        let code = match &error {
            ManifestError::Digest { .. } => ErrorCode::DigestInvalid,
            _ => ErrorCode::ManifestInvalid,
        };
        let answer = ApiError::new(code).with_detail(error.to_string());
        match error {
            ManifestError::TooLarge { .. } => answer.with_status(StatusCode::PAYLOAD_TOO_LARGE),
            _ => answer,
        }
    }
}

impl From<PathError> for ApiError {
    fn from(error: PathError) -> ApiError {
        ApiError::new(ErrorCode::NameInvalid).with_detail(error.to_string())
    }
}

impl From<RouteError> for ApiError {
    /// A [`RouteError::Redirect`] is no error; handle it before.
    fn from(error: RouteError) -> ApiError {
        match error {
            RouteError::NotFound | RouteError::Redirect { .. } => ApiError::new(ErrorCode::Unsupported)
                .with_status(StatusCode::NOT_FOUND)
                .with_message("not found"),
            RouteError::BadPath(error) => error.into(),
            RouteError::InvalidName { source, .. } => {
                ApiError::new(ErrorCode::NameInvalid).with_detail(source.to_string())
            }
            RouteError::InvalidTag { source, .. } => ApiError::new(ErrorCode::TagInvalid)
                .with_message("invalid tag")
                .with_detail(source.to_string()),
            RouteError::InvalidDigest { source, .. } => source.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_body(error: &ApiError, expected: &str) {
        assert_eq!(
            String::from_utf8(error.to_body()).unwrap(),
            format!("{expected}\n")
        );
    }

    #[test]
    fn the_document_is_that_of_the_original() {
        check_body(
            &ApiError::new(ErrorCode::BlobUploadUnknown),
            r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry"}]}"#,
        );
        check_body(
            &ApiError::new(ErrorCode::NameUnknown)
                .with_message("no")
                .with_detail(json!({"name": "a/b"})),
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no","detail":{"name":"a/b"}}]}"#,
        );
        check_body(
            &ApiError::new(ErrorCode::Unauthorized).with_detail(Value::Null),
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
        );
    }

    #[test]
    fn the_first_error_decides_the_status() {
        let blob = |digest: &str| ApiError::new(ErrorCode::ManifestBlobUnknown).with_detail(digest);
        let error = ApiError::new(ErrorCode::DigestInvalid).and(blob("a").and(blob("b")));
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let envelope: ErrorEnvelope = serde_json::from_slice(&error.to_body()).unwrap();
        let codes: Vec<_> = envelope.errors.iter().map(|entry| entry.code.as_str()).collect();
        assert_eq!(
            codes,
            ["DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"]
        );
        assert_eq!(envelope.errors[2].detail, Some(json!("b")));
        assert_eq!(
            error.with_status(StatusCode::CONFLICT).status(),
            StatusCode::CONFLICT
        );
    }

    #[test]
    fn header_fields_of_all_errors_are_kept() {
        let first = ApiError::new(ErrorCode::RangeInvalid)
            .with_header(http::header::RANGE, HeaderValue::from_static("0-1"));
        let error = first.and(ApiError::method_not_allowed(&[Method::PUT, Method::GET]));
        let headers: Vec<_> = error
            .headers()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(headers, [("range", &b"0-1"[..]), ("allow", b"GET, PUT")]);
    }

    #[test]
    fn a_manifest_that_is_too_large_is_413() {
        let error = ApiError::from(ManifestError::TooLarge { size: 7 });
        assert_eq!(
            (error.code(), error.status().as_u16()),
            (ErrorCode::ManifestInvalid, 413)
        );
        let error = ApiError::from(ManifestError::ManifestIsIndex);
        assert_eq!(
            error.detail(),
            Some(&json!("ocimanifest: expected manifest but found index"))
        );
    }

    #[test]
    fn an_envelope_without_message_is_read() {
        let envelope: ErrorEnvelope = serde_json::from_str(r#"{"errors":[{"code":"X"}]}"#).unwrap();
        assert_eq!(envelope.errors[0].message, "");
    }
}
