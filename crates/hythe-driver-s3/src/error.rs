//! What the service's refusals mean to a caller.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId as _;
use hythe_driver::{BoxError, Error, ErrorKind};

/// The driver's name in the configuration and in errors.
pub(crate) const NAME: &str = "s3";

/// Why the driver could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The library for TLS refuses its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The file of certificates cannot be used.
    #[error("cannot read the certificates in {}", path.display())]
    Certificates {
        /// The file of the parameter `cafile`.
        path: PathBuf,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The set-up did not run to its end.
    #[error("the set-up was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
    /// No credentials are configured, and nothing else provides any.
    #[error("no credentials: set accesskey and secretkey, or one of the SDK's sources")]
    NoCredentials,
}

/// The result of one call of the service.
pub(crate) type Answer<T> = std::result::Result<T, Failure>;

/// One failed call of the service, before it is known which method it belongs to.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// The service's word for it; empty when it gave none.
    pub(crate) code: String,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    text: String,
}

/// What was asked of the service and what became of it, for whoever reads the log.
#[derive(Debug)]
pub(crate) struct Cause {
    /// The call's name in S3's documentation.
    call: &'static str,
    bucket: Arc<str>,
    key: String,
    text: String,
}

impl Cause {
    pub(crate) fn new(call: &'static str, bucket: Arc<str>, key: String) -> Self {
        Self {
            call,
            bucket,
            key,
            text: String::new(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call,
            bucket,
            key,
            text,
        } = self;
        write!(f, "{call} of key {key:?} in bucket {bucket:?}: {text}")
    }
}

impl std::error::Error for Cause {}

impl Failure {
    /// A failure that the service did not tell.
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            code: String::new(),
            status: None,
            retry_after: None,
            text: text.into(),
        }
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The error of a driver method, named by the call until it is known which.
    pub(crate) fn into_error(self, mut cause: Cause) -> Error {
        cause.text = self.text;
        let error = Error::new(NAME, cause.call, self.kind).because(cause);
        match self.retry_after {
            Some(delay) => error.retry_after(delay),
            None => error,
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let response = error.raw_response();
        let status = response.map(|response| response.status().as_u16());
        let header = |name| response.and_then(|response| response.headers().get(name));
        let retry_after = header("retry-after").and_then(|value| value.trim().parse().ok());
        let code = error.code().unwrap_or_default().to_owned();
        let kind = match &error {
            SdkError::ServiceError(_) => kind(status.unwrap_or_default(), &code),
            SdkError::ConstructionFailure(_) => ErrorKind::Other,
            // Not reached, timed out, or an answer that makes no sense; missing credentials too.
            _ => ErrorKind::Unavailable,
        };
        let text = match &error {
            SdkError::ServiceError(_) => {
                let message = error.message().unwrap_or_default();
                let mut text = format!("{} {code}", status.unwrap_or_default());
                if !message.is_empty() {
                    text = format!("{text}: {message}");
                }
                if let Some(hint) = hint(&code, header("x-amz-bucket-region")) {
                    text = format!("{text} ({hint})");
                }
                match error.request_id() {
                    Some(id) => format!("{text}, request id {id}"),
                    None => text,
                }
            }
            error => chain(error),
        };
        Self {
            kind,
            code,
            status,
            retry_after: retry_after.map(Duration::from_secs),
            text,
        }
    }
}

/// An error and what is below it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text = format!("{text}: {error}");
        below = error.source();
    }
    text
}

/// What an answer means. Services differ in their codes; where a code is not known, the status decides.
pub(crate) fn kind(status: u16, code: &str) -> ErrorKind {
    match code {
        "NoSuchUpload" => ErrorKind::InvalidToken,
        // The whole store is missing: nothing a caller should take for a missing file.
        "NoSuchBucket" => ErrorKind::Unavailable,
        "PreconditionFailed" => ErrorKind::PreconditionFailed,
        "SlowDown"
        | "TooManyRequests"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "RequestThrottled"
        | "SlowDownRead"
        | "SlowDownWrite" => ErrorKind::Throttled,
        "RequestTimeout" | "ConditionalRequestConflict" | "OperationAborted" | "IncompleteBody" => {
            ErrorKind::Unavailable
        }
        "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" | "InsufficientCapacity" => {
            ErrorKind::NoSpace
        }
        "EntityTooLarge" => ErrorKind::TooLarge,
        "KeyTooLongError" | "XMinioInvalidObjectName" | "InvalidURI" => ErrorKind::InvalidPath,
        "ObjectParentIsFile" | "XMinioParentIsObject" => ErrorKind::NotADirectory,
        "ExistingObjectIsDirectory" | "XMinioObjectExistsAsDirectory" => ErrorKind::NotAFile,
        "NotImplemented" => ErrorKind::Unsupported,
        "XAdminUserNotFound" | "InvalidToken" | "ExpiredToken" | "RequestTimeTooSkewed" => {
            ErrorKind::PermissionDenied
        }
        _ => match status {
            404 => ErrorKind::NotFound,
            401 | 403 => ErrorKind::PermissionDenied,
            412 => ErrorKind::PreconditionFailed,
            429 => ErrorKind::Throttled,
            501 => ErrorKind::Unsupported,
            507 => ErrorKind::NoSpace,
            409 | 500.. => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        },
    }
}

/// What an operator should look at.
fn hint(code: &str, region: Option<&str>) -> Option<String> {
    let hint = match code {
        "SignatureDoesNotMatch" => "check secretkey",
        "InvalidAccessKeyId" | "XAdminUserNotFound" => "check accesskey",
        "ExpiredToken" | "InvalidToken" => "check sessiontoken",
        "RequestTimeTooSkewed" => "the clocks of this machine and of the service differ",
        "NoSuchBucket" => "the bucket does not exist",
        "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
            let region = region.map_or(String::new(), |region| format!(", the bucket is in {region}"));
            return Some(format!("check region{region}"));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_kind_that_callers_act_on() {
        let check = |status: u16, code: &str, expected: ErrorKind| {
            assert_eq!(kind(status, code), expected, "{status} {code}");
        };
        check(404, "NoSuchKey", ErrorKind::NotFound);
        check(404, "", ErrorKind::NotFound);
        check(404, "NoSuchBucket", ErrorKind::Unavailable);
        check(404, "NoSuchUpload", ErrorKind::InvalidToken);
        check(403, "AccessDenied", ErrorKind::PermissionDenied);
        check(403, "SignatureDoesNotMatch", ErrorKind::PermissionDenied);
        check(404, "XAdminUserNotFound", ErrorKind::PermissionDenied);
        check(412, "PreconditionFailed", ErrorKind::PreconditionFailed);
        check(503, "SlowDown", ErrorKind::Throttled);
        check(429, "", ErrorKind::Throttled);
        check(503, "ServiceUnavailable", ErrorKind::Unavailable);
        check(500, "InternalError", ErrorKind::Unavailable);
        check(400, "RequestTimeout", ErrorKind::Unavailable);
        check(409, "ObjectParentIsFile", ErrorKind::NotADirectory);
        check(507, "XMinioStorageFull", ErrorKind::NoSpace);
        check(400, "MalformedXML", ErrorKind::Other);
        check(301, "PermanentRedirect", ErrorKind::Other);
    }

    #[test]
    fn hints_name_the_parameter() {
        assert_eq!(hint("SignatureDoesNotMatch", None).unwrap(), "check secretkey");
        assert_eq!(
            hint("PermanentRedirect", Some("eu-west-1")).unwrap(),
            "check region, the bucket is in eu-west-1"
        );
        assert_eq!(hint("InternalError", None), None);
    }
}
