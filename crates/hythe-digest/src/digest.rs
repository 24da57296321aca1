use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use thiserror::Error;

use crate::Algorithm;

/// The name of content: the algorithm and the hash of its bytes.
///
/// Its text form is `<algorithm>:<lower-case hexadecimal digits>` ([OCI image specification,
/// Digests][spec]); equality and order are those of the text.
///
/// [spec]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// The hash, followed by zeros up to the longest one.
    bytes: [u8; MAX_DIGEST_LENGTH],
}

/// Why a text is not a [`Digest`].
///
/// The messages are those of go-digest; clients of a registry see them in error documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum DigestError {
    /// Not of the form `algorithm:encoded`, or the encoded part has characters other than `0-9` and `a-f`.
    #[error("invalid checksum digest format")]
    Format,
    /// Well-formed, but of an algorithm that is not one of [`Algorithm::ALL`].
    #[error("unsupported digest algorithm")]
    UnsupportedAlgorithm,
    /// The encoded part does not have the length of the algorithm's hash.
    #[error("invalid checksum digest length")]
    Length,
}

/// The digest of no bytes at all, by sha256.
pub const EMPTY_SHA256: Digest = Digest {
    algorithm: Algorithm::Sha256,
    bytes: padded([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]),
};

const MAX_DIGEST_LENGTH: usize = 64;
const MAX_HEX_LENGTH: usize = 2 * MAX_DIGEST_LENGTH;
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Digest {
    /// Reads `algorithm:hex`.
    ///
    /// The checks and their order are those of go-digest, so that a client gets the same message from
    /// distribution: first the separator, then the algorithm, then the length, then the digits.
    pub fn parse(text: &str) -> Result<Digest, DigestError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(DigestError::Format)?;
        if algorithm.is_empty() || encoded.is_empty() {
            return Err(DigestError::Format);
        }
        match algorithm.parse() {
            Ok(algorithm) => decode(algorithm, encoded),
            Err(unsupported) if is_well_formed(algorithm, encoded) => Err(unsupported),
            Err(_) => Err(DigestError::Format),
        }
    }

    /// The digest of `content` by `algorithm`, in one call.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Digest {
        let mut digester = algorithm.digester();
        digester.update(content);
        digester.finish()
    }

    /// The digest of `content` by sha256, in one call.
    pub fn sha256(content: &[u8]) -> Digest {
        Digest::of(Algorithm::Sha256, content)
    }

    /// The digest whose hash somebody else computed.
    ///
    /// Fails with [`DigestError::Length`] when `hash` is not [`Algorithm::digest_length`] bytes long.
    pub fn from_bytes(algorithm: Algorithm, hash: &[u8]) -> Result<Digest, DigestError> {
        if hash.len() != algorithm.digest_length() {
            return Err(DigestError::Length);
        }
        let mut bytes = [0; MAX_DIGEST_LENGTH];
        bytes[..hash.len()].copy_from_slice(hash);
        Ok(Digest { algorithm, bytes })
    }

    /// The algorithm: what stands before the colon.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash itself, [`Algorithm::digest_length`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.digest_length()]
    }

    /// The encoded part: what stands after the colon, in lower case.
    pub fn hex(&self) -> String {
        self.write_hex(&mut [0; MAX_HEX_LENGTH]).to_owned()
    }

    fn write_hex<'a>(&self, buffer: &'a mut [u8; MAX_HEX_LENGTH]) -> &'a str {
        for (pair, byte) in buffer.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair[0] = HEX_DIGITS[usize::from(byte >> 4)];
            pair[1] = HEX_DIGITS[usize::from(byte & 15)];
        }
        std::str::from_utf8(&buffer[..self.algorithm.hex_length()]).expect("hexadecimal digits are ASCII")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.as_str())?;
        f.write_str(":")?;
        f.write_str(self.write_hex(&mut [0; MAX_HEX_LENGTH]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        Digest::parse(text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        struct DigestVisitor;

        impl Visitor<'_> for DigestVisitor {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a digest such as sha256:…")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
                Digest::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(DigestVisitor)
    }
}

fn decode(algorithm: Algorithm, encoded: &str) -> Result<Digest, DigestError> {
    if encoded.len() != algorithm.hex_length() {
        return Err(DigestError::Length);
    }
    let mut bytes = [0; MAX_DIGEST_LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(encoded.as_bytes().chunks_exact(2)) {
        *byte = (nibble(pair[0])? << 4) | nibble(pair[1])?;
    }
    Ok(Digest { algorithm, bytes })
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::Format),
    }
}

