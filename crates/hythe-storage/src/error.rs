//! From a driver's failure to the registry's terms.
//!
//! There is no `From`: that a path was not found means something else to everybody who asks, so each call says
//! what. What is left is translated by [`failed`].

use hythe_distribution::{Error, Result};
use hythe_driver::{self as driver, ErrorKind};

/// Says what a driver's answer means.
pub(crate) trait DriverResultExt<T> {
    /// A path that is not there is `None`; any other failure stays one.
    fn found(self) -> Result<Option<T>>;

    /// A path that is not there is this error.
    fn or_unknown(self, unknown: impl FnOnce() -> Error) -> Result<T>;

    /// Every failure, a missing path included, is the storage's fault.
    fn or_failed(self) -> Result<T>;
}

impl<T> DriverResultExt<T> for driver::Result<T> {
    fn found(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn or_unknown(self, unknown: impl FnOnce() -> Error) -> Result<T> {
        self.found()?.ok_or_else(unknown)
    }

    fn or_failed(self) -> Result<T> {
        self.map_err(failed)
    }
}

/// The registry's word for a failure of the storage: unavailable where trying again or freeing space helps,
/// else internal. The reason may be shown to clients; the driver's own words are for the log only.
pub(crate) fn failed(error: driver::Error) -> Error {
    let reason = match error.kind() {
        ErrorKind::NoSpace => "storage is full",
        ErrorKind::PermissionDenied => "storage refuses access",
        ErrorKind::Throttled => "storage asks to slow down",
        ErrorKind::Unavailable => "storage cannot be reached",
        ErrorKind::Busy => "storage is busy",
        _ => return Error::Internal(error.into()),
    };
    Error::Unavailable {
        reason,
        retry_after: error.retry_delay(),
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn causes_that_pass_are_unavailable_with_a_public_reason() {
        let check = |kind, expected: Option<&str>| {
            let error = driver::Error::new("test", "put_content", kind).retry_after(Duration::from_secs(3));
            let reason = match failed(error) {
                Error::Unavailable {
                    reason, retry_after, ..
                } => {
                    assert_eq!(retry_after, Some(Duration::from_secs(3)));
                    Some(reason)
                }
                Error::Internal(_) => None,
                other => panic!("{other}"),
            };
            assert_eq!(reason, expected);
        };
        check(ErrorKind::NoSpace, Some("storage is full"));
        check(ErrorKind::PermissionDenied, Some("storage refuses access"));
        check(ErrorKind::Throttled, Some("storage asks to slow down"));
        check(ErrorKind::Unavailable, Some("storage cannot be reached"));
        check(ErrorKind::Busy, Some("storage is busy"));
        check(ErrorKind::Other, None);
        check(ErrorKind::NotFound, None);
    }
}
