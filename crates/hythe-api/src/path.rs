//! From the path on the wire to the path that routes are matched on.

use std::borrow::Cow;

use thiserror::Error;

/// Why a path is not one that any route can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// A `%` without two hexadecimal digits.
    #[error("path has a malformed percent escape")]
    Escape,
    /// A zero byte, escaped or not.
    #[error("path has a zero byte")]
    Nul,
    /// Decoded, it is not UTF-8.
    #[error("path is not UTF-8")]
    Utf8,
    /// It does not begin with a slash.
    #[error("path is not absolute")]
    Relative,
    /// Two slashes in a row.
    #[error("path has an empty segment")]
    EmptySegment,
    /// A segment `.` or `..`.
    #[error("path has a dot segment")]
    DotSegment,
}

/// Decodes the percent escapes of a path.
///
/// A `%2F` becomes a slash like any other, as in distribution v3. A `+` stays what it is.
pub fn decode_path(raw: &str) -> Result<Cow<'_, str>, PathError> {
    let decoded = if raw.contains('%') {
        let bytes = decode_escapes(raw.as_bytes(), false).ok_or(PathError::Escape)?;
        Cow::Owned(String::from_utf8(bytes).map_err(|_| PathError::Utf8)?)
    } else {
        Cow::Borrowed(raw)
    };
    if decoded.contains('\0') {
        Err(PathError::Nul)
    } else {
        Ok(decoded)
    }
}

/// The path behind the prefix that a server is configured to have, or `None` if it is not under it.
///
/// Slashes at the end of the prefix do not matter: the result always begins with one.
pub fn strip_prefix<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    rest.starts_with('/').then_some(rest)
}

/// Refuses what a cleaned path does not have. One slash at the end is fine.
pub(crate) fn check_segments(path: &str) -> Result<(), PathError> {
    let inner = path.strip_prefix('/').ok_or(PathError::Relative)?;
    if path.contains('\0') {
        return Err(PathError::Nul);
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return if path.len() > 1 {
            Err(PathError::EmptySegment)
        } else {
            Ok(())
        };
    }
    inner.split('/').try_for_each(|segment| match segment {
        "" => Err(PathError::EmptySegment),
        "." | ".." => Err(PathError::DotSegment),
        _ => Ok(()),
    })
}

/// `None` if an escape is malformed.
pub(crate) fn decode_escapes(raw: &[u8], plus_is_space: bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => {
                let (digits, tail) = rest.split_first_chunk::<2>()?;
                decoded.push((hex_digit(digits[0])? << 4) | hex_digit(digits[1])?);
                rest = tail;
            }
            b'+' if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    Some(decoded)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_decoded() {
        let check = |raw: &str, expected: &str| assert_eq!(decode_path(raw).unwrap(), expected, "{raw:?}");
        check("/v2/a%2Fb/tags/list", "/v2/a/b/tags/list");
        check("/v2/a%2fb", "/v2/a/b");
        check("/%41+%2B", "/A++");
        check("/%C3%A9", "/é");
        check("/plain", "/plain");
    }

    #[test]
    fn malformed_paths_are_refused() {
        let check = |raw: &str, expected: PathError| assert_eq!(decode_path(raw), Err(expected), "{raw:?}");
        for raw in ["/%", "/%4", "/%zz", "/%4g", "/a%"] {
            check(raw, PathError::Escape);
        }
        check("/%00", PathError::Nul);
        check("/\0", PathError::Nul);
        check("/%ff", PathError::Utf8);
    }

    #[test]
    fn prefixes_end_at_a_segment() {
        let check = |prefix: &str, path: &str, expected: Option<&str>| {
            assert_eq!(strip_prefix(prefix, path), expected, "{prefix:?} {path:?}");
        };
        check("", "/v2/", Some("/v2/"));
        check("/", "/v2/", Some("/v2/"));
        check("/registry", "/registry/v2/", Some("/v2/"));
        check("/registry/", "/registry/v2/", Some("/v2/"));
        check("/registry/", "/v2/", None);
        check("/registry/", "/registryv2/", None);
        check("/registry/", "/registry", None);
    }

    #[test]
    fn segments_are_neither_empty_nor_dots() {
        for path in ["/", "/v2", "/v2/", "/v2/a/.b/..c"] {
            assert_eq!(check_segments(path), Ok(()), "{path:?}");
        }
        for path in ["//", "//v2", "/v2//", "/v2//a"] {
            assert_eq!(check_segments(path), Err(PathError::EmptySegment), "{path:?}");
        }
        for path in ["/.", "/..", "/v2/../a", "/v2/./", "/v2/a/.."] {
            assert_eq!(check_segments(path), Err(PathError::DotSegment), "{path:?}");
        }
        for path in ["", "v2", "*"] {
            assert_eq!(check_segments(path), Err(PathError::Relative), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_paths_never_panic(raw in "/?[a-z%0-9/.]{0,24}|\\PC{0,16}") {
            if let Ok(decoded) = decode_path(&raw) {
                let _ = check_segments(&decoded);
                strip_prefix("/a/", &decoded);
            }
        }
    }
}
