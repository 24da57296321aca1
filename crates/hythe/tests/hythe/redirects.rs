//! Who is sent elsewhere for a blob, and where to.

use hythe_testutil::{Configuration, Content, Request, Response};
use serde_json::{Value, json};

use crate::content::{blob, blob_path, push_blob};
use crate::process::{Server, Setup, storage};

/// Sends everybody to a place that does not exist.
fn elsewhere() -> Value {
    json!([{ "name": "redirect", "options": { "baseurl": "https://cdn.test/mirror/" } }])
}

fn redirecting(redirect: Value) -> Configuration {
    Configuration::inmemory()
        .set(&["middleware", "storage"], elsewhere())
        .set(&["storage", "redirect"], redirect)
}

async fn served_with(configuration: &Configuration, blob: &Content) -> Server {
    let server = Setup::with(configuration).serve().await;
    let pushed = push_blob(&server.client(), "a", blob).await;
    pushed.expect_status(&[201]).unwrap();
    server
}

async fn get(server: &Server, blob: &Content) -> Response {
    server.client().get(&blob_path("a", blob)).await.unwrap()
}

/// The path of a blob in the storage.
fn data(blob: &Content) -> String {
    let hex = blob.digest.strip_prefix("sha256:").unwrap();
    format!("/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2])
}

#[tokio::test]
async fn a_get_is_sent_to_the_base_url_and_a_head_is_answered_here() {
    let blob = blob(1, 1000);
    let server = served_with(&redirecting(json!({})), &blob).await;
    let sent = get(&server, &blob).await;
    sent.expect_status(&[307]).unwrap();
    let address = format!("https://cdn.test/mirror{}", data(&blob));
    assert_eq!(sent.header("location"), Some(address.as_str()));
    for (name, value) in [
        ("docker-content-digest", blob.digest.as_str()),
        ("content-type", "application/octet-stream"),
        ("content-length", "0"),
    ] {
        sent.expect_header(name, value).unwrap();
    }
    let head = server.client().head(&blob_path("a", &blob)).await.unwrap();
    head.expect_status(&[200]).unwrap();
    head.expect_header("content-length", "1000").unwrap();
    head.expect_header("docker-content-digest", &blob.digest).unwrap();
}

#[tokio::test]
async fn the_path_of_the_address_is_that_of_the_file() {
    let (root, configuration) = storage();
    let configuration = configuration.set(&["middleware", "storage"], elsewhere());
    let blob = blob(1, 1000);
    let server = served_with(&configuration, &blob).await;
    let address = get(&server, &blob).await.location().unwrap();
    let path = address.split_once("/mirror/").unwrap().1;
    assert_eq!(std::fs::read(root.path().join(path)).unwrap(), blob.bytes);
}

#[tokio::test]
async fn nobody_is_redirected_when_that_is_disabled() {
    let blob = blob(1, 1000);
    let server = served_with(&redirecting(json!({ "disable": true })), &blob).await;
    get(&server, &blob).await.expect_body(&blob.bytes).unwrap();

    let disabled = json!([{ "name": "redirect", "disabled": true, "options": {} }]);
    let configuration = Configuration::inmemory().set(&["middleware", "storage"], disabled);
    let server = served_with(&configuration, &blob).await;
    get(&server, &blob).await.expect_body(&blob.bytes).unwrap();
}

#[tokio::test]
async fn small_blobs_are_served_here() {
    let (small, large) = (blob(1, 1023), blob(2, 1024));
    let server = served_with(&redirecting(json!({ "minimumsize": "1KiB" })), &small).await;
    push_blob(&server.client(), "a", &large)
        .await
        .expect_status(&[201])
        .unwrap();
    get(&server, &small).await.expect_status(&[200]).unwrap();
    get(&server, &large).await.expect_status(&[307]).unwrap();
}

#[tokio::test]
async fn clients_inside_are_served_here() {
    let blob = blob(1, 1000);
    let server = served_with(&redirecting(json!({ "exceptnetworks": ["127.0.0.0/8"] })), &blob).await;
    get(&server, &blob).await.expect_status(&[200]).unwrap();
    let from_outside = || Request::get(blob_path("a", &blob)).header("x-forwarded-for", "203.0.113.5");
    let unproven = server.client().send(from_outside()).await.unwrap();
    unproven.expect_status(&[200]).unwrap();

    let configuration = redirecting(json!({ "exceptnetworks": ["127.0.0.0/8"] }))
        .set(&["http", "trustedproxies"], json!(["127.0.0.1"]));
    let server = served_with(&configuration, &blob).await;
    let told = server.client().send(from_outside()).await.unwrap();
    told.expect_status(&[307]).unwrap();
    get(&server, &blob).await.expect_status(&[200]).unwrap();
}

#[tokio::test]
async fn the_last_middleware_has_the_last_word() {
    let rewrite = json!({ "name": "rewrite", "options": {
        "scheme": "http", "host": "inside.test:81", "trimpathprefix": "/mirror/docker" } });
    let redirect = &elsewhere()[0];
    let blob = blob(1, 1000);
    let check = async |list: Value, expected: &str| {
        let configuration = Configuration::inmemory().set(&["middleware", "storage"], list);
        let server = served_with(&configuration, &blob).await;
        let sent = get(&server, &blob).await;
        let address = sent.header("location").unwrap();
        assert!(address.starts_with(expected), "{address}");
    };
    check(
        json!([redirect, rewrite]),
        "http://inside.test:81/registry/v2/blobs/",
    )
    .await;
    check(
        json!([rewrite, redirect]),
        "https://cdn.test/mirror/docker/registry/v2/blobs/",
    )
    .await;

    // Over a driver without addresses there is nothing to rewrite.
    let configuration = Configuration::inmemory().set(&["middleware", "storage"], json!([rewrite]));
    let server = served_with(&configuration, &blob).await;
    get(&server, &blob).await.expect_body(&blob.bytes).unwrap();
}

#[tokio::test]
async fn options_that_cannot_be_used_stop_the_start() {
    let check = async |name: &str, options: Value, expected: &str| {
        let list = json!([{ "name": name, "options": options }]);
        let configuration = Configuration::inmemory().set(&["middleware", "storage"], list);
        let (code, message) = Setup::with(&configuration).refused().await;
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(expected), "{message}");
    };
    check(
        "redirect",
        json!({}),
        "middleware.storage[0].options.baseurl: is required",
    )
    .await;
    check(
        "cloudfront",
        json!({ "baseurl": "d1.test" }),
        "middleware.storage[0].options.privatekey: is required",
    )
    .await;
    check(
        "rewrite",
        json!({ "host": 1 }),
        "middleware.storage[0].options.host: must be a text",
    )
    .await;
}

#[tokio::test]
async fn cloudfront_over_a_driver_without_keys_warns_and_does_no_harm() {
    let key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../hythe-driver-cloudfront/tests/cloudfront/keys/rsa-2048-pkcs1.pem"
    );
    let options = json!({ "baseurl": "d1.test", "privatekey": key, "keypairid": "K1",
        "ipfilteredby": "aws", "iprangesurl": "/nowhere" });
    let list = json!([{ "name": "cloudfront", "options": options }]);
    let configuration = Configuration::inmemory().set(&["middleware", "storage"], list);
    let blob = blob(1, 1000);
    let server = served_with(&configuration, &blob).await;
    get(&server, &blob).await.expect_body(&blob.bytes).unwrap();
    let (code, log, _) = server.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the middleware cloudfront does nothing"), "{log}");
    assert!(log.contains("the networks of Amazon are not up to date"), "{log}");
}
