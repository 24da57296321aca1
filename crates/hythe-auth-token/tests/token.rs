//! The controller from outside: key files, signed tokens, challenges.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use hythe_auth::{Access, AccessController, Action, AuthError, RequestHead};
use hythe_auth_token::{TokenController, TokenParameters};
use hythe_reference::RepositoryName;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Made for these tests.
const RSA: &str = include_str!("data/rsa-2048.pem");

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap()
}

fn ec(pair: &KeyPair) -> EncodingKey {
    EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap()
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk["kid"] = id.into();
    jwk
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims that open `some/where` for pulling.
fn claims() -> Value {
    json!({
        "iss": "issuer", "sub": "somebody", "aud": "service", "exp": now() + 300,
        "access": [{ "type": "repository", "name": "some/where", "actions": ["pull"] }],
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn named(algorithm: Algorithm, id: &str) -> Header {
    let mut header = Header::new(algorithm);
    header.kid = Some(id.to_owned());
    header
}

struct Fixture {
    folder: TempDir,
    controller: TokenController,
}

impl Fixture {
    async fn new(jwks: Option<Value>, roots: Option<String>, more: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut parameters =
            json!({ "realm": "https://auth/token", "service": "service", "issuer": "issuer" });
        if let Some(keys) = jwks {
            let path = folder.path().join("jwks.json");
            std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
            parameters["jwks"] = path.to_str().unwrap().into();
        }
        if let Some(pem) = roots {
            let path = folder.path().join("roots.pem");
            std::fs::write(&path, pem).unwrap();
            parameters["rootcertbundle"] = path.to_str().unwrap().into();
        }
        let mut parameters = parameters.as_object().unwrap().clone();
        parameters.extend(more.as_object().unwrap().clone());
        let parameters = TokenParameters::read(&parameters).unwrap();
        let controller = TokenController::new(parameters).await.unwrap();
        Self { folder, controller }
    }

    async fn ask(&self, authorization: Option<&str>, action: Action) -> Result<Option<String>, AuthError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let head = RequestHead {
            headers: &headers,
            host: Some("registry"),
            remote: None,
        };
        let access = [Access::repository(
            &RepositoryName::parse("some/where").unwrap(),
            action,
        )];
        let grant = self.controller.authorize(head, &access).await;
        grant.map(|grant| grant.user)
    }

    async fn accepts(&self, token: &str) {
        for _ in 0..2 {
            let user = self
                .ask(Some(&format!("Bearer {token}")), Action::Pull)
                .await
                .unwrap();
            assert_eq!(user.as_deref(), Some("somebody"));
        }
    }

    /// The token is refused, with this `error` in the challenge.
    async fn refuses(&self, token: &str, error: Option<&str>) {
        for _ in 0..2 {
            let answer = self.ask(Some(&format!("bearer  {token}")), Action::Pull).await;
            check_challenge(answer, "pull", error);
        }
    }
}

fn check_challenge(answer: Result<Option<String>, AuthError>, action: &str, error: Option<&str>) {
    let Err(AuthError::Challenge(challenge)) = answer else {
        panic!("no challenge but {answer:?}");
    };
    let error = error.map_or_else(String::new, |error| format!(",error=\"{error}\""));
    let expected = format!(
        "Bearer realm=\"https://auth/token\",service=\"service\",scope=\"repository:some/where:{action}\"{error}"
    );
    assert_eq!(
        challenge.authenticate,
        [expected.as_str()],
        "{}",
        challenge.reason
    );
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_verified() {
    let (p256, p384) = (
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
    );
    let ed = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let ed_public = URL_SAFE_NO_PAD.encode(ed.der_bytes());
    let ed_public = json!({ "kty": "OKP", "crv": "Ed25519", "x": ed_public, "kid": "ed" });
    let ed = EncodingKey::from_ed_pem(ed.serialize_pem().as_bytes()).unwrap();
    let keys = [
        (
            rsa(),
            "rsa",
            vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
        ),
        (ec(&p256), "p256", vec![Algorithm::ES256]),
        (ec(&p384), "p384", vec![Algorithm::ES384]),
        (ed, "ed", vec![Algorithm::EdDSA]),
    ];
    let others = keys.iter().filter(|(_, id, _)| *id != "ed");
    let set = others
        .map(|(key, id, algorithms)| jwk(key, algorithms[0], id))
        .chain([ed_public]);
    let fixture = Fixture::new(Some(set.collect()), None, json!({})).await;
    for (key, id, algorithms) in &keys {
        for algorithm in algorithms {
            let token = encode(&named(*algorithm, id), &claims(), key).unwrap();
            fixture.accepts(&token).await;
            // Another key of the set did not sign it.
            let other = if *id == "rsa" { "p256" } else { "rsa" };
            let token = encode(&named(*algorithm, other), &claims(), key).unwrap();
            fixture.refuses(&token, Some("invalid_token")).await;
        }
    }
}

#[tokio::test]
async fn what_a_token_claims_must_be_meant_for_this_registry_now() {
    let fixture = Fixture::new(
        Some(json!([jwk(&rsa(), Algorithm::RS256, "rsa")])),
        None,
        json!({}),
    )
    .await;
    let check = async |claims: Value, error: Option<&str>| {
        let token = encode(&named(Algorithm::RS256, "rsa"), &claims, &rsa()).unwrap();
        fixture.refuses(&token, error).await;
    };
    let invalid = Some("invalid_token");
    check(with(claims(), "exp", json!(now() - 120)), invalid).await;
    check(with(claims(), "nbf", json!(now() + 120)), invalid).await;
    check(with(claims(), "aud", json!(["other"])), invalid).await;
    check(with(claims(), "iss", json!("other")), invalid).await;
    check(with(claims(), "access", json!([])), Some("insufficient_scope")).await;
    check(
        with(
            claims(),
            "access",
            json!([{ "type": "repository", "name": "some/where", "actions": ["push"] }]),
        ),
        Some("insufficient_scope"),
    )
    .await;
    check(with(claims(), "exp", json!("soon")), None).await;
    let token = encode(&named(Algorithm::RS256, "rsa"), &claims(), &rsa()).unwrap();
    check_challenge(
        fixture
            .ask(Some(&format!("Bearer {token}")), Action::Delete)
            .await,
        "delete",
        Some("insufficient_scope"),
    );
    check_challenge(fixture.ask(None, Action::Pull).await, "pull", None);
    check_challenge(fixture.ask(Some("Basic YTpi"), Action::Pull).await, "pull", None);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let public = jwk(&rsa(), Algorithm::RS256, "rsa");
    let fixture = Fixture::new(
        Some(json!([public, { "kty": "oct", "kid": "secret", "k": "c2VjcmV0" }])),
        None,
        json!({}),
    )
    .await;
    let invalid = Some("invalid_token");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    // No signature.
    for alg in ["none", "None", "NONE", ""] {
        let head = part(&json!({ "alg": alg, "kid": "rsa" }));
        fixture
            .refuses(&format!("{head}.{}.", part(&claims())), invalid)
            .await;
    }
    // A public key taken for a shared secret, and a shared secret.
    let pem = STANDARD.encode(public["n"].as_str().unwrap());
    for (id, secret) in [
        ("rsa", pem.as_bytes()),
        ("rsa", RSA.as_bytes()),
        ("secret", b"secret"),
    ] {
        let key = EncodingKey::from_secret(secret);
        let token = encode(&named(Algorithm::HS256, id), &claims(), &key).unwrap();
        fixture.refuses(&token, invalid).await;
    }
    // A key that the token brings along.
    let own = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.jwk = Some(Jwk::from_encoding_key(&ec(&own), Algorithm::ES256).unwrap());
    let token = encode(&header, &claims(), &ec(&own)).unwrap();
    fixture.refuses(&token, invalid).await;
    // It names a trusted one, but did not sign with it.
    header.jwk.as_mut().unwrap().common.key_id = Some("rsa".to_owned());
    let token = encode(&header, &claims(), &ec(&own)).unwrap();
    fixture.refuses(&token, invalid).await;
    // Changed after it was signed.
    let token = encode(&named(Algorithm::RS256, "rsa"), &claims(), &rsa()).unwrap();
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts[1] = part(&with(claims(), "sub", json!("root")));
    fixture.refuses(&parts.join("."), None).await;
    // Something that must be understood.
    let mut header = named(Algorithm::RS256, "rsa");
    header.crit = Some(vec!["exp".to_owned()]);
    fixture
        .refuses(&encode(&header, &claims(), &rsa()).unwrap(), invalid)
        .await;
    for nonsense in ["", ".", "..", "a.b.c", "\u{e9}", &"x".repeat(10_000)] {
        fixture
            .refuses(nonsense, if nonsense.is_ascii() { invalid } else { None })
            .await;
    }
}

#[tokio::test]
async fn only_configured_algorithms_are_accepted() {
    let keys = json!([jwk(&rsa(), Algorithm::RS256, "rsa")]);
    let fixture = Fixture::new(Some(keys), None, json!({ "signingalgorithms": ["RS384"] })).await;
    let token = |algorithm| encode(&named(algorithm, "rsa"), &claims(), &rsa()).unwrap();
    fixture.accepts(&token(Algorithm::RS384)).await;
    fixture
        .refuses(&token(Algorithm::RS256), Some("invalid_token"))
        .await;
}

struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        Self {
            root: CertifiedIssuer::self_signed(parameters, pair).unwrap(),
        }
    }

    /// A certificate for a key that may sign tokens.
    fn issue(&self, pair: &KeyPair) -> String {
        let mut parameters = CertificateParams::new(vec!["signer".to_owned()]).unwrap();
        parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
        let certificate = parameters.signed_by(pair, &self.root).unwrap();
        STANDARD.encode(certificate.der())
    }
}

#[tokio::test]
async fn certificates_in_a_token_must_lead_to_a_root() {
    let (trusted, other) = (Authority::new("trusted"), Authority::new("other"));
    let fixture = Fixture::new(None, Some(trusted.root.pem()), json!({})).await;
    let signer = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let token = |chain: Vec<String>| {
        let mut header = Header::new(Algorithm::ES256);
        header.x5c = Some(chain);
        encode(&header, &claims(), &ec(&signer)).unwrap()
    };
    fixture.accepts(&token(vec![trusted.issue(&signer)])).await;
    let invalid = Some("invalid_token");
    fixture.refuses(&token(vec![other.issue(&signer)]), invalid).await;
    fixture.refuses(&token(Vec::new()), invalid).await;
    fixture.refuses(&token(vec!["!".to_owned()]), invalid).await;
    fixture
        .refuses(&token(vec![STANDARD.encode("nonsense")]), invalid)
        .await;
    // The chain is good, but is another key's.
    let stranger = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    fixture
        .refuses(&token(vec![trusted.issue(&stranger)]), None)
        .await;
}

#[tokio::test]
async fn the_keys_of_root_certificates_are_trusted_under_their_thumbprint() {
    let pair = KeyPair::from_pkcs8_pem_and_sign_algo(RSA, &rcgen::PKCS_RSA_SHA256).unwrap();
    assert!(!pair.der_bytes().is_empty());
    let certificate = CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&pair)
        .unwrap();
    let authority = Authority::new("other");
    let bundle = format!("{}\n{}", authority.root.pem(), certificate.pem());
    let fixture = Fixture::new(None, Some(bundle), json!({})).await;
    let id = Jwk::from_encoding_key(&rsa(), Algorithm::RS256).unwrap();
    let id = id.thumbprint(ThumbprintHash::SHA256).unwrap();
    fixture
        .accepts(&encode(&named(Algorithm::RS256, &id), &claims(), &rsa()).unwrap())
        .await;
    // The root itself as a chain of one.
    let mut header = Header::new(Algorithm::PS256);
    header.x5c = Some(vec![STANDARD.encode(certificate.der())]);
    fixture
        .accepts(&encode(&header, &claims(), &rsa()).unwrap())
        .await;
}

#[tokio::test]
async fn changed_keys_count_from_the_reload_on_and_bad_ones_never() {
    let keys = json!([jwk(&rsa(), Algorithm::RS256, "one")]);
    let fixture = Fixture::new(Some(keys), None, json!({})).await;
    let file: &Path = &fixture.folder.path().join("jwks.json");
    assert_eq!(fixture.controller.files().collect::<Vec<_>>(), [file]);
    let token = |id| encode(&named(Algorithm::RS256, id), &claims(), &rsa()).unwrap();
    fixture.accepts(&token("one")).await;
    for bad in ["nonsense", "{}", "{\"keys\": []}"] {
        std::fs::write(file, bad).unwrap();
        let error = fixture.controller.reload().await.unwrap_err();
        assert!(error.to_string().contains("jwks.json"), "{error}");
        fixture.accepts(&token("one")).await;
    }
    let keys = json!({ "keys": [jwk(&rsa(), Algorithm::RS256, "two")] });
    std::fs::write(file, keys.to_string()).unwrap();
    fixture.controller.reload().await.unwrap();
    fixture.refuses(&token("one"), Some("invalid_token")).await;
    fixture.accepts(&token("two")).await;
}
