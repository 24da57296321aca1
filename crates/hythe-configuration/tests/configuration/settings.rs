//! The effective configuration as it prints.

use hythe_configuration::{Configuration, SettingSource};
use serde_json::json;

use crate::{everything, load_with};

const FILE: &str = "\
version: 0.1
loglevel: debug
log:
  fields: {service: registry}
  hooks:
    - type: mail
      disabled: true
      levels: [panic]
storage:
  s3: {bucket: b, secretkey: hush, 'odd word': 'yes'}
  cache: {layerinfo: inmemory}
http:
  addr: :5000
  secret: hush
  draintimeout: 60000000000
catalog: {maxentries: -1}
validation: {enabled: true}
proxy:
  ttl: -1s
notifications:
  endpoints:
    - name: a
      url: https://user:hush@example.com/
      headers: {Authorization: [hush], Accept: [hush, hush]}
      disabled: true
middleware:
  storage:
    - name: redirect
      options: {baseurl: 'https://example.com', list: [{a: 1}, [b, {}]]}
";

fn printed(yaml: &str, environment: &[(&str, &str)]) -> String {
    let loaded = load_with(yaml, environment, &everything());
    loaded
        .unwrap_or_else(|problems| panic!("{problems}"))
        .settings
        .to_string()
}

/// The line that has a key, and what surrounds it does not matter.
fn check(printed: &str, line: &str) {
    assert!(
        printed.lines().any(|printed| printed.trim_start() == line),
        "{line}\n{printed}"
    );
}

#[test]
fn every_value_has_its_source() {
    let environment = [
        ("REGISTRY_HTTP_ADDR", ":5001"),
        ("REGISTRY_LOG_FIELDS_SHARD", "3"),
    ];
    let printed = printed(FILE, &environment);
    for line in [
        "level: debug  # config.yml:2 (deprecated key loglevel)",
        "service: registry  # config.yml:4",
        "shard: 3  # REGISTRY_LOG_FIELDS_SHARD",
        "formatter: text  # default",
        "- type: mail  # config.yml:6",
        "levels: [panic]  # config.yml:8",
        "bucket: b  # config.yml:10",
        "\"odd word\": \"yes\"  # config.yml:10",
        "blobdescriptor: inmemory  # config.yml:11 (deprecated key storage.cache.layerinfo)",
        "blobdescriptorsize: 10000  # default",
        "addr: \":5001\"  # REGISTRY_HTTP_ADDR",
        "draintimeout: 1m0s  # config.yml:15",
        "# host: not set",
        "maxentries: 1000  # config.yml:16",
        "disabled: false  # config.yml:17 (deprecated key validation.enabled)",
        "# allow: not set",
        "ttl: 0s  # config.yml:19",
        "Accept: [\"<hidden>\", \"<hidden>\"]  # config.yml:24",
        "- a: 1  # config.yml:29",
        "auth: none  # default",
    ] {
        check(&printed, line);
    }
    assert!(!printed.contains("hush"), "{printed}");
    assert!(
        !printed
            .lines()
            .any(|line| line.trim_start().starts_with("loglevel"))
    );
}

#[test]
fn what_is_printed_means_the_same_again() {
    let file = FILE.replace("hush", "<hidden>");
    let first = load_with(&file, &[], &everything()).unwrap();
    let text = first.settings.to_string();
    let again = load_with(&text, &[], &everything()).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(again.warnings.to_string(), "", "{text}");
    assert_eq!(again.configuration, first.configuration, "{text}");

    let text = printed("version: 0.1\nstorage: inmemory", &[]);
    let again = load_with(&text, &[], &everything()).unwrap();
    assert_eq!(again.warnings.to_string(), "", "{text}");
    assert_eq!(again.configuration, Configuration::default(), "{text}");
}

#[test]
fn a_setting_is_found_by_its_name() {
    let loaded = load_with(FILE, &[], &everything()).unwrap();
    let setting = loaded.settings.find("notifications.endpoints[0].name").unwrap();
    assert_eq!(setting.value, json!("a"));
    assert_eq!(setting.source.to_string(), "config.yml:22");
    let setting = loaded.settings.find("http.net").unwrap();
    assert_eq!(
        (&setting.value, &setting.source),
        (&json!("tcp"), &SettingSource::Default)
    );
}
