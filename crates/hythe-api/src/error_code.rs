use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use thiserror::Error;

/// A code of an error document ([OCI distribution specification, Error Codes][spec], and those that
/// distribution v3 has besides).
///
/// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Something failed that is nobody's mistake outside the server.
    Unknown,
    /// The operation is switched off or does not exist.
    Unsupported,
    /// Credentials are needed.
    Unauthorized,
    /// The credentials do not allow it.
    Denied,
    /// The server cannot do it for now.
    Unavailable,
    /// The client asks too often.
    TooManyRequests,
    /// A digest is malformed, or is not that of the content.
    DigestInvalid,
    /// A length is not that of the content.
    SizeInvalid,
    /// A range does not fit.
    RangeInvalid,
    /// A name of a repository is malformed.
    NameInvalid,
    /// A tag is malformed.
    TagInvalid,
    /// There is no such repository.
    NameUnknown,
    /// There is no such manifest or tag.
    ManifestUnknown,
    /// A manifest is malformed.
    ManifestInvalid,
    /// A signature of a manifest is not good.
    ManifestUnverified,
    /// A manifest refers to something that is not there.
    ManifestBlobUnknown,
    /// There is no such blob.
    BlobUnknown,
    /// There is no such upload.
    BlobUploadUnknown,
    /// What was said about an upload does not fit it.
    BlobUploadInvalid,
    /// A number of results is malformed or too large.
    PaginationNumberInvalid,
}

/// A text is not an [`ErrorCode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown error code")]
pub struct UnknownErrorCode;

impl ErrorCode {
    /// All codes.
    pub const ALL: [ErrorCode; 20] = [
        ErrorCode::Unknown,
        ErrorCode::Unsupported,
        ErrorCode::Unauthorized,
        ErrorCode::Denied,
        ErrorCode::Unavailable,
        ErrorCode::TooManyRequests,
        ErrorCode::DigestInvalid,
        ErrorCode::SizeInvalid,
        ErrorCode::RangeInvalid,
        ErrorCode::NameInvalid,
        ErrorCode::TagInvalid,
        ErrorCode::NameUnknown,
        ErrorCode::ManifestUnknown,
        ErrorCode::ManifestInvalid,
        ErrorCode::ManifestUnverified,
        ErrorCode::ManifestBlobUnknown,
        ErrorCode::BlobUnknown,
        ErrorCode::BlobUploadUnknown,
        ErrorCode::BlobUploadInvalid,
        ErrorCode::PaginationNumberInvalid,
    ];

    /// The code as it stands in the document.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The status that goes with the code.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// What is said when nothing better is known.
    pub const fn message(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            ErrorCode::Unknown => ("UNKNOWN", StatusCode::INTERNAL_SERVER_ERROR, "unknown error"),
            ErrorCode::Unsupported => (
                "UNSUPPORTED",
                StatusCode::METHOD_NOT_ALLOWED,
                "The operation is unsupported.",
            ),
            ErrorCode::Unauthorized => (
                "UNAUTHORIZED",
                StatusCode::UNAUTHORIZED,
                "authentication required",
            ),
            ErrorCode::Denied => (
                "DENIED",
                StatusCode::FORBIDDEN,
                "requested access to the resource is denied",
            ),
            ErrorCode::Unavailable => (
                "UNAVAILABLE",
                StatusCode::SERVICE_UNAVAILABLE,
                "service unavailable",
            ),
            ErrorCode::TooManyRequests => (
                "TOOMANYREQUESTS",
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests",
            ),
            ErrorCode::DigestInvalid => (
                "DIGEST_INVALID",
                StatusCode::BAD_REQUEST,
                "provided digest did not match uploaded content",
            ),
            ErrorCode::SizeInvalid => (
                "SIZE_INVALID",
                StatusCode::BAD_REQUEST,
                "provided length did not match content length",
            ),
            ErrorCode::RangeInvalid => (
                "RANGE_INVALID",
                StatusCode::RANGE_NOT_SATISFIABLE,
                "invalid content range",
            ),
            ErrorCode::NameInvalid => ("NAME_INVALID", StatusCode::BAD_REQUEST, "invalid repository name"),
            ErrorCode::TagInvalid => (
                "TAG_INVALID",
                StatusCode::BAD_REQUEST,
                "manifest tag did not match URI",
            ),
            ErrorCode::NameUnknown => (
                "NAME_UNKNOWN",
                StatusCode::NOT_FOUND,
                "repository name not known to registry",
            ),
            ErrorCode::ManifestUnknown => ("MANIFEST_UNKNOWN", StatusCode::NOT_FOUND, "manifest unknown"),
            ErrorCode::ManifestInvalid => ("MANIFEST_INVALID", StatusCode::BAD_REQUEST, "manifest invalid"),
            ErrorCode::ManifestUnverified => (
                "MANIFEST_UNVERIFIED",
                StatusCode::BAD_REQUEST,
                "manifest failed signature verification",
            ),
            ErrorCode::ManifestBlobUnknown => (
                "MANIFEST_BLOB_UNKNOWN",
                StatusCode::BAD_REQUEST,
                "blob unknown to registry",
            ),
            ErrorCode::BlobUnknown => ("BLOB_UNKNOWN", StatusCode::NOT_FOUND, "blob unknown to registry"),
            ErrorCode::BlobUploadUnknown => (
                "BLOB_UPLOAD_UNKNOWN",
                StatusCode::NOT_FOUND,
                "blob upload unknown to registry",
            ),
            ErrorCode::BlobUploadInvalid => (
                "BLOB_UPLOAD_INVALID",
                StatusCode::NOT_FOUND,
                "blob upload invalid",
            ),
            ErrorCode::PaginationNumberInvalid => (
                "PAGINATION_NUMBER_INVALID",
                StatusCode::BAD_REQUEST,
                "invalid number of results requested",
            ),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<ErrorCode, UnknownErrorCode> {
        ErrorCode::ALL
            .into_iter()
            .find(|code| code.as_str() == text)
            .ok_or(UnknownErrorCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for code in ErrorCode::ALL {
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        assert_eq!("MANIFEST".parse::<ErrorCode>(), Err(UnknownErrorCode));
    }

    #[test]
    fn every_code_is_an_error() {
        assert!(ErrorCode::ALL.iter().all(|code| code.status().as_u16() >= 400));
    }
}
