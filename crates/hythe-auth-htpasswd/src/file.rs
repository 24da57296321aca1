use std::collections::HashMap;

/// The longest line that is read, as in distribution.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The least that a check of a name that does not exist costs: what `htpasswd -B` uses when it is not told.
const DEFAULT_COST: u32 = 5;

/// Salt and hash of a password that nobody knows; the cost is put in front.
const NOBODY: &str = "LbYtXZqVQmSTeFkMJDYLXuQ9u6FQ3HnTY6ZxnVnqKN4iAr1W2r0De";

/// The names of a file and what their passwords are compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Users {
    hashes: HashMap<String, Hash>,
    /// The highest cost of them.
    cost: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hash {
    Bcrypt(String),
    /// Of a kind that never matches.
    Other,
}

/// A line that is no `name:hash`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct LineError {
    line: usize,
    reason: &'static str,
}

impl Users {
    /// Reads the content of a file. Empty lines and those that begin with `#` are left out, and of several lines of
    /// one name the last counts.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, LineError> {
        let mut users = Self {
            hashes: HashMap::new(),
            cost: DEFAULT_COST,
        };
        for (line, bytes) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            let failed = |reason| LineError { line, reason };
            if bytes.len() > MAX_LINE_BYTES {
                return Err(failed("is longer than 64 KiB"));
            }
            let text = std::str::from_utf8(bytes).map_err(|_| failed("is not UTF-8"))?;
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (name, hash) = text.split_once(':').ok_or_else(|| failed("has no colon"))?;
            let hash = if let Some(cost) = cost(hash) {
                users.cost = users.cost.max(cost);
                Hash::Bcrypt(hash.to_owned())
            } else {
                tracing::warn!(
                    line,
                    user = name,
                    "the hash in this line of the htpasswd file is not bcrypt's, so it matches no password"
                );
                Hash::Other
            };
            users.hashes.insert(name.to_owned(), hash);
        }
        Ok(users)
    }

    /// The bcrypt hash of a user; `None`: no password is right.
    pub(crate) fn hash(&self, name: &str) -> Option<&str> {
        match self.hashes.get(name)? {
            Hash::Bcrypt(hash) => Some(hash),
            Hash::Other => None,
        }
    }

    /// A hash that no password has, and that takes as long to compare with as any of this file.
    pub(crate) fn nobody(&self) -> String {
        format!("$2b${:02}${NOBODY}", self.cost)
    }
}

/// The cost of a bcrypt hash; `None`: it is none.
fn cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|prefix| hash.strip_prefix(prefix))?;
    let (cost, rest) = rest.split_once('$')?;
    let is_whole = rest.len() == 53 && cost.len() == 2;
    let cost = cost.parse().ok().filter(|cost| (4..=31).contains(cost))?;
    is_whole.then_some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$LbYtXZqVQmSTeFkMJDYLXuQ9u6FQ3HnTY6ZxnVnqKN4iAr1W2r0De";
    const OTHER: &str = "$2b$11$LbYtXZqVQmSTeFkMJDYLXuQ9u6FQ3HnTY6ZxnVnqKN4iAr1W2r0De";

    #[test]
    fn lines_are_names_and_hashes() {
        let content = format!("# users\n\n  a:{HASH}  \r\nb:x\nb:{OTHER}\nc:{{SHA}}x\n:{HASH}");
        let users = Users::parse(content.as_bytes()).unwrap();
        assert_eq!(users.hash("a"), Some(HASH));
        assert_eq!(users.hash("b"), Some(OTHER));
        assert_eq!(users.hash("c"), None);
        assert_eq!(users.hash(""), Some(HASH));
        assert_eq!(users.hash("d"), None);
        assert!(users.nobody().starts_with("$2b$11$"), "{}", users.nobody());
    }

    #[test]
    fn the_hash_of_nobody_is_one_that_bcrypt_reads() {
        let users = Users::parse(b"").unwrap();
        assert!(!bcrypt::verify("", &users.nobody()).unwrap());
    }

    #[test]
    fn a_line_without_a_colon_is_named() {
        let error = Users::parse(b"a:b\n\nnonsense\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: has no colon");
        let error = Users::parse(b"a:b\n\xff:b").unwrap_err();
        assert_eq!(error.to_string(), "line 2: is not UTF-8");
        let error = Users::parse("a".repeat(70_000).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 1: is longer than 64 KiB");
    }

    #[test]
    fn other_hashes_match_nothing() {
        for hash in [
            "",
            "plain",
            "$apr1$abc$def",
            "$2y$4$x",
            "$2y$99$LbYtXZqVQmSTeFkMJDYLXuQ9u6FQ3HnTY6ZxnVnqKN4iAr1W2r0De",
            "$2x$04$LbYtXZqVQmSTeFkMJDYLXuQ9u6FQ3HnTY6ZxnVnqKN4iAr1W2r0De",
        ] {
            let users = Users::parse(format!("a:{hash}").as_bytes()).unwrap();
            assert_eq!(users.hash("a"), None, "{hash}");
        }
    }
}
