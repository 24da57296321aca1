//! What this version cannot honour, and what guards access or changes what is served, stops the start.

use hythe_testutil::Configuration;
use serde_json::{Value, json};

use crate::process::Setup;

/// The start fails, and one line names file, line and key and says `expected`.
async fn check(key: &[&str], value: Value, named: &str, expected: &str) {
    let configuration = Configuration::inmemory().set(key, value);
    let (code, message) = Setup::with(&configuration).refused().await;
    assert_eq!(code, Some(1), "{message}");
    let line = message
        .lines()
        .find(|line| line.contains(&format!(": {named}: ")));
    let line = line.unwrap_or_else(|| panic!("{named}: {message}"));
    assert!(line.starts_with("config.yml:1:"), "{line}");
    assert!(line.contains(expected), "{line}");
}

#[tokio::test]
async fn no_access_control_by_name_is_served() {
    let configuration = Configuration::inmemory().set(&["auth"], json!("none"));
    Setup::with(&configuration).serve().await;
}

#[tokio::test]
async fn pull_through_is_refused() {
    check(
        &["proxy"],
        json!({ "remoteurl": "https://registry-1.docker.io" }),
        "proxy.remoteurl",
        "no pull-through cache",
    )
    .await;
}

#[tokio::test]
async fn notifications_are_refused_unless_disabled() {
    let endpoint =
        |disabled: bool| json!([{ "name": "a", "url": "http://127.0.0.1:1/", "disabled": disabled }]);
    check(
        &["notifications", "endpoints"],
        endpoint(false),
        "notifications.endpoints",
        "sends no notifications",
    )
    .await;
    let configuration = Configuration::inmemory().set(&["notifications", "endpoints"], endpoint(true));
    Setup::with(&configuration).serve().await;
}

#[tokio::test]
async fn middleware_is_refused_unless_disabled() {
    let unknown =
        |disabled: bool| json!([{ "name": "mirror", "disabled": disabled, "options": { "a": "x" } }]);
    check(
        &["middleware", "storage"],
        unknown(false),
        "middleware.storage",
        "no storage middleware",
    )
    .await;
    let configuration = Configuration::inmemory().set(&["middleware", "storage"], unknown(true));
    Setup::with(&configuration).serve().await;
}

#[tokio::test]
async fn a_cache_in_redis_is_refused() {
    check(
        &["storage", "cache"],
        json!({ "blobdescriptor": "redis" }),
        "storage.cache.blobdescriptor",
        "no cache redis",
    )
    .await;
}

#[tokio::test]
async fn drivers_that_are_not_there_are_refused() {
    let check = |storage: Value, named: &'static str, expected: &'static str| async move {
        let configuration = Configuration::inmemory().set(&["storage"], storage);
        let (code, message) = Setup::with(&configuration).refused().await;
        assert_eq!(code, Some(1), "{message}");
        let line = message
            .lines()
            .find(|line| line.contains(named))
            .unwrap_or_default();
        assert!(
            line.starts_with("config.yml:1:") && line.contains(expected),
            "{message}"
        );
    };
    check(
        json!({ "swift": { "container": "c" } }),
        ": storage.swift: ",
        "unknown storage driver",
    )
    .await;
    check(
        json!({ "filesytem": { "rootdirectory": "/x" } }),
        ": storage.filesytem: ",
        "did you mean \"filesystem\"?",
    )
    .await;
    check(
        json!({ "filesystem": {}, "inmemory": {} }),
        ": storage.filesystem: ",
        "exactly one storage type",
    )
    .await;
}

#[tokio::test]
async fn a_driver_from_a_variable_is_named_by_it() {
    let setup = Setup::with(&Configuration::inmemory()).variable("REGISTRY_STORAGE", "swift");
    let (code, message) = setup.refused().await;
    assert_eq!(code, Some(1));
    assert!(
        message.contains("REGISTRY_STORAGE: storage.swift: unknown storage driver"),
        "{message}"
    );
}

#[tokio::test]
async fn redis_is_refused() {
    check(
        &["redis"],
        json!({ "addrs": ["127.0.0.1:6379"] }),
        "redis.addrs",
        "uses no redis",
    )
    .await;
}

#[tokio::test]
async fn another_version_is_refused() {
    let (code, message) = Setup::with_text("version: 0.2\nstorage: inmemory\n")
        .refused()
        .await;
    assert_eq!(code, Some(1));
    assert!(
        message.contains("config.yml:1:10: version: unsupported version: \"0.2\""),
        "{message}"
    );
}
