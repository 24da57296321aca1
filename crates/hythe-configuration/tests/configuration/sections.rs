//! What the sections mean beyond the type of each key.

use std::time::Duration;

use hythe_configuration::sections::log::LogLevel;
use hythe_configuration::sections::storage::CacheKind;
use hythe_configuration::sections::validation::{ImageBlobs, IndexChildren};
use serde_json::json;

use crate::{everything, load, load_with, problems_of};

const HOUR: Duration = Duration::from_secs(3600);

fn with(section: &str) -> String {
    format!("version: 0.1\nstorage: inmemory\n{section}\n")
}

#[test]
fn the_old_level_counts_only_where_the_new_one_is_absent() {
    for (section, expected) in [
        ("log: {}", LogLevel::Info),
        ("loglevel: debug", LogLevel::Debug),
        ("loglevel: debug\nlog: {level: }", LogLevel::Debug),
        ("loglevel: debug\nlog: {level: Error}", LogLevel::Error),
        ("log: {level: WARN}", LogLevel::Warn),
    ] {
        let loaded = load_with(&with(section), &[], &everything()).unwrap();
        assert_eq!(loaded.configuration.log.level, expected, "{section}");
    }
    let expected = "config.yml:3:11: warning: loglevel: deprecated; use `log.level`";
    assert_eq!(problems_of(&with("loglevel: debug"), &[]), expected);
}

#[test]
fn levels_of_go_mean_the_nearest_level() {
    for (name, expected, used) in [
        ("warning", LogLevel::Warn, "warn"),
        ("trace", LogLevel::Debug, "debug"),
        ("fatal", LogLevel::Error, "error"),
        ("panic", LogLevel::Error, "error"),
    ] {
        let loaded = load_with(&with(&format!("log: {{level: {name}}}")), &[], &everything()).unwrap();
        assert_eq!(loaded.configuration.log.level, expected, "{name}");
        let warning =
            format!("config.yml:3:14: warning: log.level: {name} is not a level of its own; {used} is used");
        assert_eq!(loaded.warnings.to_string(), warning);
    }
}

#[test]
fn storage_has_exactly_one_driver() {
    assert_eq!(
        load("version: 0.1\nstorage: inmemory").storage.driver.name,
        "inmemory"
    );
    assert_eq!(
        load("version: 0.1\nstorage: {inmemory: }").storage.driver.name,
        "inmemory"
    );
    let missing = "no storage configuration provided; name a driver, for example \
                   `storage: {filesystem: {rootdirectory: /var/lib/registry}}`";
    assert_eq!(
        problems_of("version: 0.1", &[]),
        format!("config.yml: storage: {missing}")
    );
    assert_eq!(
        problems_of("version: 0.1\nstorage: {delete: {enabled: true}}", &[]),
        format!("config.yml:2:1: storage: {missing}"),
    );
    assert_eq!(
        problems_of("version: 0.1\nstorage:\n  s3: {}\n  inmemory: {}", &[]),
        "config.yml:3:3: storage.s3: must provide exactly one storage type, there is also \"inmemory\"\n\
         config.yml:4:3: storage.inmemory: must provide exactly one storage type, there is also \"s3\"",
    );
    assert_eq!(
        problems_of(
            "version: 0.1\nstorage:\n  inmemory: {}\n  deleted: {enabled: true}",
            &[]
        ),
        "config.yml:3:3: storage.inmemory: must provide exactly one storage type, there is also \"deleted\"\n\
         config.yml:4:3: storage.deleted: must provide exactly one storage type, there is also \"inmemory\", \
         did you mean \"delete\"?\n\
         config.yml:4:3: storage.deleted: unknown storage driver \"deleted\"; \
         this build has filesystem, inmemory, s3",
    );
}

#[test]
fn parameters_of_the_driver_are_handed_on_as_they_are() {
    let yaml = "
version: 0.1
storage:
  s3:
    bucket: b
    secure: yes
    chunksize: 5242880
    accesskey: 0123
    regions: [a, 2]
    nested: {deep: {er: 1.5}}
";
    let driver = load(yaml).storage.driver;
    assert_eq!(driver.name, "s3");
    let expected = json!({
        "bucket": "b",
        "secure": true,
        "chunksize": 5_242_880,
        "accesskey": "0123",
        "regions": ["a", 2],
        "nested": {"deep": {"er": 1.5}},
    });
    assert_eq!(serde_json::Value::Object(driver.parameters), expected);
}

