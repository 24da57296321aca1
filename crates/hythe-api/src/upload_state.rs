use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;

/// What travels with the URL of an upload as `_state`: where the upload stood when the URL was made.
///
/// The token is `base64url(HMAC-SHA256(secret, json) ‖ json)` with the JSON of distribution v3, so servers of
/// both kinds that share a secret take each other's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadState {
    /// The repository.
    #[serde(rename = "Name")]
    pub name: String,
    /// The upload.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// How many bytes had arrived.
    #[serde(rename = "Offset")]
    pub offset: u64,
    /// When the upload began, in the format of RFC 3339 with or without fractions of a second.
    #[serde(rename = "StartedAt")]
    pub started_at: String,
    /// What the storage knows an upload of no bytes by, so that it need not look for it; the original ignores it.
    #[serde(rename = "Mark", default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// Why a text is not the token of an [`UploadState`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UploadStateError {
    /// It is not base64.
    #[error("upload state is not base64")]
    Encoding,
    /// It is not signed with this secret, or too short to be signed at all.
    #[error("invalid secret")]
    Secret,
    /// It is signed well, but what is signed is no upload state.
    #[error("upload state is malformed")]
    Json,
}

const SIGNATURE_BYTES: usize = 32;

/// Writes padding as Go does, and takes tokens whose padding got lost on the way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl UploadState {
    /// The token, signed with `secret`.
    pub fn encode(&self, secret: &[u8]) -> String {
        let json = serde_json::to_vec(self).expect("texts and numbers become JSON");
        let mut token = mac(secret, &json).finalize().into_bytes().to_vec();
        token.extend_from_slice(&json);
        BASE64.encode(token)
    }

    /// Reads a token that was signed with `secret`. The signature is compared in constant time.
    pub fn decode(token: &str, secret: &[u8]) -> Result<UploadState, UploadStateError> {
        let token = decode_base64(token)?;
        let (signature, json) = token
            .split_at_checked(SIGNATURE_BYTES)
            .ok_or(UploadStateError::Secret)?;
        mac(secret, json)
            .verify_slice(signature)
            .map_err(|_| UploadStateError::Secret)?;
        serde_json::from_slice(json).map_err(|_| UploadStateError::Json)
    }

    /// Reads a token without looking at the signature: anyone may have written it, it is no more than a hint.
    pub fn decode_unverified(token: &str) -> Result<UploadState, UploadStateError> {
        let token = decode_base64(token)?;
        let (_, json) = token
            .split_at_checked(SIGNATURE_BYTES)
            .ok_or(UploadStateError::Secret)?;
        serde_json::from_slice(json).map_err(|_| UploadStateError::Json)
    }
}

fn mac(secret: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

fn decode_base64(token: &str) -> Result<Vec<u8>, UploadStateError> {
    BASE64.decode(token).map_err(|_| UploadStateError::Encoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> UploadState {
        UploadState {
            name: "library/ubuntu".to_owned(),
            uuid: "8be4df61-93ca-11d2-aa0d-00e098032b8c".to_owned(),
            offset: 1234,
            started_at: "2026-11-21T18:14:09.123456789Z".to_owned(),
            mark: None,
        }
    }

    /// What Go's `hmac`, `json` and `base64` packages make of [`state`] and the key `secret`, as
    /// distribution v3 uses them.
    const ISSUED_BY_GO: &str = concat!(
        "klegMhuwSL_2ZtMoknshvKgVYwxS1hR1KmzKmNru_ad7Ik5hbWUiOiJsaWJyYXJ5L3VidW50dSIsIlVVSUQiOiI4",
        "YmU0ZGY2MS05M2NhLTExZDItYWEwZC0wMGUwOTgwMzJiOGMiLCJPZmZzZXQiOjEyMzQsIlN0YXJ0ZWRBdCI6IjIw",
        "MjYtMTEtMjFUMTg6MTQ6MDkuMTIzNDU2Nzg5WiJ9",
    );

    #[test]
    fn tokens_are_those_of_the_original() {
        assert_eq!(state().encode(b"secret"), ISSUED_BY_GO);
        assert_eq!(UploadState::decode(ISSUED_BY_GO, b"secret"), Ok(state()));
        assert_eq!(
            UploadState::decode(ISSUED_BY_GO.trim_end_matches('='), b"secret"),
            Ok(state())
        );
    }

    #[test]
    fn another_secret_does_not_verify() {
        assert_eq!(
            UploadState::decode(ISSUED_BY_GO, b"other"),
            Err(UploadStateError::Secret)
        );
        assert_eq!(UploadState::decode_unverified(ISSUED_BY_GO), Ok(state()));
        assert_eq!(UploadState::decode(&state().encode(b""), b""), Ok(state()));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let signed = |json: &[u8]| {
            let mut token = mac(b"secret", json).finalize().into_bytes().to_vec();
            token.extend_from_slice(json);
            BASE64.encode(token)
        };
        let check = |token: &str, expected: UploadStateError| {
            assert_eq!(UploadState::decode(token, b"secret"), Err(expected), "{token:?}");
        };
        check("", UploadStateError::Secret);
        check("AAAA", UploadStateError::Secret);
        check("%%%", UploadStateError::Encoding);
        check(&signed(b"{}"), UploadStateError::Json);
        check(
            &signed(br#"{"Name":"a","UUID":"b","Offset":-1,"StartedAt":""}"#),
            UploadStateError::Json,
        );
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(
            name in any::<String>(), uuid in any::<String>(), offset in any::<u64>(),
            secret in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let state = UploadState { name, uuid, offset, ..state() };
            prop_assert_eq!(UploadState::decode(&state.encode(&secret), &secret), Ok(state));
        }

        #[test]
        fn a_changed_token_does_not_verify(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut bytes = BASE64.decode(ISSUED_BY_GO).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(UploadState::decode(&BASE64.encode(bytes), b"secret"), Err(UploadStateError::Secret));
        }

        #[test]
        fn arbitrary_text_never_panics(token in "[A-Za-z0-9_=-]{0,80}|\\PC{0,16}") {
            let _ = UploadState::decode(&token, b"secret");
            let _ = UploadState::decode_unverified(&token);
        }
    }
}
