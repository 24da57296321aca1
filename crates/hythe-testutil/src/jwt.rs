//! Keys that sign tokens (JSON Web Signature, RFC 7515), and tokens put together by hand, right ones and forged ones.
//!
//! The signatures come from `ring`, which the registry does not use for tokens, so that both agree only if both follow
//! the RFCs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::error::Error;

/// Every algorithm that a key here can sign with (RFC 7518, section 3.1, and RFC 8037).
pub const ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// Made for tests; `ring` makes no RSA keys.
const RSA: &str = include_str!("data/rsa-2048.pem");

/// A private key, and the name that its public half goes by.
pub struct SigningKey {
    id: String,
    pair: Pair,
    random: SystemRandom,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(&'static Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

struct Curve {
    name: &'static str,
    algorithm: &'static str,
    signing: &'static EcdsaSigningAlgorithm,
}

static P256: Curve = Curve {
    name: "P-256",
    algorithm: "ES256",
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
};
static P384: Curve = Curve {
    name: "P-384",
    algorithm: "ES384",
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
};

impl SigningKey {
    /// A new key for this algorithm; for those of RSA always the same one.
    pub fn new(algorithm: &str, id: &str) -> Result<Self, Error> {
        let random = SystemRandom::new();
        let document = match algorithm {
            "ES256" => EcdsaKeyPair::generate_pkcs8(P256.signing, &random),
            "ES384" => EcdsaKeyPair::generate_pkcs8(P384.signing, &random),
            "EdDSA" => Ed25519KeyPair::generate_pkcs8(&random),
            _ => {
                let key = PrivatePkcs8KeyDer::from_pem_slice(RSA.as_bytes());
                let key = key.map_err(|error| unusable(&error))?;
                return Self::from_pkcs8(algorithm, id, key.secret_pkcs8_der());
            }
        };
        Self::from_pkcs8(
            algorithm,
            id,
            document.map_err(|error| unusable(&error))?.as_ref(),
        )
    }

    /// A key for this algorithm that somebody else made, in PKCS #8.
    pub fn from_pkcs8(algorithm: &str, id: &str, document: &[u8]) -> Result<Self, Error> {
        let random = SystemRandom::new();
        let ec = |curve: &'static Curve| {
            EcdsaKeyPair::from_pkcs8(curve.signing, document, &random).map(|pair| Pair::Ec(curve, pair))
        };
        let pair = match algorithm {
            "ES256" => ec(&P256),
            "ES384" => ec(&P384),
            "EdDSA" => Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map(Pair::Ed25519),
            _ if encoding(algorithm).is_some() => RsaKeyPair::from_pkcs8(document).map(Pair::Rsa),
            _ => return Err(unusable(&format!("there is no algorithm {algorithm}"))),
        };
        Ok(Self {
            id: id.to_owned(),
            pair: pair.map_err(|error| unusable(&error))?,
            random,
        })
    }

    /// The public key as a JWK (RFC 7517), with its id.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e) })
            }
            Pair::Ec(curve, pair) => {
                // Uncompressed: 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({ "kty": "EC", "crv": curve.name, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(self.id);
        jwk
    }

    /// The header of a token that is signed with this key, which it names.
    pub fn header(&self, algorithm: &str) -> Value {
        json!({ "alg": algorithm, "typ": "JWT", "kid": self.id })
    }

    /// A token: the algorithm is the one its header names, and has to be one of this kind of key.
    pub fn token(&self, header: &Value, claims: &Value) -> Result<String, Error> {
        let algorithm = header["alg"].as_str().unwrap_or_default();
        let signed = signed_part(header, claims);
        let signature = self.sign(algorithm, signed.as_bytes())?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding = encoding(algorithm)
                    .ok_or_else(|| unusable(&format!("no RSA key signs with {algorithm}")))?;
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &self.random, message, &mut signature)
                    .map_err(|error| unusable(&error))?;
                Ok(signature)
            }
            Pair::Ec(curve, pair) if curve.algorithm == algorithm => {
                let signature = pair.sign(&self.random, message);
                Ok(signature.map_err(|error| unusable(&error))?.as_ref().to_vec())
            }
            Pair::Ed25519(pair) if algorithm == "EdDSA" => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Ec(..) | Pair::Ed25519(_) => {
                Err(unusable(&format!("this key does not sign with {algorithm}")))
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Header and claims with a dot between them: what a signature is made over.
pub fn signed_part(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

/// A token that nobody signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.", signed_part(header, claims))
}

/// A token signed with a shared secret (HS256): no registry should take one.
pub fn with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = signed_part(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let tag = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", encode(tag.as_ref()))
}

fn encoding(algorithm: &str) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_SHA256,
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        _ => return None,
    })
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unusable(reason: &(impl ToString + ?Sized)) -> Error {
    Error::Unexpected {
        request: "signing a token".to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_algorithm_sign() {
        for algorithm in ALGORITHMS {
            let key = SigningKey::new(algorithm, "id").unwrap();
            let token = key.token(&key.header(algorithm), &json!({})).unwrap();
            assert_eq!(token.split('.').count(), 3, "{algorithm}");
            assert_eq!(key.jwk()["kid"], "id");
        }
        let key = SigningKey::new("ES256", "id").unwrap();
        key.token(&key.header("ES384"), &json!({})).unwrap_err();
        SigningKey::new("HS256", "id").unwrap_err();
    }

    #[test]
    fn coordinates_have_the_length_of_their_curve() {
        for (algorithm, length) in [("ES256", 43), ("ES384", 64)] {
            let jwk = SigningKey::new(algorithm, "id").unwrap().jwk();
            for coordinate in ["x", "y"] {
                assert_eq!(jwk[coordinate].as_str().unwrap().len(), length, "{algorithm}");
            }
        }
    }
}
