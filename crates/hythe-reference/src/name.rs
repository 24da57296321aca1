use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The longest name of a repository, in bytes.
///
/// The specification warns that many clients limit host and name together to 255 characters; distribution
/// v3 refuses longer names.
pub const MAX_NAME_BYTES: usize = 255;

/// The name of a repository, for example `library/ubuntu`.
///
/// Components are joined by `/`; each one is lower-case letters and digits, joined by `.`, `_`, `__` or any
/// number of dashes. Clones share one allocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

/// Why a text is not a [`RepositoryName`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// There is nothing.
    #[error("repository name is empty")]
    Empty,
    /// More than [`MAX_NAME_BYTES`].
    #[error("repository name has {length} bytes, at most {MAX_NAME_BYTES} are allowed")]
    TooLong {
        /// The length of the text, in bytes.
        length: usize,
    },
    /// Two slashes in a row, or one at either end.
    #[error("repository name has an empty component")]
    EmptyComponent,
    /// A character that no component can have.
    #[error("repository name has {0:?}, only a-z, 0-9, '.', '_', '-' and '/' are allowed")]
    Character(char),
    /// A component that begins or ends with a separator, or has separators in a row that are none together.
    #[error(
        "component {0:?} of the repository name is not letters and digits joined by '.', '_', '__' or dashes"
    )]
    Separator(String),
}

impl RepositoryName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<RepositoryName, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong { length: text.len() });
        }
        text.split('/').try_for_each(check_component)?;
        Ok(RepositoryName(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes, at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split('/')
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<RepositoryName, NameError> {
        RepositoryName::parse(text)
    }
}

impl AsRef<str> for RepositoryName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RepositoryName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn check_component(component: &str) -> Result<(), NameError> {
    if component.is_empty() {
        return Err(NameError::EmptyComponent);
    }
    let allowed = |c: char| is_alphanumeric(c) || matches!(c, '.' | '_' | '-');
    if let Some(character) = component.chars().find(|&c| !allowed(c)) {
        return Err(NameError::Character(character));
    }

    let begins_and_ends_well = component.starts_with(is_alphanumeric) && component.ends_with(is_alphanumeric);
    let mut separators = component
        .split(is_alphanumeric)
        .filter(|separator| !separator.is_empty());
    if begins_and_ends_well && separators.all(is_separator) {
        Ok(())
    } else {
        Err(NameError::Separator(component.to_owned()))
    }
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_separator(text: &str) -> bool {
    matches!(text, "." | "_" | "__") || text.bytes().all(|c| c == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn names_read_back_as_written() {
        let longest = "a".repeat(MAX_NAME_BYTES);
        for text in [
            "a",
            "0",
            "library/ubuntu",
            "a.b/c_d/e__f/g-h/i---j",
            "a/tags/list",
            "a1.2-3_4",
            &longest,
        ] {
            let name = RepositoryName::parse(text).unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(name.components().collect::<Vec<_>>().join("/"), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let separator = |component: &str| NameError::Separator(component.to_owned());
        let check = |text: &str, expected: NameError| assert_eq!(RepositoryName::parse(text), Err(expected));

        check("", NameError::Empty);
        check(&"a".repeat(256), NameError::TooLong { length: 256 });
        for text in ["/", "/a", "a/", "a//b"] {
            check(text, NameError::EmptyComponent);
        }
        for (text, character) in [
            ("A", 'A'),
            ("a/bC", 'C'),
            ("a:b", ':'),
            ("a b", ' '),
            ("é", 'é'),
            ("a\0", '\0'),
            ("a\\b", '\\'),
        ] {
            check(text, NameError::Character(character));
        }
        for component in [
            ".", "..", "_", "-", ".a", "a.", "a..b", "a___b", "a._b", "a-_b", "_a", "a-", "a.-b",
        ] {
            check(component, separator(component));
            check(&format!("x/{component}"), separator(component));
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_specification(text in "[a-b0A._/-]{0,12}|\\PC{0,8}") {
            let specification =
                Regex::new(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$").unwrap();
            prop_assert_eq!(RepositoryName::parse(&text).is_ok(), specification.is_match(&text));
        }
    }
}