/// Whether both parts follow the grammar that the image specification gives to digests of any algorithm:
/// `[a-z0-9]+(?:[.+_-][a-z0-9]+)*` and `[a-zA-Z0-9=_-]+`.
fn is_well_formed(algorithm: &str, encoded: &str) -> bool {
    let lower_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let components_match = algorithm
        .split(['.', '+', '_', '-'])
        .all(|component| !component.is_empty() && component.chars().all(lower_alphanumeric));
    components_match
        && encoded
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'=' | b'_' | b'-'))
}

const fn padded(hash: [u8; 32]) -> [u8; MAX_DIGEST_LENGTH] {
    let mut bytes = [0; MAX_DIGEST_LENGTH];
    let mut index = 0;
    while index < hash.len() {
        bytes[index] = hash[index];
        index += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA256_EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const SHA384_EMPTY: &str = concat!(
        "sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da",
        "274edebfe76f65fbd51ad2f14898b95b"
    );
    const SHA512_EMPTY: &str = concat!(
        "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce",
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    );

    #[track_caller]
    fn check_error(text: &str, expected: DigestError) {
        assert_eq!(Digest::parse(text), Err(expected), "{text:?}");
    }

    #[test]
    fn digests_read_back_as_written() {
        for text in [SHA256_EMPTY, SHA384_EMPTY, SHA512_EMPTY] {
            let digest = Digest::parse(text).unwrap();
            assert_eq!(digest.to_string(), text);
            assert_eq!(format!("{digest:?}"), text);
            assert_eq!(format!("{}:{}", digest.algorithm(), digest.hex()), text);
            assert_eq!(digest, Digest::of(digest.algorithm(), b""));
            assert_eq!(
                Digest::from_bytes(digest.algorithm(), digest.as_bytes()),
                Ok(digest)
            );
        }
        assert_eq!(EMPTY_SHA256.to_string(), SHA256_EMPTY);
    }

    #[test]
    fn text_that_is_no_digest_is_a_format_error() {
        let upper_case = SHA256_EMPTY.replace('e', "E");
        let not_hexadecimal = SHA256_EMPTY.replace('e', "g");
        let not_ascii = format!("sha256:{}", "é".repeat(32));
        for text in [
            "", ":", "sha256", "sha256:", ":abc", "md5!:abc", "Md5:abc", "md5:a/b", "md5+:abc",
        ] {
            check_error(text, DigestError::Format);
        }
        for text in [upper_case, not_hexadecimal, not_ascii] {
            check_error(&text, DigestError::Format);
        }
    }

    #[test]
    fn unknown_algorithms_are_unsupported() {
        for text in [
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g",
        ] {
            check_error(text, DigestError::UnsupportedAlgorithm);
        }
    }

    #[test]
    fn wrong_length_is_told_before_wrong_digits() {
        check_error("sha256:abc", DigestError::Length);
        check_error("sha256:baddigeststring", DigestError::Length);
        check_error(&format!("{SHA256_EMPTY}0"), DigestError::Length);
        check_error(&SHA256_EMPTY.replace("sha256", "sha512"), DigestError::Length);
        assert_eq!(
            Digest::from_bytes(Algorithm::Sha256, &[0; 31]),
            Err(DigestError::Length)
        );
    }

    #[test]
    fn messages_are_those_of_the_original() {
        assert_eq!(DigestError::Format.to_string(), "invalid checksum digest format");
        assert_eq!(
            DigestError::UnsupportedAlgorithm.to_string(),
            "unsupported digest algorithm"
        );
        assert_eq!(DigestError::Length.to_string(), "invalid checksum digest length");
    }

    #[test]
    fn json_is_the_text() {
        let json = format!("\"{SHA512_EMPTY}\"");
        let digest: Digest = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&digest).unwrap(), json);
        assert!(serde_json::from_str::<Digest>("\"sha256:abc\"").is_err());
        assert!(serde_json::from_str::<Digest>("7").is_err());
    }

    fn any_digest() -> impl Strategy<Value = Digest> {
        (0..3_usize, prop::collection::vec(any::<u8>(), 64)).prop_map(|(index, bytes)| {
            let algorithm = Algorithm::ALL[index];
            Digest::from_bytes(algorithm, &bytes[..algorithm.digest_length()]).unwrap()
        })
    }

    proptest! {
        #[test]
        fn parse_inverts_display(digest in any_digest()) {
            prop_assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        }

        #[test]
        fn order_is_that_of_the_text(a in any_digest(), b in any_digest()) {
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn any_text_gives_a_digest_that_displays_it_or_an_error(text in "(sha256|sha512|[a-z+.]{0,8}):?\\PC{0,140}") {
            if let Ok(digest) = Digest::parse(&text) {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
