//! The middleware over a driver that says where its objects are.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]

mod driver;
mod server;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Uri};
use hythe_driver::{DriverPath, RedirectRequest, Redirector};
use hythe_driver_cloudfront::{CloudFront, CloudFrontError, CloudFrontOptions};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::driver::Bucket;
use crate::server::Server;

const KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/cloudfront/keys/rsa-2048-pkcs1.pem"
);

/// Amazon has 192.0.2.0/24 in one region and 198.51.100.0/24 in another.
const RANGES: &str = r#"{"prefixes": [
    {"ip_prefix": "192.0.2.0/24", "region": "us-east-1", "service": "AMAZON"},
    {"ip_prefix": "198.51.100.0/24", "region": "eu-west-1", "service": "AMAZON"}], "ipv6_prefixes": []}"#;

async fn make(changes: Value) -> Result<CloudFront, CloudFrontError> {
    let mut options = json!({ "baseurl": "d1.test/prefix", "privatekey": KEY, "keypairid": "K1" });
    let options = options.as_object_mut().unwrap();
    options.extend(changes.as_object().unwrap().clone());
    CloudFront::new(CloudFrontOptions::read(options)?).await
}

async fn address(cloudfront: &CloudFront, bucket: &Bucket, client: &str) -> Option<Uri> {
    let request = RedirectRequest {
        method: Method::GET,
        client: Some(client.parse().unwrap()),
        content_type: None,
        valid_for: Duration::from_secs(90),
    };
    let path = DriverPath::parse("/docker/registry/v2/blobs/data").unwrap();
    cloudfront.redirect_url(bucket, &path, &request).await.unwrap()
}

/// Where the client is sent: to CloudFront (`true`) or by the driver's own address.
async fn is_sent_to_cloudfront(cloudfront: &CloudFront, client: &str) -> bool {
    let address = address(cloudfront, &Bucket::at(""), client).await.unwrap();
    match address.host() {
        Some("d1.test") => true,
        Some("bucket.test") => false,
        _ => panic!("{address}"),
    }
}

fn parameter(address: &Uri, name: &str) -> String {
    let mut pairs = address
        .query()
        .unwrap()
        .split('&')
        .map(|pair| pair.split_once('=').unwrap());
    pairs.find(|(key, _)| *key == name).unwrap().1.to_owned()
}

#[tokio::test]
async fn an_address_is_the_base_the_key_and_a_signature() {
    let cloudfront = make(json!({})).await.unwrap();
    for (root, expected) in [
        ("", "https://d1.test/prefix/docker/registry/v2/blobs/data"),
        (
            "root/",
            "https://d1.test/prefix/root/docker/registry/v2/blobs/data",
        ),
        (
            "a b/",
            "https://d1.test/prefix/a%20b/docker/registry/v2/blobs/data",
        ),
    ] {
        let address = address(&cloudfront, &Bucket::at(root), "203.0.113.5")
            .await
            .unwrap();
        let text = address.to_string();
        assert_eq!(text.split('?').next().unwrap(), expected);
        assert_eq!(parameter(&address, "Key-Pair-Id"), "K1");
        assert_eq!(parameter(&address, "Hash-Algorithm"), "SHA256");
        assert_eq!(parameter(&address, "Signature").len(), 344);
    }
}

#[tokio::test]
async fn an_address_expires_as_the_option_says_or_else_the_request() {
    for (options, seconds) in [(json!({}), 90), (json!({ "duration": "2h" }), 7200)] {
        let cloudfront = make(options).await.unwrap();
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let address = address(&cloudfront, &Bucket::at(""), "203.0.113.5")
            .await
            .unwrap();
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires: u64 = parameter(&address, "Expires").parse().unwrap();
        assert!(
            (before + seconds..=after + seconds).contains(&expires),
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_driver_without_keys_is_left_alone() {
    let cloudfront = make(json!({})).await.unwrap();
    let plain = hythe_driver_inmemory::InMemoryDriver::new();
    let capabilities = hythe_driver::StorageDriver::capabilities(&plain);
    assert!(!cloudfront.can_redirect(&capabilities));
    assert_eq!(
        address(&cloudfront, &Bucket::without_keys(), "203.0.113.5")
            .await
            .unwrap()
            .host(),
        Some("bucket.test")
    );
}

#[tokio::test]
async fn clients_inside_are_left_to_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("ip-ranges.json");
    std::fs::write(&list, RANGES).unwrap();
    let path = list.to_str().unwrap().to_owned();
    for location in [format!("file://{path}"), path] {
        let cloudfront = make(json!({ "ipfilteredby": "aws", "iprangesurl": location }))
            .await
            .unwrap();
        assert!(!is_sent_to_cloudfront(&cloudfront, "192.0.2.1").await);
        assert!(!is_sent_to_cloudfront(&cloudfront, "198.51.100.1").await);
        assert!(is_sent_to_cloudfront(&cloudfront, "203.0.113.5").await);
        assert!(is_sent_to_cloudfront(&cloudfront, "2001:db8::1").await);

        let regional =
            json!({ "ipfilteredby": "awsregion", "awsregion": "EU-WEST-1", "iprangesurl": location });
        let cloudfront = make(regional).await.unwrap();
        assert!(is_sent_to_cloudfront(&cloudfront, "192.0.2.1").await);
        assert!(!is_sent_to_cloudfront(&cloudfront, "198.51.100.1").await);
    }
}

#[tokio::test]
async fn everybody_is_sent_to_cloudfront_while_the_networks_are_unknown() {
    for location in ["/nowhere/ip-ranges.json", "http://127.0.0.1:1/", KEY] {
        let cloudfront = make(json!({ "ipfilteredby": "aws", "iprangesurl": location }))
            .await
            .unwrap();
        assert!(
            is_sent_to_cloudfront(&cloudfront, "192.0.2.1").await,
            "{location}"
        );
    }
}

#[tokio::test]
async fn the_networks_are_read_again_over_the_network() {
    let mut server = Server::start().await;
    server.answer(503, "");
    let options = json!({
        "ipfilteredby": "aws", "iprangesurl": server.url(), "updatefrequency": "20ms" });
    let cloudfront = Arc::new(make(options).await.unwrap());
    assert!(cloudfront.filters());
    assert!(is_sent_to_cloudfront(&cloudfront, "192.0.2.1").await);

    server.answer(200, RANGES);
    let stop = CancellationToken::new();
    let updating = tokio::spawn({
        let (cloudfront, stop) = (cloudfront.clone(), stop.clone());
        async move { cloudfront.keep_ranges_fresh(stop).await }
    });
    // The second answer was taken when the third is asked for.
    server.asked(2).await;
    assert!(!is_sent_to_cloudfront(&cloudfront, "192.0.2.1").await);

    // A list that cannot be had or read changes nothing.
    server.answer(200, "nonsense");
    server.asked(3).await;
    assert!(!is_sent_to_cloudfront(&cloudfront, "192.0.2.1").await);
    stop.cancel();
    updating.await.unwrap();
}

#[tokio::test]
async fn a_key_file_that_is_not_there_is_named() {
    let error = make(json!({ "privatekey": "/nowhere/key.pem" }))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "option privatekey: cannot read /nowhere/key.pem"
    );
}
