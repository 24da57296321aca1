use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use hythe_driver::{BoxError, DriverPath, Error, ErrorKind};
use serde_json::Value;

use crate::ParametersError;
use crate::resource::time_of_header;

/// The driver's name in the configuration and in errors.
pub(crate) const NAME: &str = "gcs";

/// Why the driver could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A parameter cannot be used.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The key file cannot be read.
    #[error("cannot read the key file {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key file is no JSON object. What it holds is not repeated: it may be a key.
    #[error("the key file {} is no JSON object", path.display())]
    KeyFileContent {
        /// The file.
        path: PathBuf,
    },
    /// The credentials cannot be used.
    #[error("the credentials cannot be used")]
    Credentials(#[source] BoxError),
    /// Credentials would be sent over an unencrypted connection.
    #[error("credentials would be sent unencrypted to {endpoint}; use https, or set `anonymous: true`")]
    Unencrypted {
        /// The endpoint.
        endpoint: String,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] BoxError),
}

/// A failed request, before it is known which method it belongs to.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    retry_after: Option<Duration>,
    /// Whether the same request may succeed if it is made again.
    pub(crate) is_transient: bool,
    /// Whether the service may have done what was asked although it did not say so.
    pub(crate) is_uncertain: bool,
    /// What the service answered, if it did.
    status: Option<StatusCode>,
    source: Option<BoxError>,
}

/// The result of a request.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// What the service answered instead of success.
#[derive(Debug, thiserror::Error)]
#[error("{request} was answered {status}{}", Detail(.message))]
pub(crate) struct Refusal {
    request: String,
    status: StatusCode,
    message: String,
}

struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.0)
        }
    }
}

/// A cause with the request that met it.
#[derive(Debug, thiserror::Error)]
#[error("{request} failed")]
pub(crate) struct RequestFailed {
    request: String,
    #[source]
    source: BoxError,
}

impl Failure {
    pub(crate) fn because(kind: ErrorKind, cause: impl Into<BoxError>) -> Self {
        Self {
            source: Some(cause.into()),
            ..kind.into()
        }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the range asked for begins after the end.
    pub(crate) fn is_beyond_the_end(&self) -> bool {
        self.status == Some(StatusCode::RANGE_NOT_SATISFIABLE)
    }

    /// Whether the service has no such call, as emulators have not all.
    pub(crate) fn is_unknown_call(&self) -> bool {
        self.status
            .is_some_and(|status| matches!(status.as_u16(), 404 | 405 | 501))
    }

    /// Whether the request makes no sense to the service.
    pub(crate) fn is_bad_request(&self) -> bool {
        self.status == Some(StatusCode::BAD_REQUEST)
    }

    /// Whether an upload session is no more: unknown, expired, or cancelled.
    pub(crate) fn is_of_lost_session(&self) -> bool {
        self.status
            .is_some_and(|status| matches!(status.as_u16(), 404 | 410 | 499))
    }

    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// No answer came, or half of one.
    pub(crate) fn lost(request: &str, cause: reqwest::Error) -> Self {
        // An address may hold a signature or a session.
        let cause = cause.without_url();
        let was_sent = !cause.is_connect() && !cause.is_builder();
        let source = RequestFailed {
            request: request.to_owned(),
            source: cause.into(),
        };
        Self {
            is_transient: true,
            is_uncertain: was_sent,
            ..Self::because(ErrorKind::Unavailable, source)
        }
    }

    /// An answer ended before its end.
    pub(crate) fn cut_off(request: &str) -> Self {
        let source = RequestFailed {
            request: request.to_owned(),
            source: "the answer ended before its end".into(),
        };
        Self {
            is_transient: true,
            ..Self::because(ErrorKind::Unavailable, source)
        }
    }

    /// No token could be had.
    pub(crate) fn unauthorized(cause: google_cloud_auth::errors::CredentialsError) -> Self {
        let is_transient = cause.is_transient();
        let kind = if is_transient {
            ErrorKind::Unavailable
        } else {
            ErrorKind::PermissionDenied
        };
        let source = RequestFailed {
            request: "getting an access token".to_owned(),
            source: cause.into(),
        };
        Self {
            is_transient,
            ..Self::because(kind, source)
        }
    }

    /// The service said no.
    pub(crate) fn refused(request: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let answer = Answer::read(body);
        let kind = kind_of(status, &answer);
        let is_transient = matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable);
        let source = Refusal {
            request: request.to_owned(),
            status,
            message: answer.message,
        };
        Self {
            retry_after: retry_after(headers, SystemTime::now()),
            is_transient,
            is_uncertain: status.is_server_error(),
            status: Some(status),
            ..Self::because(kind, source)
        }
    }

