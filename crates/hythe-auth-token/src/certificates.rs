use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde_json::{Value, json};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

/// The certificates that tokens may lead back to.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
}

/// A key of a certificate, and the ids under which a token may name it.
pub(crate) struct CertificateKey {
    pub(crate) key: DecodingKey,
    pub(crate) ids: Vec<String>,
}

impl Roots {
    /// All `CERTIFICATE` blocks of a PEM file.
    pub(crate) fn read(pem: &[u8]) -> Result<Self, String> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let mut anchors = Vec::with_capacity(certificates.len());
        for (number, certificate) in (1..).zip(&certificates) {
            match anchor_from_trusted_cert(certificate) {
                Ok(anchor) => anchors.push(anchor.to_owned()),
                // Its own key may still be named by its id.
                Err(error) => tracing::warn!(
                    number,
                    %error,
                    "this certificate of auth.token.rootcertbundle can issue no others"
                ),
            }
        }
        Ok(Self {
            certificates,
            anchors,
        })
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The key of the first certificate of a chain, if it is a root itself or a root issued it, at that time. Any
    /// purpose will do, as in distribution.
    pub(crate) fn key_of_chain(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<DecodingKey, String> {
        let (leaf, intermediates) = chain.split_first().ok_or("an empty certificate chain")?;
        if self.certificates.contains(leaf) {
            let parsed = parse(leaf)?;
            let validity = parsed.validity();
            let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
            let is_valid =
                (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&seconds);
            if !is_valid {
                return Err("the certificate is not valid now".to_owned());
            }
        } else {
            let certificate = EndEntityCert::try_from(leaf).map_err(|error| error.to_string())?;
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            let path = certificate.verify_for_usage(
                algorithms,
                &self.anchors,
                intermediates,
                now,
                AnyPurpose,
                None,
                None,
            );
            path.map_err(|error| error.to_string())?;
        }
        Ok(certificate_key(leaf)?.key)
    }
}

struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        // Read to the end, so that a malformed list is found.
        for purpose in purposes {
            purpose?;
        }
        Ok(())
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, String> {
    match X509Certificate::from_der(certificate) {
        Ok((_rest, parsed)) => Ok(parsed),
        Err(error) => Err(error.to_string()),
    }
}

/// The public key of a certificate. Its ids are the SHA-256 thumbprint of RFC 7638 and, where it differs, the one that
/// distribution makes: it leaves out leading zeros of the coordinates of EC keys.
pub(crate) fn certificate_key(certificate: &CertificateDer<'_>) -> Result<CertificateKey, String> {
    let parsed = parse(certificate)?;
    let info = parsed.public_key();
    let unsupported = || "a key of a kind that cannot sign tokens here".to_owned();
    let algorithm = &info.algorithm.algorithm;
    let forms: Vec<Value> = if *algorithm == OID_PKCS1_RSAENCRYPTION {
        let PublicKey::RSA(key) = info.parsed().map_err(|error| error.to_string())? else {
            return Err(unsupported());
        };
        let (modulus, exponent) = (encode_number(key.modulus), encode_number(key.exponent));
        vec![json!({ "kty": "RSA", "n": modulus, "e": exponent })]
    } else if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info
            .algorithm
            .parameters
            .as_ref()
            .and_then(|any| any.as_oid().ok());
        let curve = match curve {
            Some(oid) if oid == OID_EC_P256 => "P-256",
            Some(oid) if oid == OID_NIST_EC_P384 => "P-384",
            _ => return Err(unsupported()),
        };
        // Uncompressed: 4, then both coordinates.
        let [4, coordinates @ ..] = &*info.subject_public_key.data else {
            return Err(unsupported());
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let form = |x: String, y: String| json!({ "kty": "EC", "crv": curve, "x": x, "y": y });
        vec![
            form(encode(x), encode(y)),
            form(encode_number(x), encode_number(y)),
        ]
    } else if *algorithm == OID_SIG_ED25519 {
        vec![json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&info.subject_public_key.data) })]
    } else {
        return Err(unsupported());
    };
    let jwks = forms.into_iter().map(serde_json::from_value);
    let jwks: Vec<Jwk> = jwks
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let mut ids = Vec::new();
    for jwk in &jwks {
        let id = jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|error| error.to_string())?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let key = DecodingKey::from_jwk(&jwks[0]).map_err(|error| error.to_string())?;
    Ok(CertificateKey { key, ids })
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A number without leading zeros.
fn encode_number(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    encode(&bytes[zeros..])
}