#[test]
fn empty_parameters_count_as_absent() {
    let yaml = "version: 0.1\nstorage: {filesystem: {rootdirectory: }}";
    let loaded = load_with(yaml, &[], &everything()).unwrap();
    assert!(loaded.configuration.storage.driver.parameters.is_empty());
    let expected =
        "config.yml:2:37: warning: storage.filesystem.rootdirectory: empty, so it counts as not given";
    assert_eq!(loaded.warnings.to_string(), expected);
}

#[test]
fn purging_has_a_default_for_each_missing_key() {
    let purging = |section: &str| {
        let yaml = format!("version: 0.1\nstorage: {{inmemory: , maintenance: {section}}}");
        load(&yaml).storage.maintenance.uploadpurging
    };
    for section in [
        "",
        "{}",
        "{uploadpurging: }",
        "{uploadpurging: {}}",
        "{uploadpurging: {enabled: true}}",
    ] {
        let purging = purging(section);
        assert!(purging.enabled && !purging.dryrun, "{section}");
        assert_eq!(
            (purging.age, purging.interval),
            (168 * HOUR, 24 * HOUR),
            "{section}"
        );
    }
    let purging = purging("{uploadpurging: {enabled: false, age: 1h}}");
    assert!(!purging.enabled);
    assert_eq!((purging.age, purging.interval), (HOUR, 24 * HOUR));
}

#[test]
fn the_cache_has_an_old_name_and_a_bounded_size() {
    let cache = |keys: &str| {
        let yaml = format!("version: 0.1\nstorage: {{inmemory: , cache: {{{keys}}}}}\nredis: {{addrs: [a]}}");
        let loaded = load_with(&yaml, &[], &everything()).unwrap();
        let cache = loaded.configuration.storage.cache;
        (
            cache.blobdescriptor,
            cache.blobdescriptorsize.map(usize::from),
            loaded.warnings.len(),
        )
    };
    assert_eq!(
        cache("blobdescriptor: inmemory"),
        (Some(CacheKind::InMemory), Some(10_000), 0)
    );
    assert_eq!(
        cache("layerinfo: inmemory"),
        (Some(CacheKind::InMemory), Some(10_000), 1)
    );
    assert_eq!(
        cache("layerinfo: redis, blobdescriptor: inmemory").0,
        Some(CacheKind::InMemory)
    );
    assert_eq!(
        cache("blobdescriptor: inmemory, blobdescriptorsize: 0"),
        (Some(CacheKind::InMemory), None, 0)
    );
    assert_eq!(
        cache("blobdescriptor: inmemory, blobdescriptorsize: -1"),
        (Some(CacheKind::InMemory), None, 0)
    );
    assert_eq!(
        cache("blobdescriptor: inmemory, blobdescriptorsize: '7'"),
        (Some(CacheKind::InMemory), Some(7), 0)
    );
    assert_eq!(cache("blobdescriptor: memcached"), (None, Some(10_000), 1));
    assert_eq!(cache(""), (None, Some(10_000), 1));
    assert_eq!(cache("blobdescriptor: redis, blobdescriptorsize: 5").2, 1);
}

#[test]
fn a_cache_in_redis_needs_redis() {
    let expected = "config.yml:2:31: storage.cache.blobdescriptor: a cache in redis needs the section `redis` with `addrs`";
    let yaml = "version: 0.1\nstorage: {inmemory: , cache: {blobdescriptor: redis}}";
    assert_eq!(problems_of(yaml, &[]), expected);
}

#[test]
fn limits_of_lists_have_their_defaults() {
    for (section, expected) in [
        ("catalog: {maxentries: 0}", 1000),
        ("catalog: {maxentries: -5}", 1000),
        ("catalog: {}", 1000),
        ("catalog: {maxentries: 7}", 7),
    ] {
        assert_eq!(
            load(&with(section)).catalog.maxentries.get(),
            expected,
            "{section}"
        );
    }
    assert_eq!(load(&with("tags: {maxtags: 0}")).tags.maxtags.get(), 1000);
    assert_eq!(
        problems_of(
            "version: 0.1\nstorage: {inmemory: , tag: {concurrencylimit: -1}}",
            &[]
        ),
        "config.yml:2:47: storage.tag.concurrencylimit: must not be negative; 0 means the number of processors",
    );
}

