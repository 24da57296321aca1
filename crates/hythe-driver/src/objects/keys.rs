use crate::DriverPath;

/// Where in a bucket the driver's root is: what every key begins with.
///
/// The keys are those of distribution v3, so that its buckets are used as they are: the root directory without
/// slashes at its end, then the path, without slashes at the beginning of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRoot {
    /// Empty, or ending in a slash.
    prefix: String,
}

impl KeyRoot {
    /// The root at a directory (`rootdirectory`); empty or `/` is the bucket itself.
    pub fn new(root_directory: &str) -> Self {
        let prefix = format!("{}/", root_directory.trim_end_matches('/'));
        Self {
            prefix: prefix.trim_start_matches('/').to_owned(),
        }
    }

    /// The key of a file.
    pub fn key(&self, path: &DriverPath) -> String {
        format!("{}{}", self.prefix, path.as_str().trim_start_matches('/'))
    }

    /// What the keys below a directory begin with: nothing, or something that ends in a slash.
    pub fn directory(&self, path: &DriverPath) -> String {
        if path.is_root() {
            self.prefix.clone()
        } else {
            format!("{}/", self.key(path))
        }
    }

    /// The path of a key; `None` for one elsewhere, and for one that no path has, such as `a/` or `a//b`.
    pub fn path(&self, key: &str) -> Option<DriverPath> {
        let below = key.strip_prefix(&self.prefix)?;
        DriverPath::parse(&format!("/{below}"))
            .ok()
            .filter(|path| !path.is_root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_distribution() {
        let check = |root: &str, at: &str, key: &str, directory: &str| {
            let (keys, at) = (KeyRoot::new(root), DriverPath::parse(at).unwrap());
            assert_eq!(keys.directory(&at), directory, "{root:?} {at}");
            if !at.is_root() {
                assert_eq!(keys.key(&at), key, "{root:?} {at}");
                assert_eq!(keys.path(key), Some(at));
            }
        };
        for root in ["", "/", "//"] {
            check(root, "/", "", "");
            check(root, "/a/b", "a/b", "a/b/");
        }
        for root in ["r", "/r", "r/", "/r/", "//r//"] {
            check(root, "/", "", "r/");
            check(root, "/a", "r/a", "r/a/");
        }
        check("/r/s", "/a", "r/s/a", "r/s/a/");
        check("r//s/", "/a", "r//s/a", "r//s/a/");
    }

    #[test]
    fn keys_that_no_path_has_are_none() {
        let keys = KeyRoot::new("r");
        for key in [
            "", "r", "r/", "a", "rr/a", "r/a/", "r//a", "r/a//b", "r/./a", "r/ü", "r/a b",
        ] {
            assert_eq!(keys.path(key), None, "{key:?}");
        }
    }
}
