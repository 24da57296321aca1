/// What a `Range` field asks for of content of a known size.
///
/// The rules are those of Go's `http.ServeContent`, which distribution v3 serves blobs with, and within them
/// those of [RFC 9110, section 14.2][rfc].
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedRange {
    /// Everything: 200. There is no field, or it may be ignored.
    Full,
    /// One part: 206 with `Content-Range`.
    Single(Span),
    /// Several parts, in the order asked for: 206 as `multipart/byteranges`. Together they are at most as
    /// large as the content.
    Multi(Vec<Span>),
    /// No part overlaps the content: 416 with `Content-Range: bytes */<size>`.
    Unsatisfiable,
    /// The field is malformed, or a range in it is reversed: 416.
    Invalid,
}

/// A part of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// The number of bytes. It is 0 only where the last 0 bytes were asked for, or bytes of empty content.
    pub len: u64,
}

enum Spec {
    Within(Span),
    Beyond,
}

impl RequestedRange {
    /// Reads the value of a `Range` field for content of `size` bytes.
    pub fn parse(value: &str, size: u64) -> RequestedRange {
        if value.is_empty() {
            return RequestedRange::Full;
        }
        let Some(specs) = value.strip_prefix("bytes=") else {
            return RequestedRange::Invalid;
        };

        let mut spans = Vec::new();
        let mut some_are_beyond = false;
        for spec in specs.split(',').map(trim).filter(|spec| !spec.is_empty()) {
            match parse_spec(spec, size) {
                Some(Spec::Within(span)) => spans.push(span),
                Some(Spec::Beyond) => some_are_beyond = true,
                None => return RequestedRange::Invalid,
            }
        }

        let total = spans
            .iter()
            .fold(0, |total: u64, span| total.saturating_add(span.len));
        match spans[..] {
            // Clients that always ask for a part, to limit the answer, get an empty blob whole.
            [] if some_are_beyond && size > 0 => RequestedRange::Unsatisfiable,
            [] => RequestedRange::Full,
            // More than there is: an attack, or a client that does not know what it does.
            _ if total > size => RequestedRange::Full,
            [span] => RequestedRange::Single(span),
            _ => RequestedRange::Multi(spans),
        }
    }

    /// The value of `Content-Range` with which an unsatisfiable request is answered.
    pub fn unsatisfied(size: u64) -> String {
        format!("bytes */{size}")
    }
}

impl Span {
    /// The value of `Content-Range` for this part of content of `size` bytes.
    ///
    /// That of an empty part ends before it starts, `bytes 0--1/0` in the extreme, as in distribution v3.
    pub fn content_range(self, size: u64) -> String {
        let last = i128::from(self.start) + i128::from(self.len) - 1;
        format!("bytes {}-{last}/{size}", self.start)
    }
}

/// `None` if it is malformed.
fn parse_spec(spec: &str, size: u64) -> Option<Spec> {
    let (start, end) = spec.split_once('-')?;
    let (start, end) = (trim(start), trim(end));
    if start.is_empty() {
        let len = number(end)?.min(size);
        return Some(Spec::Within(Span {
            start: size - len,
            len,
        }));
    }
    let start = number(start)?;
    if start >= size {
        return Some(Spec::Beyond);
    }
    let last = if end.is_empty() {
        size - 1
    } else {
        number(end)?.min(size - 1)
    };
    let end_before_start = last < start;
    if end_before_start {
        None
    } else {
        Some(Spec::Within(Span {
            start,
            len: last - start + 1,
        }))
    }
}