#[test]
fn the_host_counts_only_with_a_scheme() {
    assert_eq!(load(&with("http: {host: ''}")).http.host, None);
    let path = load(&with("http: {host: 'HTTPS://a.test/b/'}")).http.host;
    assert_eq!(path.as_deref(), Some("HTTPS://a.test/b/"));
    let ignored =
        "config.yml:3:14: warning: http.host: \"a.test\" has no scheme, so it is ignored; write https://…";
    assert_eq!(problems_of(&with("http: {host: a.test}"), &[]), ignored);
    for host in [
        "ftp://a.test",
        "https:///path",
        "https://a b",
        "https://a.test/?q",
    ] {
        let refused = format!(
            "config.yml:3:14: http.host: \"{host}\" is not a URL such as https://registry.example.com"
        );
        assert_eq!(
            problems_of(&with(&format!("http: {{host: '{host}'}}")), &[]),
            refused
        );
    }
}

#[test]
fn prefixes_and_headers_are_valid_in_http() {
    for (section, expected) in [
        (
            "http: {prefix: registry}",
            "3:16: http.prefix: \"registry\" is not a path such as /registry/",
        ),
        (
            "http: {prefix: '/a?b'}",
            "3:16: http.prefix: \"/a?b\" is not a path such as /registry/",
        ),
        (
            "http: {headers: {'a b': [c]}}",
            "3:17: http.headers: \"a b\" is not the name of a header",
        ),
        (
            "http: {headers: {a: [\"b\\r\\nc\"]}}",
            "3:17: http.headers: a value of \"a\" has control characters",
        ),
    ] {
        assert_eq!(
            problems_of(&with(section), &[]),
            format!("config.yml:{expected}"),
            "{section}"
        );
    }
}

#[test]
fn a_bare_number_is_nanoseconds() {
    let loaded = load_with(&with("http: {draintimeout: 30}"), &[], &everything()).unwrap();
    assert_eq!(loaded.configuration.http.draintimeout, Duration::from_nanos(30));
    let expected = "config.yml:3:22: warning: http.draintimeout: a number without unit means nanoseconds, \
                    so this is 30ns; add a unit";
    assert_eq!(loaded.warnings.to_string(), expected);
    let long = load(&with("http: {draintimeout: 30000000000}")).http.draintimeout;
    assert_eq!(long, Duration::from_secs(30));
}

#[test]
fn tls_needs_parts_that_belong_together() {
    for (tls, expected) in [
        (
            "{certificate: /a}",
            "3:27: http.tls.certificate: needs `key`, the file of its private key",
        ),
        (
            "{key: /a}",
            "3:19: warning: http.tls.key: no effect without `certificate`",
        ),
        (
            "{certificate: /a, key: /b, letsencrypt: {cachefile: /c}}",
            "3:27: http.tls.certificate: cannot be combined with `letsencrypt.cachefile`; keep one of them",
        ),
        (
            "{clientcas: [/a]}",
            "3:25: warning: http.tls.clientcas: no effect without TLS, so nobody is asked for a certificate; \
             set `certificate` and `key`",
        ),
        (
            "{letsencrypt: {hosts: [a.test]}}",
            "3:27: warning: http.tls.letsencrypt: no effect without `cachefile`, the directory for certificates",
        ),
        (
            "{minimumtls: tls1.0}",
            "3:26: http.tls.minimumtls: \"tls1.0\" is none of tls1.2, tls1.3",
        ),
        (
            "{ciphersuites: [TLS_AES_128_GCM_SHA265]}",
            "3:28: http.tls.ciphersuites: unknown suite \"TLS_AES_128_GCM_SHA265\", \
             did you mean \"TLS_AES_128_GCM_SHA256\"?",
        ),
    ] {
        assert_eq!(
            problems_of(&with(&format!("http: {{tls: {tls}}}")), &[]),
            format!("config.yml:{expected}")
        );
    }
}

#[test]
fn auth_has_one_provider_or_none() {
    assert_eq!(load(&with("auth: none")).auth.provider, None);
    assert_eq!(load(&with("auth:")).auth.provider, None);
    assert_eq!(load(&with("auth: {none: }")).auth.provider, None);
    let provider = load(&with("auth: {htpasswd: {realm: 123, path: /b}}"))
        .auth
        .provider
        .unwrap();
    assert_eq!(provider.name, "htpasswd");
    assert_eq!(
        serde_json::Value::Object(provider.parameters),
        json!({"realm": 123, "path": "/b"})
    );
    let two = "must provide exactly one type, not \"silly\", \"token\"";
    assert_eq!(
        problems_of(&with("auth: {silly: {}, token: {}}"), &[]),
        format!("config.yml:3:8: auth.silly: {two}\nconfig.yml:3:19: auth.token: {two}"),
    );
    let open = "config.yml:3:1: warning: auth: names no provider, so the registry is open; say `auth: none` if that is meant";
    assert_eq!(problems_of(&with("auth: {}"), &[]), open);
}

