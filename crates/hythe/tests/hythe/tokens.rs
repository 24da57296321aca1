//! `auth.token`: whoever has the right token gets in, and nobody else.

use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hythe_testutil::http::{Credentials, Options};
use hythe_testutil::jwt::{ALGORITHMS, SigningKey, unsigned, with_secret};
use hythe_testutil::token_server::{Issuer, TokenServer, now};
use hythe_testutil::{Algorithm, Client, Configuration, Request, Response};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Server, Setup};

const REALM: &str = "https://tokens.test/token";
const REPOSITORY: &str = "some/where";

/// A registry that trusts these keys and these certificates, with more parameters.
async fn serve(keys: &[&SigningKey], roots: Option<&str>, more: Value) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    std::fs::write(&jwks, json!({ "keys": keys }).to_string()).unwrap();
    let mut section = json!({ "realm": REALM, "service": "registry", "issuer": "tokens", "jwks": jwks });
    if let Some(pem) = roots {
        let path = folder.path().join("roots.pem");
        std::fs::write(&path, pem).unwrap();
        section["rootcertbundle"] = json!(path);
    }
    section
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let configuration = Configuration::inmemory().set(&["auth", "token"], section);
    let server = Setup::with(&configuration).serve().await;
    (folder, server)
}

/// Claims that open one repository for some actions.
fn claims(actions: &[&str]) -> Value {
    json!({
        "iss": "tokens", "sub": "somebody", "aud": "registry", "exp": now() + 300,
        "access": [{ "type": "repository", "name": REPOSITORY, "actions": actions }],
    })
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

async fn ask(client: &Client, token: &str) -> Response {
    let request = Request::get(format!("/v2/{REPOSITORY}/tags/list"));
    client
        .send(request.header("authorization", format!("Bearer {token}")))
        .await
        .unwrap()
}

/// The repository is not there, which only those learn who may look.
fn expect_accepted(answer: &Response, what: &str) {
    assert_eq!(answer.status, 404, "{what}: {answer:?}");
    answer.expect_error("NAME_UNKNOWN").unwrap();
}

fn expect_refused(answer: &Response, error: Option<&str>, what: &str) {
    assert_eq!(answer.status, 401, "{what}");
    let error = error.map_or_else(String::new, |error| format!(",error=\"{error}\""));
    let expected = format!(
        "Bearer realm=\"{REALM}\",service=\"registry\",scope=\"repository:{REPOSITORY}:pull\"{error}"
    );
    assert_eq!(
        answer.header("www-authenticate"),
        Some(expected.as_str()),
        "{what}"
    );
    let document = answer.json().unwrap();
    assert_eq!(document["errors"][0]["code"], "UNAUTHORIZED", "{what}");
    let record = json!([{ "Type": "repository", "Class": "", "Name": REPOSITORY, "Action": "pull" }]);
    assert_eq!(document["errors"][0]["detail"], record, "{what}");
}

#[tokio::test]
async fn tokens_of_every_algorithm_open_what_they_name() {
    let keys: Vec<SigningKey> = ALGORITHMS
        .iter()
        .map(|algorithm| SigningKey::new(algorithm, algorithm).unwrap())
        .collect();
    let (_folder, server) = serve(&keys.iter().collect::<Vec<_>>(), None, json!({})).await;
    let client = server.client();
    for (key, algorithm) in keys.iter().zip(ALGORITHMS) {
        let token = key.token(&key.header(algorithm), &claims(&["pull"])).unwrap();
        expect_accepted(&ask(&client, &token).await, algorithm);
        // The same claims, signed by another key than the one that is named.
        let (other, by) = if algorithm.starts_with("ES") {
            (2, "RS512")
        } else {
            (6, "ES256")
        };
        let header = with(keys[other].header(by), "kid", json!(algorithm));
        let token = keys[other].token(&header, &claims(&["pull"])).unwrap();
        expect_refused(&ask(&client, &token).await, Some("invalid_token"), algorithm);
    }
}

#[tokio::test]
async fn who_logs_in_with_the_token_server_can_push() {
    let user = Credentials {
        user: "somebody".to_owned(),
        password: "secret".to_owned(),
    };
    let issuer = Issuer {
        key: SigningKey::new("EdDSA", "k").unwrap(),
        algorithm: "EdDSA".to_owned(),
        name: "tokens".to_owned(),
        user: user.clone(),
        always: Vec::new(),
    };
    let keys = issuer.jwks();
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let token_server = TokenServer::start(anywhere, issuer).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    std::fs::write(&jwks, keys.to_string()).unwrap();
    let section =
        json!({ "realm": token_server.realm(), "service": "registry", "issuer": "tokens", "jwks": jwks });
    let configuration = Configuration::inmemory().set(&["auth", "token"], section);
    let server = Setup::with(&configuration).serve().await;
    let client = |password: &str| {
        let credentials = Some(Credentials {
            password: password.to_owned(),
            ..user.clone()
        });
        let options = Options {
            credentials,
            ..Options::default()
        };
        Client::with(&format!("http://{}", server.address()), &options).unwrap()
    };
    let push = Request::post(format!("/v2/{REPOSITORY}/blobs/uploads/?digest={EMPTY_DIGEST}"));
    client("secret")
        .send(push)
        .await
        .unwrap()
        .expect_status(&[201])
        .unwrap();
    let refused = client("wrong").get("/v2/").await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
}

/// Of nothing.
const EMPTY_DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn tokens_for_others_at_other_times_are_refused_with_the_right_challenge() {
    let key = SigningKey::new("ES256", "k").unwrap();
    let (_folder, server) = serve(&[&key], None, json!({})).await;
    let client = server.client();
    let token = |claims: &Value| key.token(&key.header("ES256"), claims).unwrap();
    let pull = || claims(&["pull"]);
    // Clocks may be a minute apart.
    for (what, claims) in [
        ("just expired", with(pull(), "exp", json!(now() - 30))),
        ("valid in a moment", with(pull(), "nbf", json!(now() + 30))),
        ("everything", claims(&["*"])),
    ] {
        expect_accepted(&ask(&client, &token(&claims)).await, what);
    }
    let invalid = Some("invalid_token");
    let insufficient = Some("insufficient_scope");
    let other = json!([{ "type": "repository", "name": "some/where/else", "actions": ["pull"] }]);
    for (what, claims, error) in [
        ("expired", with(pull(), "exp", json!(now() - 120)), invalid),
        ("without an end", with(pull(), "exp", Value::Null), None),
        ("not yet valid", with(pull(), "nbf", json!(now() + 120)), invalid),
        ("wrong audience", with(pull(), "aud", json!("another")), invalid),
        ("wrong audiences", with(pull(), "aud", json!(["a", "b"])), invalid),
        ("wrong issuer", with(pull(), "iss", json!("another")), invalid),
        ("wrong action", claims(&["push", "delete"]), insufficient),
        ("another repository", with(pull(), "access", other), insufficient),
        ("no access", with(pull(), "access", json!([])), insufficient),
    ] {
        expect_refused(&ask(&client, &token(&claims)).await, error, what);
    }
    let none = client.get(&format!("/v2/{REPOSITORY}/tags/list")).await.unwrap();
    expect_refused(&none, None, "no token");
}

#[tokio::test]
async fn forged_tokens_are_refused_with_the_right_challenge() {
    let rsa = SigningKey::new("RS256", "rsa").unwrap();
    let ec = SigningKey::new("ES256", "ec").unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let (_folder, server) = serve(&[&rsa, &ec], Some(&authority.pem()), json!({})).await;
    let client = server.client();
    let claims = claims(&["pull"]);

    let own_pair = KeyPair::generate().unwrap();
    let own = SigningKey::from_pkcs8("ES256", "own", &own_pair.serialize_der()).unwrap();
    let signer = |issuer: Option<&CertifiedIssuer<'_, KeyPair>>| {
        let parameters = CertificateParams::new(vec!["signer".to_owned()]).unwrap();
        let certificate = match issuer {
            Some(issuer) => parameters.signed_by(&own_pair, issuer),
            None => parameters.self_signed(&own_pair),
        };
        STANDARD.encode(certificate.unwrap().der())
    };
    let with_chain = |chain: &str| json!({ "alg": "ES256", "x5c": [chain] });
    // What is right, so that what follows is refused for what is wrong with it.
    let token = own
        .token(&with_chain(&signer(Some(&authority))), &claims)
        .unwrap();
    expect_accepted(&ask(&client, &token).await, "x5c");

    let hs256 = |id: &str| json!({ "alg": "HS256", "kid": id });
    let modulus = rsa.jwk()["n"].as_str().unwrap().to_owned();
    let public = rsa.jwk().to_string();
    let invalid = Some("invalid_token");
    let by_own = |header: &Value| own.token(header, &claims).unwrap();
    let own_jwk = json!({ "alg": "ES256", "jwk": own.jwk() });
    let own_jwk_of_another_name = json!({ "alg": "ES256", "jwk": with(own.jwk(), "kid", json!("ec")) });
    let chain_of_another = json!({ "alg": "ES256", "x5c": [STANDARD.encode(authority.der())] });
    for (what, token, error) in [
        (
            "alg: none",
            unsigned(&json!({ "alg": "none", "kid": "rsa" }), &claims),
            invalid,
        ),
        (
            "alg: None",
            unsigned(&json!({ "alg": "None", "kid": "rsa" }), &claims),
            invalid,
        ),
        ("no signature", unsigned(&rsa.header("RS256"), &claims), None),
        (
            "key confusion, modulus",
            with_secret(&hs256("rsa"), &claims, modulus.as_bytes()),
            invalid,
        ),
        (
            "key confusion, JWK",
            with_secret(&hs256("rsa"), &claims, public.as_bytes()),
            invalid,
        ),
        ("empty secret", with_secret(&hs256("ec"), &claims, b""), invalid),
        ("unknown kid", by_own(&own.header("ES256")), invalid),
        ("no kid", by_own(&json!({ "alg": "ES256" })), invalid),
        ("wrong key", by_own(&json!({ "alg": "ES256", "kid": "ec" })), None),
        (
            "key of another kind",
            by_own(&json!({ "alg": "ES256", "kid": "rsa" })),
            invalid,
        ),
        ("forged jwk", by_own(&own_jwk), invalid),
        (
            "forged jwk that names a trusted key",
            by_own(&own_jwk_of_another_name),
            None,
        ),
        ("forged x5c", by_own(&with_chain(&signer(None))), invalid),
        ("x5c of another key", by_own(&chain_of_another), None),
        ("x5c that is none", by_own(&with_chain("AAAA")), invalid),
    ] {
        expect_refused(&ask(&client, &token).await, error, what);
    }
}

