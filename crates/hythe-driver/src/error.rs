use std::fmt;
use std::time::Duration;

use crate::DriverPath;

/// The result of a driver call.
pub type Result<T> = std::result::Result<T, Error>;

/// A cause from below the driver.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing is at the path.
    NotFound,
    /// A file is there and the call was to create it.
    AlreadyExists,
    /// The file is of another version than the one named.
    PreconditionFailed,
    /// The path cannot be used for this operation (the root, for instance).
    InvalidPath,
    /// A directory is where a file was expected.
    NotAFile,
    /// A file is where a directory was expected.
    NotADirectory,
    /// The file is larger than the caller's limit.
    TooLarge,
    /// Another writer holds the path.
    Busy,
    /// The resume token is damaged, of another driver, or its upload is gone.
    InvalidToken,
    /// The backend is full, or a quota is used up.
    NoSpace,
    /// The backend refuses access with the configured credentials or permissions.
    PermissionDenied,
    /// The backend asks to slow down.
    Throttled,
    /// The backend cannot be reached or is failing; a later try may succeed.
    Unavailable,
    /// The driver cannot do this; see [`crate::Capabilities`].
    Unsupported,
    /// Anything else.
    Other,
}

impl ErrorKind {
    fn describe(self) -> &'static str {
        match self {
            Self::NotFound => "path not found",
            Self::AlreadyExists => "file exists already",
            Self::PreconditionFailed => "file has another version",
            Self::InvalidPath => "invalid path",
            Self::NotAFile => "path is a directory",
            Self::NotADirectory => "path is a file",
            Self::TooLarge => "file exceeds the size limit",
            Self::Busy => "another writer holds the file",
            Self::InvalidToken => "resume token cannot be used",
            Self::NoSpace => "no space left",
            Self::PermissionDenied => "permission denied",
            Self::Throttled => "backend asks to slow down",
            Self::Unavailable => "backend is unavailable",
            Self::Unsupported => "operation not supported",
            Self::Other => "operation failed",
        }
    }
}

/// A failed driver call: which driver, doing what, to which path, and why.
///
/// `Display` says this level only; the cause is in [`std::error::Error::source`].
#[derive(Debug)]
pub struct Error {
    driver: &'static str,
    operation: &'static str,
    kind: ErrorKind,
    path: Option<DriverPath>,
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

impl Error {
    /// A failure of `operation` (the method's name) in the driver called `driver`.
    pub fn new(driver: &'static str, operation: &'static str, kind: ErrorKind) -> Self {
        Self {
            driver,
            operation,
            kind,
            path: None,
            retry_after: None,
            source: None,
        }
    }

    /// A missing path.
    pub fn not_found(driver: &'static str, operation: &'static str, path: &DriverPath) -> Self {
        Self::new(driver, operation, ErrorKind::NotFound).at(path)
    }

    /// Names the operation, for code that several operations share.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    /// Names the path.
    #[must_use]
    pub fn at(mut self, path: &DriverPath) -> Self {
        self.path = Some(path.clone());
        self
    }

    /// Names the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says when the backend wants to be asked again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The driver's name.
    pub fn driver(&self) -> &'static str {
        self.driver
    }

    /// The method that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The path concerned, if there is one.
    pub fn path(&self) -> Option<&DriverPath> {
        self.path.as_ref()
    }

    /// When the backend wants to be asked again, if it said so.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether nothing was at the path.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// Whether the same call may succeed later without anything being changed by the caller.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Busy | ErrorKind::NoSpace | ErrorKind::Throttled | ErrorKind::Unavailable
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.driver, self.operation, self.kind.describe())?;
        match &self.path {
            Some(path) => write!(f, ": {path}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}
