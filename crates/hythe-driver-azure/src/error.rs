//! What the service's answers mean to callers, and in what words they are told.

use std::time::Duration;

use azure_core::error::ErrorKind as AzureErrorKind;
use azure_core::http::{RawResponse, StatusCode};
use hythe_driver::{BoxError, DriverPath, Error, ErrorKind};

use crate::parameters::ParametersError;
use crate::retry::{is_temporary, retry_after};

/// The driver's name in the configuration and in errors.
pub(crate) const NAME: &str = "azure";

/// The longest message of the service that is passed on, in characters.
const MESSAGE_CHARS: usize = 300;

/// Why the driver could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A parameter cannot be used.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// No HTTP client could be made; the certificates of the machine may be missing.
    #[error("cannot set up encrypted connections")]
    Transport {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The credentials cannot be used with this address, or are incomplete.
    #[error("cannot use the {kind} credentials")]
    Credentials {
        /// The type as it stands in the configuration.
        kind: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
}

/// A failed request: which container and key, and what came back. It never holds a secret.
#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error("container {container:?}, key {key:?}: the service answered {status} {code}: {message}")]
    Refused {
        container: String,
        key: String,
        status: u16,
        code: String,
        message: String,
    },
    #[error("container {container:?}, key {key:?}: {message}")]
    Failed {
        container: String,
        key: String,
        message: String,
    },
}

/// A failed request, before it is known which method it belongs to.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    /// The service's own name of the error; empty when it did not answer.
    code: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

/// The result of a request.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// What became of a request for a key.
    pub(crate) fn of_request(container: &str, key: &str, error: &azure_core::Error) -> Self {
        let (container, key) = (container.to_owned(), key.to_owned());
        let AzureErrorKind::HttpResponse {
            status,
            error_code,
            raw_response,
        } = error.kind()
        else {
            let (kind, message) = (kind_of_failure(error), redacted(&chain(error)));
            let source = RequestError::Failed {
                container,
                key,
                message,
            };
            return Self::because(kind, source);
        };
        let status = u16::from(*status);
        let code = error_code.clone().unwrap_or_default();
        let answer = raw_response.as_deref();
        Self {
            kind: kind_of_answer(status, &code),
            retry_after: answer.and_then(|answer| retry_after(answer.headers())),
            source: Some(Box::new(RequestError::Refused {
                container,
                key,
                status,
                message: answer.map(message_of).unwrap_or_default(),
                code: code.clone(),
            })),
            code,
            status: Some(status),
        }
    }

    /// A failure with another cause than a request.
    pub(crate) fn because(kind: ErrorKind, cause: impl Into<BoxError>) -> Self {
        Self {
            source: Some(cause.into()),
            ..Self::from(kind)
        }
    }

    /// A failure of a stream, which tells more than the method that gathers it.
    pub(crate) fn of_stream(error: Error) -> Self {
        let mut failure = Self::from(error.kind());
        failure.retry_after = error.retry_delay();
        failure.source = Some(error.into());
        failure
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// The service's own name of the error, such as `BlobNotFound`.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// The same failure with another meaning.
    pub(crate) fn meaning(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether a condition of the request did not hold: the blob exists, or has another version.
    pub(crate) fn is_condition(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::PreconditionFailed | ErrorKind::AlreadyExists
        )
    }

    /// The error of a driver method.
    pub(crate) fn of(self, operation: &'static str, path: &DriverPath) -> Error {
        let mut error = Error::new(NAME, operation, self.kind).at(path);
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
            code: String::new(),
            status: None,
            retry_after: None,
            source: None,
        }
    }
}

/// See <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>.
fn kind_of_answer(status: u16, code: &str) -> ErrorKind {
    match (status, code) {
        // Not a missing file: nothing can be stored until somebody makes the container.
        (_, "ContainerNotFound") => ErrorKind::Other,
        (_, "ContainerBeingDeleted" | "ContainerDisabled" | "PendingCopyOperation") => ErrorKind::Unavailable,
        (404, _) => ErrorKind::NotFound,
        (409, "BlobAlreadyExists") => ErrorKind::AlreadyExists,
        (_, "BlobImmutableDueToPolicy") => ErrorKind::PermissionDenied,
        (_, code) if code.contains("Lease") => ErrorKind::Busy,
        (304 | 412, _) => ErrorKind::PreconditionFailed,
        (401 | 403, _) => ErrorKind::PermissionDenied,
        (413, _) => ErrorKind::TooLarge,
        (429, _) | (503, "ServerBusy") => ErrorKind::Throttled,
        (status, _) if is_temporary(StatusCode::from(status)) => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

fn kind_of_failure(error: &azure_core::Error) -> ErrorKind {
    match error.kind() {
        // The identity service may be down as well as refuse; both may be over soon.
        AzureErrorKind::Connection | AzureErrorKind::Io | AzureErrorKind::Credential => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Other,
    }
}

/// The service's words: the first line, without the signatures that the lines after it repeat.
fn message_of(answer: &RawResponse) -> String {
    let body = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
    let message = element(&body, "Message").unwrap_or_default();
    // "Request date header too old" says more than "failed to authenticate".
    let detail = element(&body, "AuthenticationErrorDetail").unwrap_or_default();
    let detail = detail.split('\'').next().unwrap_or_default().trim();
    let mut told = message.lines().next().unwrap_or_default().trim().to_owned();
    if !detail.is_empty() {
        told = format!("{told} ({})", detail.trim_end_matches([':', ' ']));
    }
    redacted(&told).chars().take(MESSAGE_CHARS).collect()
}

fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Wrappers often repeat what they wrap.
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}

/// A text without the values of `sig=` and `client_secret=`, wherever they stand.
fn redacted(text: &str) -> String {
    let mut told = text.to_owned();
    for name in ["sig=", "client_secret=", "client_assertion="] {
        let mut pieces = told.split(name);
        let mut clean = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece
                .find(|c: char| matches!(c, '&' | ')' | '"' | '\'' | '<') || c.is_whitespace())
                .unwrap_or(piece.len());
            clean.push_str(name);
            clean.push_str("REDACTED");
            clean.push_str(&piece[end..]);
        }
        told = clean;
    }
    told
}

#[cfg(test)]
mod tests;