#[test]
fn the_children_of_indexes_are_checked_only_when_the_file_says_so() {
    let children = |validation: &str| {
        let yaml = with(&format!("validation: {validation}"));
        let loaded = load_with(&yaml, &[], &everything()).unwrap();
        match loaded.configuration.validation.index_children() {
            IndexChildren::All => "all".to_owned(),
            IndexChildren::None => "none".to_owned(),
            IndexChildren::OfPlatforms(list) => format!("{}/{}", list[0].os, list[0].architecture),
        }
    };
    assert_eq!(children(""), "none");
    assert_eq!(children("{enabled: true}"), "none");
    assert_eq!(children("{manifests: {images: {blobs: none}}}"), "none");
    assert_eq!(children("{manifests: {urls: {allow: [a]}}}"), "all");
    assert_eq!(children("{manifests: {indexes: {platforms: ALL}}}"), "all");
    assert_eq!(children("{manifests: {indexes: {platforms: none}}}"), "none");
    assert_eq!(children("{manifests: {indexes: {platforms: list}}}"), "all");
    let list = "{manifests: {indexes: {platforms: list, platformlist: [{architecture: arm64, os: linux}]}}}";
    assert_eq!(children(list), "linux/arm64");
    assert_eq!(
        children("{disabled: true, manifests: {indexes: {platforms: all}}}"),
        "none"
    );
    assert_eq!(
        children("{disabled: true, enabled: true, manifests: {indexes: {platforms: all}}}"),
        "all"
    );
}

#[test]
fn blobs_of_images_are_checked_unless_the_file_says_no() {
    assert_eq!(
        load(&with("validation:")).validation.manifests.images.blobs,
        ImageBlobs::All
    );
    let none = load(&with("validation: {manifests: {images: {blobs: none}}}")).validation;
    assert_eq!(none.manifests.images.blobs, ImageBlobs::None);
    assert!(none.enabled && !none.manifests.is_configured);
}

#[test]
fn url_rules_are_regular_expressions() {
    let expected = "config.yml:3:40: validation.manifests.urls.allow: \"(a\" is not a regular expression";
    assert_eq!(
        problems_of(&with("validation: {manifests: {urls: {allow: ['(a']}}}"), &[]),
        expected
    );
}

#[test]
fn the_proxy_keeps_content_for_a_week_or_for_ever() {
    let proxy = |keys: &str| load(&with(&format!("proxy: {{{keys}}}"))).proxy;
    assert_eq!(proxy("").ttl, Some(168 * HOUR));
    assert_eq!(proxy("ttl: 0").ttl, None);
    assert_eq!(proxy("ttl: -1h").ttl, None);
    assert_eq!(
        proxy("cachewritetimeout: 0s").cachewritetimeout,
        Duration::from_secs(300)
    );
    assert_eq!(
        proxy("exec: {command: a, lifetime: 0}").exec.lifetime,
        Some(Duration::ZERO)
    );
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    let yaml = "
version: 0.1
storage: inmemory
http:
  headers: &headers
    X-One: [a]
    X-Two: [b]
health:
  http:
    - uri: http://a.test
      headers: *headers
    - uri: http://b.test
      headers:
        X-Two: [c]
        <<: *headers
    - uri: http://c.test
      headers:
        <<: [{X-One: [d]}, *headers]
";
    let checks = load(yaml).health.http;
    let headers = |index: usize| {
        let mut headers: Vec<String> = checks[index]
            .headers
            .iter()
            .map(|(name, values)| format!("{name}={}", values.join(",")))
            .collect();
        headers.sort();
        headers.join(" ")
    };
    assert_eq!(headers(0), "X-One=a X-Two=b");
    assert_eq!(headers(1), "X-One=a X-Two=c");
    assert_eq!(headers(2), "X-One=d X-Two=b");
}

#[test]
fn tags_of_yaml_decide_the_type() {
    assert!(
        load(&with("http: {relativeurls: !!bool 'yes'}"))
            .http
            .relativeurls
    );
    assert!(problems_of(&with("http: {relativeurls: !!str yes}"), &[]).contains("is not true or false"));
}