/// Go reads 63 bits; a number it cannot read makes the whole field malformed.
fn number(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|&number| number <= i64::MAX.unsigned_abs())
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn single(start: u64, len: u64) -> RequestedRange {
        RequestedRange::Single(Span { start, len })
    }

    #[track_caller]
    fn check(value: &str, size: u64, expected: &RequestedRange) {
        assert_eq!(
            &RequestedRange::parse(value, size),
            expected,
            "{value:?} of {size}"
        );
    }

    #[test]
    fn one_range_is_a_part() {
        check("bytes=500-1499", 2048, &single(500, 1000));
        check("bytes=500-", 2048, &single(500, 1548));
        check("bytes=-500", 2048, &single(1548, 500));
        check("bytes=2000-5000", 2048, &single(2000, 48));
        check("bytes=-5000", 2048, &single(0, 2048));
        check("bytes=0-0", 2048, &single(0, 1));
        check("bytes= 0 - 9 ,", 2048, &single(0, 10));
        check("bytes=0-9,5000-", 2048, &single(0, 10));
    }

    #[test]
    fn several_ranges_are_several_parts() {
        let spans = vec![Span { start: 10, len: 2 }, Span { start: 0, len: 1 }];
        check("bytes=10-11, 0-0", 2048, &RequestedRange::Multi(spans));
    }

    #[test]
    fn more_than_there_is_is_everything() {
        check("bytes=0-,0-0", 10, &RequestedRange::Full);
        check("bytes=0-9,0-9", 10, &RequestedRange::Full);
    }

    #[test]
    fn nothing_asked_for_is_everything() {
        check("", 10, &RequestedRange::Full);
        check("bytes=", 10, &RequestedRange::Full);
        check("bytes=,", 10, &RequestedRange::Full);
    }

    #[test]
    fn reversed_and_malformed_ranges_are_invalid() {
        for value in [
            "bytes=500-0",
            "bytes=5",
            "bytes=-",
            "bytes=--1",
            "bytes=a-b",
            "bytes=1-b",
            "bytes=0-1,x",
            "bytes",
            "items=0-1",
            "Bytes=0-1",
            "bytes 0-1",
            "bytes=9223372036854775808-",
            "bytes=-9223372036854775808",
            "bytes=1-99999999999999999999",
        ] {
            check(value, 2048, &RequestedRange::Invalid);
        }
    }

    #[test]
    fn ranges_beyond_the_end_are_unsatisfiable() {
        check("bytes=5000-10000", 2048, &RequestedRange::Unsatisfiable);
        check("bytes=2048-", 2048, &RequestedRange::Unsatisfiable);
        check("bytes=5000-10", 2048, &RequestedRange::Unsatisfiable);
        assert_eq!(RequestedRange::unsatisfied(2048), "bytes */2048");
    }

    #[test]
    fn empty_content_is_always_whole() {
        check("bytes=0-", 0, &RequestedRange::Full);
        check("bytes=7-3", 0, &RequestedRange::Full);
        check("bytes=x", 0, &RequestedRange::Invalid);
        check("bytes=-1", 0, &single(0, 0));
    }

    #[test]
    fn content_range_names_first_and_last_byte() {
        assert_eq!(
            Span {
                start: 500,
                len: 1000
            }
            .content_range(2048),
            "bytes 500-1499/2048"
        );
        assert_eq!(
            Span { start: 2048, len: 0 }.content_range(2048),
            "bytes 2048-2047/2048"
        );
        assert_eq!(Span { start: 0, len: 0 }.content_range(0), "bytes 0--1/0");
    }

    proptest! {
        #[test]
        fn parts_are_parts_of_the_content(
            value in "bytes=([0-9]{0,3}-[0-9]{0,3}[, ]){0,4}[0-9]{0,20}-?[0-9]{0,20}|\\PC{0,24}",
            size in prop_oneof![0..1000_u64, Just(u64::MAX)],
        ) {
            let spans = match RequestedRange::parse(&value, size) {
                RequestedRange::Single(span) => vec![span],
                RequestedRange::Multi(spans) => spans,
                _ => vec![],
            };
            for span in &spans {
                prop_assert!(span.start.checked_add(span.len).is_some_and(|end| end <= size));
                span.content_range(size);
            }
        }
    }
}
