use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::error::CloudFrontError;

/// Signs addresses with a canned policy.
pub struct Signer {
    key: RsaKeyPair,
    key_pair_id: String,
    random: SystemRandom,
}

impl Signer {
    /// A signer with an RSA key in PEM, of PKCS#1 or PKCS#8, that CloudFront knows as `key_pair_id`.
    pub fn new(pem: &[u8], key_pair_id: impl Into<String>) -> Result<Self, CloudFrontError> {
        let unusable = |reason: String| CloudFrontError::option("privatekey", reason);
        let key = match PrivateKeyDer::from_pem_slice(pem) {
            Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(unusable("the file holds no RSA private key in PEM".to_owned())),
        };
        Ok(Self {
            key: key.map_err(|reason| {
                unusable(format!(
                    "the file holds no RSA key of 2048 to 4096 bits: {reason}"
                ))
            })?,
            key_pair_id: key_pair_id.into(),
            random: SystemRandom::new(),
        })
    }

    /// `url`, which has no query, to be fetched until `expires`. It takes about a millisecond of a processor.
    pub fn sign(&self, url: &str, expires: SystemTime) -> Result<String, CloudFrontError> {
        let expires = expires
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO)
            .as_secs();
        let policy = canned_policy(url, expires);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &self.random, policy.as_bytes(), &mut signature)
            .map_err(|_unspecified| CloudFrontError::Sign)?;
        let signature = for_query(&STANDARD.encode(signature));
        let id = &self.key_pair_id;
        Ok(format!(
            "{url}?Expires={expires}&Signature={signature}&Key-Pair-Id={id}&Hash-Algorithm=SHA256"
        ))
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key_pair_id", &self.key_pair_id)
            .finish_non_exhaustive()
    }
}

/// What is signed: CloudFront puts it together again from the address, so every byte of it is fixed ([source][doc]).
///
/// [doc]: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
fn canned_policy(url: &str, expires: u64) -> String {
    format!(
        r#"{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}"#
    )
}

/// CloudFront's own replacements for what base64 and a query do not have in common.
fn for_query(base64: &str) -> String {
    base64.replace('+', "-").replace('=', "_").replace('/', "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PKCS1: &[u8] = include_bytes!("../tests/cloudfront/keys/rsa-2048-pkcs1.pem");
    const PKCS8: &[u8] = include_bytes!("../tests/cloudfront/keys/rsa-2048-pkcs8.pem");
    const SHORT: &[u8] = include_bytes!("../tests/cloudfront/keys/rsa-1024-pkcs1.pem");

    /// Made by OpenSSL from the same key and the same policy, with the characters replaced by `tr`.
    #[test]
    fn signatures_are_those_of_openssl() {
        const URL: &str = "https://d111.cloudfront.net/docker/registry/v2/blobs/sha256/ab/abcd/data";
        const SIGNATURE: &str = "yGo7LzgUtWslRUbzrhvJJC247ejxukTKpS-P-SQHlmPnhsQJRodiB3GaDjPFMzjAZtNPR1VDP51VaVpX\
            r3VUzauGpqhs9HacguczmkAzxLdkaeMm1aKLQH62gNJSUJoXGpFlnM66EqvWdngFTdDbh4HqfpkfJ2H~gXXFl6NC0Q2IB36QB3BuQTLo\
            15bq1kGbgO4qt1W1g-orS7-3c-5QyeAjfpCD81qcg9QK47lksnfSs9NDTrO7Hs-y6a4q-f7utGIIHsKYVYZFqsZO3SCRab4qiCtEIxYh\
            c~x~ysbRT9MYXCxoq1Ds-S3RZ3b7asOwFBfPtFYOgd1Vb2moL6EJCQ__";
        let expires = UNIX_EPOCH + Duration::from_secs(1_767_290_400);
        let expected = format!(
            "{URL}?Expires=1767290400&Signature={SIGNATURE}&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256"
        );
        for pem in [PKCS1, PKCS8] {
            let signer = Signer::new(pem, "K2JCJMDEHXQW5F").unwrap();
            assert_eq!(signer.sign(URL, expires).unwrap(), expected);
        }
    }

    #[test]
    fn keys_that_cannot_sign_are_refused() {
        let check = |pem: &[u8], expected: &str| {
            let error = Signer::new(pem, "K").unwrap_err().to_string();
            assert!(
                error.starts_with("option privatekey: the file holds no RSA "),
                "{error}"
            );
            assert!(error.contains(expected), "{error}");
        };
        check(b"", "private key in PEM");
        check(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "private key in PEM",
        );
        check(
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "2048 to 4096 bits",
        );
        check(SHORT, "2048 to 4096 bits: TooSmall");
    }

    #[test]
    fn the_key_is_not_shown() {
        let shown = format!("{:?}", Signer::new(PKCS1, "K1").unwrap());
        assert_eq!(shown, "Signer { key_pair_id: \"K1\", .. }");
    }
}