#[tokio::test]
async fn listing_all_repositories_is_a_right_of_its_own() {
    let key = SigningKey::new("ES256", "k").unwrap();
    let (_folder, server) = serve(&[&key], None, json!({})).await;
    let client = server.client();
    let list = async |claims: &Value| {
        let token = key.token(&key.header("ES256"), claims).unwrap();
        let request = Request::get("/v2/_catalog").header("authorization", format!("Bearer {token}"));
        client.send(request).await.unwrap()
    };
    let refused = list(&claims(&["*"])).await;
    let challenge = format!(
        "Bearer realm=\"{REALM}\",service=\"registry\",scope=\"registry:catalog:*\",error=\"insufficient_scope\""
    );
    refused.expect_status(&[401]).unwrap();
    refused.expect_header("www-authenticate", &challenge).unwrap();
    let access = json!([{ "type": "registry", "name": "catalog", "actions": ["*"] }]);
    list(&with(claims(&[]), "access", access))
        .await
        .expect_status(&[200])
        .unwrap();
}

#[tokio::test]
async fn a_mount_needs_the_right_to_pull_from_its_source() {
    let key = SigningKey::new("ES256", "k").unwrap();
    let (_folder, server) = serve(&[&key], None, json!({})).await;
    let client = server.client();
    let entry =
        |name: &str, actions: &[&str]| json!({ "type": "repository", "name": name, "actions": actions });
    let post = async |target: &str, access: Value| {
        let claims = with(claims(&[]), "access", access);
        let token = key.token(&key.header("ES256"), &claims).unwrap();
        let request = Request::post(target).header("authorization", format!("Bearer {token}"));
        client.send(request).await.unwrap()
    };
    let both = ["pull", "push"];
    let digest = Algorithm::Sha256.digest(b"");
    let push = format!("/v2/source/blobs/uploads/?digest={digest}");
    post(&push, json!([entry("source", &both)]))
        .await
        .expect_status(&[201])
        .unwrap();
    let mount = format!("/v2/target/blobs/uploads/?mount={digest}&from=source");
    let refused = post(&mount, json!([entry("target", &both)])).await;
    refused.expect_status(&[401]).unwrap();
    let scope = "scope=\"repository:target:pull,push repository:source:pull\",error=\"insufficient_scope\"";
    assert!(
        refused.header("www-authenticate").unwrap().ends_with(scope),
        "{refused:?}"
    );
    let allowed = json!([entry("target", &both), entry("source", &["pull"])]);
    post(&mount, allowed).await.expect_status(&[201]).unwrap();
    // Without a source it is looked for only where the token opens.
    let anonymous = format!("/v2/third/blobs/uploads/?mount={digest}");
    let access = json!([entry("third", &both)]);
    post(&anonymous, access).await.expect_status(&[202]).unwrap();
    // What is no name must not get into a challenge, where a blank would begin another scope.
    let smuggled = format!("/v2/target/blobs/uploads/?mount={digest}&from=a:pull%20repository:b");
    let refused = post(&smuggled, json!([])).await;
    let scope = "scope=\"repository:target:pull,push\",error=\"insufficient_scope\"";
    assert!(
        refused.header("www-authenticate").unwrap().ends_with(scope),
        "{refused:?}"
    );
}

#[tokio::test]
async fn autoredirect_names_a_token_server_on_the_host_that_was_asked() {
    let key = SigningKey::new("ES256", "k").unwrap();
    let (_folder, server) = serve(&[&key], None, json!({ "autoredirect": true })).await;
    let client = server.client();
    for (proto, expected) in [
        (None, "https"),
        (Some("http"), "http"),
        (Some("javascript"), "https"),
    ] {
        let mut request = Request::get("/v2/").header("host", "registry.test:5000");
        if let Some(proto) = proto {
            request = request.header("x-forwarded-proto", proto);
        }
        let answer = client.send(request).await.unwrap();
        let challenge =
            format!("Bearer realm=\"{expected}://registry.test:5000/auth/token\",service=\"registry\"");
        answer.expect_header("www-authenticate", &challenge).unwrap();
    }
}
