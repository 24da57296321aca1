use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::claims::Claims;
use crate::keys::TrustedKeys;
use crate::rejection::Rejection;

/// Checks who signed a token and reads what it claims; whether the claims are to be believed at this time and place is
/// checked with each request.
pub(crate) fn verify(
    token: &str,
    keys: &TrustedKeys,
    algorithms: &[Algorithm],
    now: SystemTime,
) -> Result<Claims, Rejection> {
    let header = decode_header(token).map_err(|error| Rejection::Malformed(error.to_string()))?;
    if header.crit.is_some() {
        // RFC 7515, section 4.1.11: what is not understood must not be accepted.
        return Err(Rejection::Malformed(
            "it has critical header parameters".to_owned(),
        ));
    }
    if !algorithms.contains(&header.alg) {
        return Err(Rejection::Algorithm(format!("{:?}", header.alg)));
    }
    let key = key(&header, keys, now)?;
    if key.family() != family(header.alg) {
        return Err(Rejection::Algorithm(format!(
            "{:?} for another kind of key",
            header.alg
        )));
    }
    decode::<Claims>(token, &key, &signature_only(header.alg))
        .map(|decoded| decoded.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::Json(_) | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => {
                Rejection::Claims(error.to_string())
            }
            _ => Rejection::Signature,
        })
}

/// The key that must have signed: of a certificate chain that leads to a root, or one that is trusted under its id.
fn key(header: &Header, keys: &TrustedKeys, now: SystemTime) -> Result<DecodingKey, Rejection> {
    let untrusted = Rejection::UntrustedKey;
    if header.x5c.is_some() {
        return key_of_chain(header.x5c.as_deref(), keys, now).map_err(untrusted);
    }
    if let Some(jwk) = &header.jwk {
        if jwk.common.x509_chain.is_some() {
            return key_of_chain(jwk.common.x509_chain.as_deref(), keys, now).map_err(untrusted);
        }
        // The key itself counts for nothing; it may only name one that is trusted.
        return by_id(jwk.common.key_id.as_deref(), keys);
    }
    by_id(header.kid.as_deref(), keys)
}

fn by_id(id: Option<&str>, keys: &TrustedKeys) -> Result<DecodingKey, Rejection> {
    let id = id.ok_or_else(|| Rejection::UntrustedKey("it is not named".to_owned()))?;
    let key = keys.get(id);
    key.cloned()
        .ok_or_else(|| Rejection::UntrustedKey(format!("nothing is known of {id:?}")))
}

fn key_of_chain(
    chain: Option<&[String]>,
    keys: &TrustedKeys,
    now: SystemTime,
) -> Result<DecodingKey, String> {
    let mut header = Header::new(Algorithm::RS256);
    header.x5c = chain.map(<[String]>::to_vec);
    let chain = header.x5c_der().map_err(|error| error.to_string())?;
    let chain: Vec<CertificateDer<'_>> = chain.into_iter().flatten().map(CertificateDer::from).collect();
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    keys.roots
        .key_of_chain(&chain, UnixTime::since_unix_epoch(since_epoch))
}

fn family(algorithm: Algorithm) -> AlgorithmFamily {
    let families = [AlgorithmFamily::Rsa, AlgorithmFamily::Ec, AlgorithmFamily::Ed];
    let family = families
        .into_iter()
        .find(|family| family.algorithms().contains(&algorithm));
    family.unwrap_or(AlgorithmFamily::Hmac)
}

fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