    /// What is missing, where it cannot be an object, is the bucket.
    pub(crate) fn missing_bucket(self) -> Self {
        match self.kind {
            ErrorKind::NotFound => self.with_kind(ErrorKind::Other),
            _ => self,
        }
    }

    /// An error that a caller completes with operation and path.
    pub(crate) fn alone(self) -> Error {
        let error = Error::new(NAME, "", self.kind);
        self.complete(error)
    }

    /// The error of a driver method.
    pub(crate) fn of(self, operation: &'static str, path: &DriverPath) -> Error {
        let error = Error::new(NAME, operation, self.kind).at(path);
        self.complete(error)
    }

    fn complete(self, mut error: Error) -> Error {
        if let Some(delay) = self.retry_after {
            error = error.retry_after(delay);
        }
        match self.source {
            Some(source) => error.because(source),
            None => error,
        }
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            retry_after: None,
            is_transient: false,
            is_uncertain: false,
            status: None,
            source: None,
        }
    }
}

/// What can be told from the body of a refusal, which is JSON, XML or text.
#[derive(Debug, Default)]
struct Answer {
    message: String,
    reason: String,
}

/// Longer messages are cut.
const MAXIMUM_MESSAGE_CHARACTERS: usize = 300;

impl Answer {
    fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        let Some(error) = parsed.as_ref().and_then(|document| document.get("error")) else {
            let first_line = text.trim().lines().next().unwrap_or_default();
            return Self {
                message: first_line.chars().take(MAXIMUM_MESSAGE_CHARACTERS).collect(),
                reason: String::new(),
            };
        };
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let reason = error.pointer("/errors/0/reason").and_then(Value::as_str);
        Self {
            message: message.chars().take(MAXIMUM_MESSAGE_CHARACTERS).collect(),
            reason: reason.unwrap_or_default().to_owned(),
        }
    }
}

/// <https://cloud.google.com/storage/docs/json_api/v1/status-codes>
fn kind_of(status: StatusCode, answer: &Answer) -> ErrorKind {
    let is_about_the_bucket = answer.message.contains("bucket does not exist");
    let is_a_rate = answer.reason.ends_with("ateLimitExceeded");
    match status.as_u16() {
        404 if is_about_the_bucket => ErrorKind::Other,
        404 => ErrorKind::NotFound,
        403 if is_a_rate => ErrorKind::Throttled,
        401 | 403 => ErrorKind::PermissionDenied,
        412 => ErrorKind::PreconditionFailed,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::Throttled,
        408 | 500 | 502 | 503 | 504 => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

/// In seconds, or as a date, which what stands before the service may send. One that has passed asks for nothing.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = time_of_header(value)?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Failure {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, "7".parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        Failure::refused(
            "GET object \"a\" of bucket \"b\"",
            status,
            &headers,
            body.as_bytes(),
        )
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_792_567_680);
        let check = |value: &'static str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, value.parse().unwrap());
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        };
        check("7", Some(7));
        check("Wed, 21 Oct 2026 07:28:30 GMT", Some(30));
        check("Wed, 21 Oct 2026 07:27:00 GMT", Some(0));
        check("-1", None);
        check("soon", None);
    }

    #[test]
    fn answers_have_the_kind_that_callers_act_on() {
        let check = |status, body: &str, kind, is_transient| {
            let failure = refused(status, body);
            assert_eq!(
                (failure.kind(), failure.is_transient),
                (kind, is_transient),
                "{status} {body}"
            );
        };
        let gone = r#"{"error": {"code": 404, "message": "The specified bucket does not exist."}}"#;
        let rate = r#"{"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}"#;
        check(404, "No such object: b/a", ErrorKind::NotFound, false);
        check(404, gone, ErrorKind::Other, false);
        check(401, "", ErrorKind::PermissionDenied, false);
        check(403, "", ErrorKind::PermissionDenied, false);
        check(403, rate, ErrorKind::Throttled, true);
        check(412, "", ErrorKind::PreconditionFailed, false);
        check(429, "", ErrorKind::Throttled, true);
        check(500, "", ErrorKind::Unavailable, true);
        check(503, "", ErrorKind::Unavailable, true);
        check(400, "", ErrorKind::Other, false);
    }

    #[test]
    fn an_error_tells_request_answer_and_delay() {
        let path = DriverPath::parse("/a").unwrap();
        let error = refused(503, "busy\nsecret").of("read", &path);
        assert_eq!(error.retry_delay(), Some(Duration::from_secs(7)));
        assert_eq!(error.to_string(), "gcs: read: backend is unavailable: /a");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            cause,
            "GET object \"a\" of bucket \"b\" was answered 503 Service Unavailable: busy"
        );
    }
}
