//! `auth`: the parameters of each provider.

use std::time::{SystemTime, UNIX_EPOCH};

use hythe_testutil::{Configuration, Request};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Row, run, served};
use crate::process::{Server, Setup};

/// What a client without credentials is told.
async fn challenge(server: &Server) -> String {
    let refused = server.client().get("/v2/").await.unwrap();
    refused.expect_status(&[401]).unwrap();
    refused.header("www-authenticate").unwrap().to_owned()
}

async fn status(server: &Server, authorization: &str) -> u16 {
    let request = Request::get("/v2/").header("authorization", authorization);
    server.client().send(request).await.unwrap().status
}

fn with_auth(provider: &str, parameters: Value) -> Configuration {
    Configuration::inmemory().set(&["auth", provider], parameters)
}

/// A signer, and the file with its key for the registry.
struct Signer {
    folder: TempDir,
    key: EncodingKey,
}

impl Signer {
    fn new() -> Self {
        let key = EncodingKey::from_ec_der(&KeyPair::generate().unwrap().serialize_der());
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap()).unwrap();
        jwk["kid"] = "one".into();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("jwks"), json!({ "keys": [jwk] }).to_string()).unwrap();
        Self { folder, key }
    }

    fn file(&self) -> Value {
        json!(self.folder.path().join("jwks"))
    }

    fn bearer(&self, issuer: &str, service: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "iss": issuer, "aud": service, "exp": now + 300 });
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("one".to_owned());
        format!("Bearer {}", encode(&header, &claims, &self.key).unwrap())
    }
}

pub(super) fn rows() -> Vec<Row> {
    let says = |text: &'static str| {
        async move |server: Server| {
            let challenge = challenge(&server).await;
            assert!(challenge.contains(text), "{challenge}");
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, format!("admin:{}\n", bcrypt::hash("secret", 4).unwrap())).unwrap();
    let nobody = folder.path().join("nobody");
    std::fs::write(&nobody, "# nobody\n").unwrap();
    let silly = with_auth("silly", json!({ "realm": "http://a/", "service": "a" }));
    let htpasswd = with_auth("htpasswd", json!({ "realm": "a", "path": nobody }));

    let (signer, stranger) = (Signer::new(), Signer::new());
    let token = |jwks: &Signer| {
        let mut parameters = json!({ "realm": "https://a/", "service": "a", "issuer": "a" });
        parameters["jwks"] = jwks.file();
        with_auth("token", parameters)
    };
    let (by_known, of_service, of_issuer, unlisted) = (
        signer.bearer("a", "a"),
        signer.bearer("a", "b"),
        signer.bearer("b", "a"),
        signer.bearer("a", "a"),
    );
    let (good, strange, file) = (token(&signer), token(&stranger), signer.file());
    // Folders live as long as the rows.
    let keep = std::rc::Rc::new((folder, signer, stranger));
    let accepts = |bearer: String| {
        let keep = keep.clone();
        async move |server: Server| {
            let _ = &keep;
            assert_eq!(status(&server, &bearer).await, 200);
        }
    };
    vec![
        served(
            "auth.silly.realm",
            json!("http://b/"),
            says("realm=\"http://b/\""),
        )
        .on(&silly),
        served("auth.silly.service", json!("b"), says("service=\"b\"")).on(&silly),
        served("auth.htpasswd.realm", json!("b"), says("realm=\"b\"")).on(&htpasswd),
        served(
            "auth.htpasswd.path",
            json!(users),
            accepts("Basic YWRtaW46c2VjcmV0".to_owned()),
        )
        .on(&htpasswd),
        served(
            "auth.token.realm",
            json!("https://b/"),
            says("realm=\"https://b/\""),
        )
        .on(&good),
        served("auth.token.service", json!("b"), accepts(of_service)).on(&good),
        served("auth.token.issuer", json!("b"), accepts(of_issuer)).on(&good),
        served("auth.token.jwks", file, accepts(by_known)).on(&strange),
        run(
            "auth.token.rootcertbundle",
            json!("/nowhere/roots"),
            async |setup: Setup| {
                let (code, log) = setup.refused().await;
                assert_eq!(code, Some(1));
                assert!(log.contains("/nowhere/roots"), "{log}");
            },
        )
        .on(&good)
        .without_control(),
        served("auth.token.autoredirect", json!(true), says("/auth/token\"")).on(&good),
        served(
            "auth.token.autoredirectpath",
            json!("/elsewhere"),
            says("/elsewhere\""),
        )
        .on(&good)
        .with(&["auth", "token", "autoredirect"], json!(true)),
        served("auth.token.signingalgorithms", json!(["RS256"]), {
            let keep = keep.clone();
            async move |server: Server| {
                let _ = &keep;
                assert_eq!(status(&server, &unlisted).await, 401);
            }
        })
        .on(&good),
    ]
}
