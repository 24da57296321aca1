use thiserror::Error;

use crate::{Digest, Digester};

/// Checks while bytes stream by whether they are the content that a [`Digest`] names.
#[derive(Clone, Debug)]
pub struct Verifier {
    expected: Digest,
    digester: Digester,
}

/// The content is not what the digest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("content does not match digest {expected}, its digest is {actual}")]
pub struct Mismatch {
    /// What the content was claimed to be.
    pub expected: Digest,
    /// What it is, by the same algorithm.
    pub actual: Digest,
}

impl Verifier {
    /// A verifier that has seen nothing yet.
    pub fn new(expected: Digest) -> Verifier {
        Verifier {
            expected,
            digester: expected.algorithm().digester(),
        }
    }

    /// The digest that the content is compared with.
    pub fn expected(&self) -> Digest {
        self.expected
    }

    /// Hashes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.digester.update(bytes);
    }

    /// How many bytes were seen so far.
    pub fn hashed_bytes(&self) -> u64 {
        self.digester.hashed_bytes()
    }

    /// Whether the bytes seen so far are the whole content.
    pub fn verified(&self) -> bool {
        self.digester.digest() == self.expected
    }

    /// Ends the content: fails with both digests if it was not the expected one.
    pub fn verify(self) -> Result<(), Box<Mismatch>> {
        let actual = self.digester.finish();
        if actual == self.expected {
            Ok(())
        } else {
            Err(Box::new(Mismatch {
                expected: self.expected,
                actual,
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn only_the_whole_content_verifies() {
        for algorithm in Algorithm::ALL {
            let expected = Digest::of(algorithm, b"content");
            let mut verifier = Verifier::new(expected);
            verifier.update(b"cont");
            assert!(!verifier.verified());
            let half = verifier.clone().verify();
            assert_eq!(
                half,
                Err(Box::new(Mismatch {
                    expected,
                    actual: Digest::of(algorithm, b"cont")
                }))
            );

            verifier.update(b"ent");
            assert_eq!(verifier.hashed_bytes(), 7);
            assert!(verifier.verified());
            assert_eq!(verifier.verify(), Ok(()));
        }
    }
}
