//! Addresses for clients, and the credentials that sign them.

use std::time::Duration;

use http::Method;
use hythe_driver::{PutOptions, RedirectRequest, StorageDriver};
use hythe_driver_gcs::testing::Service;
use hythe_driver_gcs::{GcsDriver, GcsParameters};
use serde_json::Value;

use crate::support::{driver_with, imitated, path, with};

/// A key that opens nothing: it was made for this file.
fn key() -> Value {
    serde_json::from_str(include_str!("made-for-tests.json")).unwrap()
}

fn request(method: Method, seconds: u64) -> RedirectRequest {
    RedirectRequest {
        method,
        client: None,
        content_type: Some("application/x-test".to_owned()),
        valid_for: Duration::from_secs(seconds),
    }
}

async fn fetch(address: &str) -> (Option<String>, String) {
    let answer = reqwest::Client::new().get(address).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let content_type = answer
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned());
    (content_type, answer.text().await.unwrap())
}

#[tokio::test]
async fn a_signed_address_yields_the_file_and_its_type() {
    let service = Service::start().await.unwrap();
    let parameters = with(service.parameters(), "credentials", key());
    let driver = driver_with(&with(parameters, "anonymous", false));
    driver
        .put_content(&path("/a/b"), "content".into(), PutOptions::default())
        .await
        .unwrap();
    let address = driver
        .redirect_url(&path("/a/b"), &request(Method::GET, 60))
        .await
        .unwrap()
        .unwrap()
        .to_string();
    for expected in [
        "X-Goog-Expires=60",
        "X-Goog-Credential=signer%40test",
        "X-Goog-Signature=",
    ] {
        assert!(address.contains(expected), "{address}");
    }
    let found = fetch(&address).await;
    assert_eq!(
        found,
        (Some("application/x-test".to_owned()), "content".to_owned())
    );
    // The token is a JWT that the key signed; nobody had to be asked for it.
    let authorizations = service.authorizations();
    assert!(
        authorizations.len() == 1 && authorizations[0].starts_with("Bearer ey"),
        "{authorizations:?}"
    );
}

#[tokio::test]
async fn an_address_is_never_good_for_longer_than_the_service_allows() {
    let service = Service::start().await.unwrap();
    let driver = driver_with(&with(service.parameters(), "credentials", key()));
    let address = driver
        .redirect_url(&path("/a"), &request(Method::HEAD, 1 << 40))
        .await
        .unwrap()
        .unwrap();
    assert!(address.to_string().contains("X-Goog-Expires=604800"), "{address}");
    assert!(
        driver
            .redirect_url(&path("/a"), &request(Method::PUT, 60))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(service.requests(), 0);
}

#[tokio::test]
async fn clients_are_sent_to_the_redirect_endpoint() {
    let service = Service::start().await.unwrap();
    let parameters = with(
        service.parameters(),
        "redirectendpoint",
        "https://public.example.com",
    );
    let parameters = with(parameters, "rootdirectory", "r");
    let driver = driver_with(&with(parameters, "credentials", key()));
    let address = driver
        .redirect_url(&path("/a"), &request(Method::GET, 60))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(address.host(), Some("public.example.com"));
    assert_eq!(address.path(), "/bucket/r/a");
}

#[tokio::test]
async fn what_is_open_needs_no_signature() {
    let (driver, _service) = imitated().await;
    driver
        .put_content(&path("/a"), "content".into(), PutOptions::default())
        .await
        .unwrap();
    let address = driver
        .redirect_url(&path("/a"), &request(Method::GET, 60))
        .await
        .unwrap()
        .unwrap()
        .to_string();
    assert!(!address.contains("Signature"), "{address}");
    assert_eq!(fetch(&address).await.1, "content");
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_refused_without_being_shown() {
    let service = Service::start().await.unwrap();
    let parameters = with(service.parameters(), "anonymous", false);
    let mut unknown = key();
    unknown["type"] = "something".into();
    unknown["private_key"] = "SECRET".into();
    for credentials in [unknown, serde_json::json!({})] {
        let parameters = GcsParameters::read(&with(parameters.clone(), "credentials", credentials)).unwrap();
        let error = GcsDriver::new(&parameters).unwrap_err();
        assert!(
            !format!("{error:?} {parameters:?}").contains("SECRET"),
            "{error:?}"
        );
    }
    let parameters = with(parameters, "credentials", key());
    let unencrypted = with(parameters, "endpoint", "http://storage.example.com");
    let error = GcsDriver::new(&GcsParameters::read(&unencrypted).unwrap()).unwrap_err();
    assert!(error.to_string().contains("unencrypted"), "{error}");
}
