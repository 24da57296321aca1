use thiserror::Error;

use crate::{ApiError, ErrorCode};

/// Which bytes of an upload a request carries: `Content-Range: <first>-<last>`.
///
/// Unlike in HTTP there is neither a unit nor a total ([OCI distribution specification, Pushing a blob in
/// chunks][spec]).
///
/// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub first: u64,
    /// The last byte, which belongs to the range.
    pub last: u64,
}

/// Why a [`ContentRange`] cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ContentRangeError {
    /// It is not two numbers with a dash between.
    #[error("content range is not of the form <first>-<last>")]
    Syntax,
    /// It does not begin where the upload ends, or is reversed.
    #[error("content range begins at {first}, the upload has {size} bytes")]
    OutOfOrder {
        /// The first byte of the range.
        first: u64,
        /// The bytes that the upload has.
        size: u64,
    },
    /// It has another length than the body.
    #[error("content range has {expected} bytes, the body has {actual}")]
    Length {
        /// The bytes that the range has.
        expected: u64,
        /// The bytes that the body is announced to have.
        actual: u64,
    },
}

impl ContentRange {
    /// Reads the value of a `Content-Range` field of an upload.
    pub fn parse(value: &str) -> Result<ContentRange, ContentRangeError> {
        let (first, last) = value.split_once('-').ok_or(ContentRangeError::Syntax)?;
        let number = |text: &str| {
            let number = text.parse().map_err(|_| ContentRangeError::Syntax)?;
            if number > i64::MAX.unsigned_abs() {
                Err(ContentRangeError::Syntax)
            } else {
                Ok(number)
            }
        };
        Ok(ContentRange {
            first: number(first)?,
            last: number(last)?,
        })
    }

    /// Checks that the range is the next one of an upload of `size` bytes, and as long as the body.
    ///
    /// The order of the checks is that of distribution v3: a chunk out of order is told as that even if its
    /// length is wrong too.
    pub fn check(self, size: u64, content_length: u64) -> Result<(), ContentRangeError> {
        if self.first != size || self.first > self.last {
            return Err(ContentRangeError::OutOfOrder {
                first: self.first,
                size,
            });
        }
        let expected = self.last - self.first + 1;
        if content_length != expected {
            return Err(ContentRangeError::Length {
                expected,
                actual: content_length,
            });
        }
        Ok(())
    }

    /// The value of the `Range` field that says how much of an upload has arrived.
    ///
    /// One byte and none look alike; distribution v3 and the specification have no other way to say it.
    pub fn received(size: u64) -> String {
        format!("0-{}", size.saturating_sub(1))
    }
}

impl From<ContentRangeError> for ApiError {
    fn from(error: ContentRangeError) -> ApiError {
        match error {
            ContentRangeError::Syntax => ApiError::new(ErrorCode::RangeInvalid)
                .with_status(http::StatusCode::BAD_REQUEST)
                .with_detail(error.to_string()),
            ContentRangeError::OutOfOrder { .. } => ApiError::new(ErrorCode::RangeInvalid),
            ContentRangeError::Length { .. } => ApiError::new(ErrorCode::SizeInvalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_numbers_are_a_range() {
        assert_eq!(
            ContentRange::parse("0-99"),
            Ok(ContentRange { first: 0, last: 99 })
        );
        assert_eq!(ContentRange::parse("7-3"), Ok(ContentRange { first: 7, last: 3 }));
        for value in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "a-b",
            "bytes 0-4/5",
            "0-4/5",
            "0 - 4",
            "1--2",
            "0-9223372036854775808",
        ] {
            assert_eq!(
                ContentRange::parse(value),
                Err(ContentRangeError::Syntax),
                "{value:?}"
            );
        }
    }

    #[test]
    fn only_the_next_range_fits() {
        let check = |value: &str, size: u64, length: u64, expected: Result<(), ContentRangeError>| {
            assert_eq!(
                ContentRange::parse(value).unwrap().check(size, length),
                expected,
                "{value:?}"
            );
        };
        check("0-99", 0, 100, Ok(()));
        check("100-100", 100, 1, Ok(()));
        check(
            "100-199",
            0,
            100,
            Err(ContentRangeError::OutOfOrder { first: 100, size: 0 }),
        );
        check(
            "0-99",
            100,
            100,
            Err(ContentRangeError::OutOfOrder { first: 0, size: 100 }),
        );
        check(
            "7-3",
            7,
            0,
            Err(ContentRangeError::OutOfOrder { first: 7, size: 7 }),
        );
        check(
            "0-99",
            0,
            7,
            Err(ContentRangeError::Length {
                expected: 100,
                actual: 7,
            }),
        );
    }

    #[test]
    fn what_was_received_ends_at_the_last_byte() {
        assert_eq!(ContentRange::received(0), "0-0");
        assert_eq!(ContentRange::received(1), "0-0");
        assert_eq!(ContentRange::received(100), "0-99");
    }

    #[test]
    fn errors_have_the_status_of_the_contract() {
        let status = |error: ContentRangeError| ApiError::from(error).status().as_u16();
        assert_eq!(status(ContentRangeError::Syntax), 400);
        assert_eq!(status(ContentRangeError::OutOfOrder { first: 0, size: 1 }), 416);
        assert_eq!(
            status(ContentRangeError::Length {
                expected: 0,
                actual: 1
            }),
            400
        );
    }

    proptest! {
        #[test]
        fn arbitrary_ranges_never_panic(
            value in "[0-9]{0,20}-?[0-9]{0,20}|\\PC{0,16}",
            size in any::<u64>(),
            length in any::<u64>(),
        ) {
            if let Ok(range) = ContentRange::parse(&value) {
                let _ = range.check(size, length);
            }
        }
    }
}
