//! Conditional requests: `If-Match`, `If-None-Match` and `If-Range` against one entity tag.
//!
//! For blobs the rules are those of Go's `http.ServeContent` ([RFC 9110, section 13][rfc]). There are no
//! modification times in a registry, so the conditions about them do not apply.
//!
//! [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-13

use http::header::{self, HeaderMap, HeaderName};
use hythe_digest::Digest;

/// What the conditions of a GET or HEAD come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Answer as usual.
    Proceed {
        /// Whether a `Range` field counts; it does not if `If-Range` names other content.
        use_range: bool,
    },
    /// The client has it already: 304.
    NotModified,
    /// The client expects something else: 412.
    Failed,
}

/// Evaluates all conditions of a GET or HEAD for content with the entity tag `etag`, quotes included.
pub fn evaluate_preconditions(headers: &HeaderMap, etag: &str) -> Precondition {
    if headers.contains_key(header::IF_MATCH)
        && !lines(headers, &header::IF_MATCH).any(|line| if_match(line, etag))
    {
        return Precondition::Failed;
    }
    if lines(headers, &header::IF_NONE_MATCH).any(|line| if_none_match(line, etag)) {
        return Precondition::NotModified;
    }
    let use_range = lines(headers, &header::IF_RANGE)
        .next()
        .is_none_or(|line| if_range(line, etag));
    Precondition::Proceed { use_range }
}

/// Whether an `If-None-Match` field says that the client has the manifest `digest`: 304.
///
/// Beside what HTTP asks for, the bare digest without quotes counts, as in distribution v3.
pub fn manifest_not_modified(headers: &HeaderMap, digest: &Digest) -> bool {
    let bare = digest.to_string();
    let etag = format!("\"{bare}\"");
    lines(headers, &header::IF_NONE_MATCH).any(|line| line == bare || if_none_match(line, &etag))
}

/// Whether one of the tags of an `If-Match` field is `etag`, neither of them weak; `*` is every tag.
pub fn if_match(value: &str, etag: &str) -> bool {
    !etag.starts_with("W/") && tags(value).any(|tag| tag == Tag::Any || tag == Tag::One(etag))
}

/// Whether one of the tags of an `If-None-Match` field is `etag`, weak or not; `*` is every tag.
pub fn if_none_match(value: &str, etag: &str) -> bool {
    tags(value).any(|tag| match tag {
        Tag::Any => true,
        Tag::One(tag) => strong(tag) == strong(etag),
    })
}

/// Whether the tag of an `If-Range` field is `etag`, neither of them weak. A date is no tag.
pub fn if_range(value: &str, etag: &str) -> bool {
    let matches = |(tag, _)| !etag.starts_with("W/") && tag == etag;
    value.is_empty() || scan(trim(value)).is_some_and(matches)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag<'a> {
    Any,
    One(&'a str),
}

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
}

/// The tags of a list, up to the first thing that is none.
fn tags(list: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(tail) = rest.strip_prefix('*') {
            rest = tail;
            return Some(Tag::Any);
        }
        let (tag, tail) = scan(rest)?;
        rest = tail;
        Some(Tag::One(tag))
    })
}

/// Splits one tag, quotes included, from the front.
fn scan(text: &str) -> Option<(&str, &str)> {
    let opened = strong(text).strip_prefix('"')?;
    let len = opened.find('"')?;
    let is_allowed = |c: u8| c > b' ' && c != 0x7f;
    if !opened[..len].bytes().all(is_allowed) {
        return None;
    }
    let end = text.len() - opened.len() + len + 1;
    Some(text.split_at(end))
}

fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const ETAG: &str = "\"a\"";

    #[test]
    fn if_none_match_takes_lists_weak_tags_and_the_star() {
        for value in [
            "\"a\"",
            "W/\"a\"",
            "*",
            " \"b\" , \"a\"",
            "\"b\",W/\"a\"",
            "\"b\"\"a\"",
            "\"b\",*",
        ] {
            assert!(if_none_match(value, ETAG), "{value}");
        }
        for value in ["", "a", "\"b\"", "\"a", "b, \"a\"", "\"b c\", \"a\"", "w/\"a\""] {
            assert!(!if_none_match(value, ETAG), "{value}");
        }
    }

    #[test]
    fn if_match_does_not_take_weak_tags() {
        for value in ["\"a\"", "*", "\"b\", \"a\""] {
            assert!(if_match(value, ETAG), "{value}");
        }
        for value in ["W/\"a\"", "a", "\"b\"", ""] {
            assert!(!if_match(value, ETAG), "{value}");
        }
    }

    #[test]
    fn if_range_takes_one_strong_tag() {
        for value in ["\"a\"", " \"a\" ", ""] {
            assert!(if_range(value, ETAG), "{value}");
        }
        for value in ["W/\"a\"", "a", "\"b\"", "*", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert!(!if_range(value, ETAG), "{value}");
        }
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_the_rfc() {
        let check = |fields: &[(HeaderName, &'static str)], expected: Precondition| {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            assert_eq!(evaluate_preconditions(&fields.collect(), ETAG), expected);
        };
        check(&[], Precondition::Proceed { use_range: true });
        check(&[(header::IF_MATCH, "\"b\"")], Precondition::Failed);
        check(&[(header::IF_MATCH, "b")], Precondition::Failed);
        check(
            &[(header::IF_MATCH, "\"b\""), (header::IF_NONE_MATCH, "*")],
            Precondition::Failed,
        );
        check(
            &[(header::IF_MATCH, "\"a\""), (header::IF_NONE_MATCH, "*")],
            Precondition::NotModified,
        );
        check(
            &[(header::IF_NONE_MATCH, "a")],
            Precondition::Proceed { use_range: true },
        );
        check(
            &[(header::IF_RANGE, "\"b\"")],
            Precondition::Proceed { use_range: false },
        );
        check(
            &[(header::IF_RANGE, "\"a\"")],
            Precondition::Proceed { use_range: true },
        );
    }

    #[test]
    fn manifests_also_take_the_bare_digest() {
        let digest = Digest::sha256(b"");
        let check = |value: String, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
            headers.append(header::IF_NONE_MATCH, HeaderValue::try_from(value).unwrap());
            assert_eq!(manifest_not_modified(&headers, &digest), expected);
        };
        check(digest.to_string(), true);
        check(format!("\"{digest}\""), true);
        check(format!("W/\"{digest}\""), true);
        check(Digest::sha256(b"x").to_string(), false);
    }

    proptest! {
        #[test]
        fn arbitrary_fields_never_panic(value in "[W/\"a*, é]{0,16}|\\PC{0,16}") {
            if_match(&value, ETAG);
            if_none_match(&value, ETAG);
            if_range(&value, ETAG);
        }
    }
}
