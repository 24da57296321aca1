//! Digests as the text that goes into URLs and descriptors (OCI image specification, descriptor, digests).

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

/// The algorithms that registries must (sha256) or may (sha512) accept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Algorithm {
    /// `sha256:` and 64 hexadecimal digits.
    Sha256,
    /// `sha512:` and 128 hexadecimal digits.
    Sha512,
}

impl Algorithm {
    /// The part before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The digest of `content` under this algorithm.
    pub fn digest(self, content: &[u8]) -> String {
        match self {
            Self::Sha256 => sha256(content),
            Self::Sha512 => sha512(content),
        }
    }
}

/// The sha256 digest of `content`.
pub fn sha256(content: &[u8]) -> String {
    text("sha256:", &Sha256::digest(content))
}

/// The sha512 digest of `content`.
pub fn sha512(content: &[u8]) -> String {
    text("sha512:", &Sha512::digest(content))
}

fn text(prefix: &str, hash: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * hash.len());
    text.push_str(prefix);
    for byte in hash {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_content_has_its_well_known_digests() {
        assert_eq!(
            sha256(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            Algorithm::Sha512.digest(b""),
            "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
             47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        );
    }
}
