use std::fmt;
use std::str::FromStr;

use crate::{DigestError, Digester};

/// A hash algorithm that content can be addressed by.
///
/// These are the algorithms that distribution v3 accepts; `sha256` and `sha512` are the registered ones of
/// the OCI image specification, `sha384` comes from go-digest. The order is that of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, the algorithm of nearly all content.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The algorithm that content gets when nobody asked for another one.
    pub const CANONICAL: Algorithm = Algorithm::Sha256;

    /// All algorithms, in the order of their names.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

    /// The name as it stands before the colon of a digest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// Length of a hash in bytes.
    pub const fn digest_length(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// Length of a hash in hexadecimal digits.
    pub const fn hex_length(self) -> usize {
        self.digest_length() * 2
    }

    /// A fresh [`Digester`] for this algorithm.
    pub fn digester(self) -> Digester {
        Digester::new(self)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(name: &str) -> Result<Algorithm, DigestError> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or(DigestError::UnsupportedAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        for unknown in ["", "md5", "SHA256", "sha256 ", "sha-256"] {
            assert_eq!(
                unknown.parse::<Algorithm>(),
                Err(DigestError::UnsupportedAlgorithm),
                "{unknown:?}"
            );
        }
    }

    #[test]
    fn order_is_that_of_the_names() {
        assert!(Algorithm::ALL.is_sorted());
        assert!(Algorithm::ALL.is_sorted_by_key(|algorithm| algorithm.as_str()));
    }
}
