use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hythe_digest::Digest;
use thiserror::Error;

/// The longest tag, in bytes.
pub const MAX_TAG_BYTES: usize = 128;

/// A movable name for a manifest in a repository, for example `latest`.
///
/// Letters, digits and `_`, and behind the first character also `.` and `-`. Clones share one allocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// Why a text is not a [`Tag`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TagError {
    /// There is nothing.
    #[error("tag is empty")]
    Empty,
    /// More than [`MAX_TAG_BYTES`].
    #[error("tag has {length} bytes, at most {MAX_TAG_BYTES} are allowed")]
    TooLong {
        /// The length of the text, in bytes.
        length: usize,
    },
    /// A `.` or `-` in front.
    #[error("tag begins with {0:?}, only letters, digits and '_' are allowed there")]
    FirstCharacter(char),
    /// A character that no tag can have.
    #[error("tag has {0:?}, only letters, digits, '_', '.' and '-' are allowed")]
    Character(char),
}

impl Tag {
    /// Reads a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    pub fn parse(text: &str) -> Result<Tag, TagError> {
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        if text.len() > MAX_TAG_BYTES {
            return Err(TagError::TooLong { length: text.len() });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if let Some(character) = text.chars().find(|&c| !allowed(c)) {
            return Err(TagError::Character(character));
        }
        match text.chars().next() {
            Some(character @ ('.' | '-')) => Err(TagError::FirstCharacter(character)),
            _ => Ok(Tag(text.into())),
        }
    }

    /// The tag under which clients keep the list of referrers of `subject` in registries that have no
    /// referrers API ([OCI distribution specification, Referrers Tag Schema][spec]).
    ///
    /// It is the digest with a `-` for the `:`, the encoded part cut to 64 characters.
    ///
    /// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    pub fn of_referrers(subject: &Digest) -> Tag {
        let mut encoded = subject.hex();
        encoded.truncate(64);
        Tag(format!("{}-{encoded}", subject.algorithm()).into())
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Tag, TagError> {
        Tag::parse(text)
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use hythe_digest::Algorithm;
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn tags_read_back_as_written() {
        let longest = "a".repeat(MAX_TAG_BYTES);
        for text in [
            "latest", "v1.0", "_", "__a", "A-b.C_d", "1", "a..b", "a--", &longest,
        ] {
            assert_eq!(Tag::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, expected: TagError| assert_eq!(Tag::parse(text), Err(expected));
        check("", TagError::Empty);
        check(&"a".repeat(129), TagError::TooLong { length: 129 });
        check(".a", TagError::FirstCharacter('.'));
        check("-a", TagError::FirstCharacter('-'));
        check("..", TagError::FirstCharacter('.'));
        for (text, character) in [
            ("a/b", '/'),
            ("a:b", ':'),
            ("a b", ' '),
            ("é", 'é'),
            ("a\0", '\0'),
            ("a+b", '+'),
        ] {
            check(text, TagError::Character(character));
        }
    }

    #[test]
    fn referrers_tags_fit_into_a_tag() {
        let sha256 = Digest::sha256(b"");
        assert_eq!(
            Tag::of_referrers(&sha256).as_str(),
            format!("sha256-{}", sha256.hex())
        );
        let sha512 = Digest::of(Algorithm::Sha512, b"");
        assert_eq!(
            Tag::of_referrers(&sha512).as_str(),
            format!("sha512-{}", &sha512.hex()[..64])
        );
        for tag in [Tag::of_referrers(&sha256), Tag::of_referrers(&sha512)] {
            assert_eq!(Tag::parse(tag.as_str()), Ok(tag));
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_specification(text in "[aA0._/:-]{0,8}|[a-z]{120,136}|\\PC{0,8}") {
            let specification = Regex::new(r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$").unwrap();
            prop_assert_eq!(Tag::parse(&text).is_ok(), specification.is_match(&text));
        }
    }
}
