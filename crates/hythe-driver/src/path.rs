use std::fmt;
use std::sync::Arc;

/// The longest path accepted, in bytes, as Linux does (`PATH_MAX`). The registry's own are far below the 1024 that S3
/// allows.
const MAX_PATH_BYTES: usize = 4096;

/// A valid absolute path of the registry's storage, such as `/docker/registry/v2/blobs`.
///
/// One or more components, each preceded by `/`, of the characters `A-Z a-z 0-9 . _ -`; `.` and `..` are no
/// components. The root `/` is a path of no components. The grammar is that of distribution's storage drivers
/// without the two special components, so a path can never leave its root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverPath(Arc<str>);

/// A text that is no [`DriverPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid path {path:?}: {reason}")]
pub struct InvalidPath {
    path: String,
    reason: &'static str,
}

impl DriverPath {
    /// The root directory.
    pub fn root() -> Self {
        Self(Arc::from("/"))
    }

    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let invalid = |reason| InvalidPath {
            path: text.chars().take(256).collect(),
            reason,
        };
        if text == "/" {
            return Ok(Self::root());
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(invalid("longer than 4096 bytes"));
        }
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| invalid("must begin with a slash"))?;
        for component in rest.split('/') {
            check_component(component).map_err(invalid)?;
        }
        Ok(Self(Arc::from(text)))
    }

    /// The path of a child.
    pub fn join(&self, component: &str) -> Result<Self, InvalidPath> {
        check_component(component).map_err(|reason| InvalidPath {
            path: format!("{self}/{component}"),
            reason,
        })?;
        Ok(if self.is_root() {
            Self(Arc::from(format!("/{component}")))
        } else {
            Self(Arc::from(format!("{self}/{component}")))
        })
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('/')?;
        Some(if end == 0 {
            Self::root()
        } else {
            Self(Arc::from(&self.0[..end]))
        })
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// The part below `ancestor`, without a leading slash; `None` when this path is not below it.
    pub fn below(&self, ancestor: &Self) -> Option<&str> {
        if ancestor.is_root() {
            return if self.is_root() { None } else { Some(&self.0[1..]) };
        }
        self.0.strip_prefix(&*ancestor.0)?.strip_prefix('/')
    }

    /// The path as text, beginning with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_component(component: &str) -> Result<(), &'static str> {
    match component {
        "" => return Err("empty component"),
        "." | ".." => return Err("'.' and '..' are not allowed"),
        _ => {}
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if component.bytes().all(allowed) {
        Ok(())
    } else {
        Err("only letters, digits, '.', '_' and '-' are allowed")
    }
}

impl fmt::Display for DriverPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DriverPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::str::FromStr for DriverPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_paths_are_accepted() {
        for text in [
            "/",
            "/a",
            "/a.a",
            "/0-9/abcdefg",
            "/abc./abc",
            "/.abc",
            "/a--b",
            "/_.abc",
            "/Abc/Cba",
        ] {
            assert_eq!(DriverPath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn invalid_paths_are_refused() {
        for text in [
            "",
            "abc",
            "123.abc",
            "//bcd",
            "/abc_123/",
            "/a/../b",
            "/./a",
            "/a:b",
            "/a b",
            "/é",
            "/a\0",
        ] {
            assert!(DriverPath::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn parent_name_and_below_agree() {
        let path = DriverPath::parse("/a/b/c").unwrap();
        assert_eq!(path.name(), "c");
        assert_eq!(path.parent().unwrap().as_str(), "/a/b");
        assert_eq!(path.below(&DriverPath::parse("/a").unwrap()), Some("b/c"));
        assert_eq!(path.below(&DriverPath::root()), Some("a/b/c"));
        assert_eq!(path.below(&DriverPath::parse("/a/b/cc").unwrap()), None);
        assert_eq!(
            DriverPath::parse("/ab")
                .unwrap()
                .below(&DriverPath::parse("/a").unwrap()),
            None
        );
        assert_eq!(
            DriverPath::parse("/a").unwrap().parent(),
            Some(DriverPath::root())
        );
        assert_eq!(DriverPath::root().parent(), None);
    }
}
