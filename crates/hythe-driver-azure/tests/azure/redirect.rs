//! Addresses for clients.

use std::time::Duration;

use http::Method;
use hythe_driver::{DriverPath, PutOptions, RedirectRequest, StorageDriver};
use serde_json::json;

use crate::emulator;

fn request(content_type: Option<&str>, valid_for: Duration) -> RedirectRequest {
    RedirectRequest {
        method: Method::GET,
        client: None,
        content_type: content_type.map(str::to_owned),
        valid_for,
    }
}

async fn get(address: &str) -> (u16, Option<String>, String) {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(no_tls())
        .build()
        .unwrap();
    let answer = client.get(address).send().await.unwrap();
    let content_type = answer.headers().get("content-type");
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
    (
        answer.status().as_u16(),
        content_type,
        answer.text().await.unwrap(),
    )
}

/// Azurite is spoken to in clear.
fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

#[tokio::test]
async fn an_address_opens_one_blob_for_a_while() {
    let Some(parameters) = emulator::parameters() else {
        return;
    };
    let driver = emulator::driver(&parameters);
    let at = DriverPath::parse("/blobs/a/data").unwrap();
    let put = driver.put_content(&at, "content".into(), PutOptions::default());
    put.await.unwrap();
    let of = async |content_type, valid_for| {
        let address = driver.redirect_url(&at, &request(content_type, valid_for)).await;
        address.unwrap().unwrap().to_string()
    };
    let minute = Duration::from_secs(60);
    let address = of(Some("application/vnd.oci.image.layer.v1.tar+gzip"), minute).await;
    let (status, content_type, content) = get(&address).await;
    assert_eq!((status, content.as_str()), (200, "content"));
    assert_eq!(
        content_type.as_deref(),
        Some("application/vnd.oci.image.layer.v1.tar+gzip")
    );
    assert_eq!(get(&of(None, minute).await).await.0, 200);
    assert_eq!(get(&address.replace("/data?", "/other?")).await.0, 403);
    assert_eq!(get(&of(None, Duration::ZERO).await).await.0, 403);
}

#[tokio::test]
async fn an_address_may_be_another_than_the_registrys_own() {
    let Some(mut parameters) = emulator::parameters() else {
        return;
    };
    parameters.insert(
        "redirectendpoint".to_owned(),
        json!("https://cdn.example.com/acc"),
    );
    let driver = emulator::driver(&parameters);
    let at = DriverPath::parse("/blobs/a/data").unwrap();
    let request = request(None, Duration::from_secs(60));
    let address = driver.redirect_url(&at, &request).await.unwrap().unwrap();
    assert_eq!(address.host(), Some("cdn.example.com"));
    assert!(address.path().starts_with("/acc/") && address.path().ends_with("/blobs/a/data"));
    assert!(address.query().unwrap().contains("spr=https&"));
}

#[tokio::test]
async fn a_signature_of_somebody_else_is_never_handed_out() {
    let Some(mut parameters) = emulator::parameters() else {
        return;
    };
    parameters.remove("accountkey");
    let credentials = json!({"type": "sas_token", "sastoken": "sv=2022-11-02&sr=c&sp=racwdl&sig=hidden"});
    parameters.insert("credentials".to_owned(), credentials);
    let driver = emulator::driver(&parameters);
    assert!(!driver.capabilities().redirect);
    let at = DriverPath::parse("/blobs/a/data").unwrap();
    let address = driver
        .redirect_url(&at, &request(None, Duration::from_secs(60)))
        .await;
    assert_eq!(address.unwrap(), None);
}
