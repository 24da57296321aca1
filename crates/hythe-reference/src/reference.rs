use std::fmt;
use std::str::FromStr;

use hythe_digest::{Digest, DigestError};
use thiserror::Error;

use crate::{Tag, TagError};

/// How a manifest is asked for: by a tag or by its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A name that may move to another manifest.
    Tag(Tag),
    /// The manifest itself.
    Digest(Digest),
}

/// Why a text is not a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// It has no colon, and is not a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// It has a colon, and is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Reference {
    /// Reads a reference. No tag has a colon and every digest does, so the colon decides which error a
    /// malformed one is.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        if text.contains(':') {
            Ok(Reference::Digest(Digest::parse(text)?))
        } else {
            Ok(Reference::Tag(Tag::parse(text)?))
        }
    }

    /// The tag, if it is one.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        }
    }

    /// The digest, if it is one.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Reference::Tag(_) => None,
            Reference::Digest(digest) => Some(*digest),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        Reference::parse(text)
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Reference {
        Reference::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Reference {
        Reference::Digest(digest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_colon_decides() {
        let digest = Digest::sha256(b"");
        assert_eq!(
            Reference::parse(&digest.to_string()),
            Ok(Reference::Digest(digest))
        );
        assert_eq!(
            Reference::parse("latest").unwrap().tag().unwrap().as_str(),
            "latest"
        );

        let check = |text: &str, expected: ReferenceError| assert_eq!(Reference::parse(text), Err(expected));
        check("", ReferenceError::Tag(TagError::Empty));
        check(".a", ReferenceError::Tag(TagError::FirstCharacter('.')));
        check(":", ReferenceError::Digest(DigestError::Format));
        check("sha256:abc", ReferenceError::Digest(DigestError::Length));
        check(
            "md5:abc",
            ReferenceError::Digest(DigestError::UnsupportedAlgorithm),
        );
    }

    proptest! {
        #[test]
        fn any_text_gives_a_reference_that_displays_it_or_an_error(text in "[a-z0-9:._-]{0,80}|\\PC{0,16}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
