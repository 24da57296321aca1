//! `hythe config schema` and `hythe config reference`.
//!
//! The examples are JSON, which is YAML, so that the schema and the program judge the same text.

use std::process::Command;

use hythe_testutil::Configuration;
use serde_json::{Value, json};

use crate::config_check::check;
use crate::process::PROGRAM;

fn print(what: &str) -> String {
    let output = Command::new(PROGRAM).args(["config", what]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&print("schema")).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Whether the strict program takes the text.
fn is_taken(text: &str) -> (bool, String) {
    let (code, _, problems) = check(text, &["--strict"], &[]);
    (code == Some(0), problems)
}

fn example() -> Configuration {
    Configuration::with_storage(&json!({ "inmemory": {} }))
}

#[test]
fn good_configurations_are_valid() {
    let validator = validator();
    let storage = |storage: Value| Configuration::with_storage(&storage);
    let set = |key: &[&str], value: Value| example().set(key, value);
    for good in [
        example(),
        storage(json!("inmemory")),
        storage(
            json!({ "filesystem": { "rootdirectory": "/x", "maxthreads": 100 }, "delete": { "enabled": true } }),
        ),
        storage(json!({ "s3": { "region": "us-east-1", "bucket": "b" }, "redirect": { "disable": true } })),
        storage(
            json!({ "inmemory": null, "cache": { "blobdescriptor": "inmemory", "blobdescriptorsize": "7" } }),
        ),
        set(
            &["http"],
            json!({ "addr": ":5000", "net": "TCP", "draintimeout": "1h30m", "host": null }),
        ),
        set(&["http", "draintimeout"], json!(60_000_000_000_u64)),
        set(&["http", "uploadbuffers"], json!("24MiB")),
        set(&["http", "headers"], json!({ "X-A": ["b"] })),
        set(
            &["log"],
            json!({ "level": "Warning", "fields": { "a": { "b": 1 } }, "hooks": [{ "type": "mail" }] }),
        ),
        set(&["auth"], json!("none")),
        set(&["auth"], json!({ "silly": { "realm": "r", "service": "s" } })),
        set(
            &["validation", "manifests", "indexes"],
            json!({ "platforms": "list", "platformlist": [{ "os": "linux" }] }),
        ),
        set(&["redis", "pool"], json!({ "maxidle": 1 })),
        set(&["loglevel"], json!("debug")),
    ] {
        let text = good.text();
        let instance: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&instance)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{text}: {errors:?}");
        let (taken, problems) = is_taken(&text);
        assert!(taken, "{text}: {problems}");
    }
}

#[test]
fn bad_configurations_are_not() {
    let validator = validator();
    let storage = |storage: Value| Configuration::with_storage(&storage);
    let set = |key: &[&str], value: Value| example().set(key, value);
    for bad in [
        set(&["version"], json!("0.2")),
        set(&["version"], Value::Null),
        storage(Value::Null),
        storage(json!({})),
        storage(json!({ "delete": { "enabled": true } })),
        storage(json!({ "filesystem": {}, "inmemory": {} })),
        storage(json!({ "swift": {} })),
        storage(json!("swift")),
        storage(json!({ "inmemory": {}, "delete": { "enabled": "true" } })),
        set(&["http", "adr"], json!(":5000")),
        set(&["http", "net"], json!("udp")),
        set(&["http", "draintimeout"], json!("1d")),
        set(&["http", "timeouts"], json!({ "header": 5 })),
        set(&["http", "uploadbuffers"], json!("24 MegaBytes")),
        set(&["http", "headers"], json!(["X-A"])),
        set(&["http", "tls", "clientcas"], json!("/ca")),
        set(&["http"], json!(5)),
        set(&["auth"], json!({ "silly": {}, "htpasswd": {} })),
        set(&["catalog", "maxentries"], json!("many")),
        set(&["tags", "maxtags"], json!(1.5)),
        set(&["log", "level"], json!("loud")),
        set(&["middleware", "storage"], json!({ "name": "redirect" })),
        set(&["unknown"], json!(1)),
    ] {
        let text = bad.text();
        let instance: Value = serde_json::from_str(&text).unwrap();
        assert!(!validator.is_valid(&instance), "{text}");
        let (taken, _) = is_taken(&text);
        assert!(!taken, "{text}");
    }
}

#[test]
fn every_key_is_in_the_schema_with_its_meaning() {
    let schema: Value = serde_json::from_str(&print("schema")).unwrap();
    for (key, _) in hythe_configuration::Configuration::keys() {
        let mut place = &schema;
        for part in key.split('.') {
            let (name, is_list) = match part.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (part, false),
            };
            // `storage` and `auth` may be a name alone.
            let section = place["anyOf"].get(1).unwrap_or(place);
            place = &section["properties"][name];
            if is_list {
                place = &place["items"];
            }
        }
        assert!(place["description"].is_string(), "{key}: {place}");
    }
}

#[test]
fn the_page_of_all_keys_is_fresh() {
    const PAGE: &str = include_str!("../../../../docs/configuration.md");
    assert_eq!(
        print("reference").trim_end(),
        PAGE.trim_end(),
        "make it again: cargo xtask pages"
    );
}
