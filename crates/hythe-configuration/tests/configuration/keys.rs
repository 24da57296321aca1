//! Every key there is, by the file and by its variable.

use hythe_configuration::Configuration;

use crate::{everything, load_with};

type Shown = fn(&Configuration) -> String;

macro_rules! keys {
    ($($path:literal = $value:literal => |$configuration:ident| $field:expr, $expected:literal;)+) => {
        &[$(($path, $value, (|$configuration| format!("{:?}", $field)) as Shown, $expected)),+]
    };
}

/// The key, a value for it, and what becomes of it.
const KEYS: &[(&str, &str, Shown, &str)] = keys! {
    "log.level" = "debug" => |c| c.log.level, "Debug";
    "log.formatter" = "json" => |c| c.log.formatter, "Json";
    "log.fields" = "{service: registry, shard: 3}" => |c| c.log.fields, r#"{"service": String("registry"), "shard": Number(3)}"#;
    "log.reportcaller" = "true" => |c| c.log.reportcaller, "true";
    "log.accesslog.disabled" = "on" => |c| c.log.accesslog.disabled, "true";
    "loglevel" = "error" => |c| c.log.level, "Error";

    "storage.delete.enabled" = "true" => |c| c.storage.delete.enabled, "true";
    "storage.redirect.disable" = "true" => |c| c.storage.redirect.disable, "true";
    "storage.redirect.expiry" = "90s" => |c| c.storage.redirect.expiry, "90s";
    "storage.redirect.minimumsize" = "1MiB" => |c| c.storage.redirect.minimumsize, "ByteSize(1048576)";
    "storage.redirect.networks" = "[10.1.2.3/8]" => |c| c.storage.redirect.networks, "[10.0.0.0/8]";
    "storage.redirect.exceptnetworks" = "['fd00::1', '::ffff:10.0.0.1']" => |c| c.storage.redirect.exceptnetworks, "[fd00::1/128, 10.0.0.1/32]";
    "storage.cache.layerinfo" = "inmemory" => |c| c.storage.cache.blobdescriptor, "Some(InMemory)";
    "storage.cache.blobdescriptor" = "redis" => |c| c.storage.cache.blobdescriptor, "Some(Redis)";
    "storage.cache.blobdescriptorsize" = "5" => |c| c.storage.cache.blobdescriptorsize, "Some(5)";
    "storage.tag.concurrencylimit" = "8" => |c| c.storage.tag.concurrencylimit, "Some(8)";
    "storage.maintenance.uploadpurging.enabled" = "false" => |c| c.storage.maintenance.uploadpurging.enabled, "false";
    "storage.maintenance.uploadpurging.age" = "1h30m" => |c| c.storage.maintenance.uploadpurging.age, "5400s";
    "storage.maintenance.uploadpurging.interval" = "10m" => |c| c.storage.maintenance.uploadpurging.interval, "600s";
    "storage.maintenance.uploadpurging.dryrun" = "yes" => |c| c.storage.maintenance.uploadpurging.dryrun, "true";
    "storage.maintenance.readonly.enabled" = "true" => |c| c.storage.maintenance.readonly.enabled, "true";

    "middleware.registry[].name" = "a" => |c| c.middleware.registry[0].name, r#""a""#;
    "middleware.registry[].disabled" = "true" => |c| c.middleware.registry[0].disabled, "true";
    "middleware.registry[].options" = "{a: 1}" => |c| c.middleware.registry[0].options, r#"{"a": Number(1)}"#;
    "middleware.repository[].name" = "a" => |c| c.middleware.repository[0].name, r#""a""#;
    "middleware.repository[].disabled" = "true" => |c| c.middleware.repository[0].disabled, "true";
    "middleware.repository[].options" = "{a: 1}" => |c| c.middleware.repository[0].options, r#"{"a": Number(1)}"#;
    "middleware.storage[].name" = "redirect" => |c| c.middleware.storage[0].name, r#""redirect""#;
    "middleware.storage[].disabled" = "true" => |c| c.middleware.storage[0].disabled, "true";
    "middleware.storage[].options" = "{a: 1}" => |c| c.middleware.storage[0].options, r#"{"a": Number(1)}"#;

    "http.net" = "unix" => |c| c.http.net, "Unix";
    "http.addr" = "':5000'" => |c| c.http.addr, r#"":5000""#;
    "http.prefix" = "/registry/" => |c| c.http.prefix, r#""/registry/""#;
    "http.host" = "https://example.com:5000" => |c| c.http.host, r#"Some("https://example.com:5000")"#;
    "http.secret" = "0123" => |c| c.http.secret, "Some(Secret(…))";
    "http.relativeurls" = "true" => |c| c.http.relativeurls, "true";
    "http.draintimeout" = "60s" => |c| c.http.draintimeout, "60s";
    "http.headers" = "{X-Frame-Options: [DENY, a]}" => |c| c.http.headers, r#"[("X-Frame-Options", ["DENY", "a"])]"#;
    "http.http2.disabled" = "true" => |c| c.http.http2.disabled, "true";
    "http.h2c.enabled" = "true" => |c| c.http.h2c.enabled, "true";
    "http.debug.addr" = "':5001'" => |c| c.http.debug.addr, r#"":5001""#;
    "http.debug.prometheus.path" = "/m" => |c| c.http.debug.prometheus.path, r#""/m""#;
    "http.debug.prometheus.enabled" = "true" => |c| c.http.debug.prometheus.enabled, "true";
    "http.tls.certificate" = "/crt" => |c| c.http.tls.certificate, r#"Some("/crt")"#;
    "http.tls.key" = "/key" => |c| c.http.tls.key, r#"Some("/key")"#;
    "http.tls.clientcas" = "[/ca]" => |c| c.http.tls.clientcas, r#"["/ca"]"#;
    "http.tls.clientauth" = "request-client-cert" => |c| c.http.tls.clientauth, "RequestClientCert";
    "http.tls.minimumtls" = "tls1.3" => |c| c.http.tls.minimumtls, "Tls13";
    "http.tls.ciphersuites" = "[TLS_AES_128_GCM_SHA256]" => |c| c.http.tls.ciphersuites, r#"["TLS_AES_128_GCM_SHA256"]"#;
    "http.tls.letsencrypt.cachefile" = "/acme" => |c| c.http.tls.letsencrypt.cachefile, r#"Some("/acme")"#;
    "http.tls.letsencrypt.email" = "a@example.com" => |c| c.http.tls.letsencrypt.email, r#"Some("a@example.com")"#;
    "http.tls.letsencrypt.hosts" = "[example.com]" => |c| c.http.tls.letsencrypt.hosts, r#"["example.com"]"#;
    "http.tls.letsencrypt.directoryurl" = "https://acme.test" => |c| c.http.tls.letsencrypt.directoryurl, r#"Some("https://acme.test")"#;
    "http.tls.letsencrypt.httpaddr" = "':80'" => |c| c.http.tls.letsencrypt.httpaddr, r#"Some(":80")"#;
    "http.timeouts.header" = "5s" => |c| c.http.timeouts.header, "5s";
    "http.timeouts.progress" = "2m" => |c| c.http.timeouts.progress, "120s";
    "http.uploadbuffers" = "32MiB" => |c| c.http.uploadbuffers, "ByteSize(33554432)";
    "http.trustedproxies" = "[10.0.0.0/8, 192.0.2.1]" => |c| c.http.trustedproxies, "[10.0.0.0/8, 192.0.2.1/32]";

    "notifications.events.includereferences" = "true" => |c| c.notifications.events.includereferences, "true";
    "notifications.endpoints[].ignoredmediatypes" = "[a/b]" => |c| c.notifications.endpoints[0].ignored_media_types, r#"["a/b"]"#;
    "notifications.endpoints[].ignore.mediatypes" = "[a/b]" => |c| c.notifications.endpoints[0].ignored_media_types, r#"["a/b"]"#;
    "notifications.endpoints[].ignore.actions" = "[pull]" => |c| c.notifications.endpoints[0].ignored_actions, r#"["pull"]"#;
    "notifications.endpoints[].threshold" = "3" => |c| c.notifications.endpoints[0].threshold, "3";
    "notifications.endpoints[].name" = "one" => |c| c.notifications.endpoints[0].name, r#""one""#;
    "notifications.endpoints[].disabled" = "true" => |c| c.notifications.endpoints[0].disabled, "true";
    "notifications.endpoints[].url" = "http://a.test" => |c| c.notifications.endpoints[0].url, r#""http://a.test""#;
    "notifications.endpoints[].headers" = "{authorization: [Bearer x]}" => |c| c.notifications.endpoints[0].headers, r#"[("authorization", ["Bearer x"])]"#;
    "notifications.endpoints[].timeout" = "250ms" => |c| c.notifications.endpoints[0].timeout, "250ms";
    "notifications.endpoints[].backoff" = "2s" => |c| c.notifications.endpoints[0].backoff, "2s";

    "redis.addrs" = "['localhost:6379']" => |c| c.redis.addrs, r#"["localhost:6379"]"#;
    "redis.clientname" = "a" => |c| c.redis.clientname, r#"Some("a")"#;
    "redis.db" = "2" => |c| c.redis.db, "2";
    "redis.protocol" = "2" => |c| c.redis.protocol, "Some(2)";
    "redis.username" = "a" => |c| c.redis.username, r#"Some("a")"#;
    "redis.password" = "a" => |c| c.redis.password, "Some(Secret(…))";
    "redis.sentinelusername" = "a" => |c| c.redis.sentinelusername, r#"Some("a")"#;
    "redis.sentinelpassword" = "a" => |c| c.redis.sentinelpassword, "Some(Secret(…))";
    "redis.mastername" = "a" => |c| c.redis.mastername, r#"Some("a")"#;
    "redis.maxretries" = "-1" => |c| c.redis.maxretries, "Some(-1)";
    "redis.minretrybackoff" = "8ms" => |c| c.redis.minretrybackoff, "Some(8ms)";
    "redis.maxretrybackoff" = "8ms" => |c| c.redis.maxretrybackoff, "Some(8ms)";
    "redis.dialtimeout" = "8ms" => |c| c.redis.dialtimeout, "Some(8ms)";
    "redis.readtimeout" = "8ms" => |c| c.redis.readtimeout, "Some(8ms)";
    "redis.writetimeout" = "8ms" => |c| c.redis.writetimeout, "Some(8ms)";
    "redis.contexttimeoutenabled" = "true" => |c| c.redis.contexttimeoutenabled, "true";
    "redis.poolfifo" = "true" => |c| c.redis.poolfifo, "true";
    "redis.poolsize" = "64" => |c| c.redis.poolsize, "Some(64)";
    "redis.pooltimeout" = "8ms" => |c| c.redis.pooltimeout, "Some(8ms)";
    "redis.minidleconns" = "1" => |c| c.redis.minidleconns, "Some(1)";
    "redis.maxidleconns" = "16" => |c| c.redis.maxidleconns, "Some(16)";
    "redis.maxactiveconns" = "16" => |c| c.redis.maxactiveconns, "Some(16)";
    "redis.connmaxidletime" = "300s" => |c| c.redis.connmaxidletime, "Some(300s)";
    "redis.connmaxlifetime" = "300s" => |c| c.redis.connmaxlifetime, "Some(300s)";
    "redis.maxredirects" = "3" => |c| c.redis.maxredirects, "Some(3)";
    "redis.readonly" = "true" => |c| c.redis.readonly, "true";
    "redis.routebylatency" = "true" => |c| c.redis.routebylatency, "true";
    "redis.routerandomly" = "true" => |c| c.redis.routerandomly, "true";
    "redis.disableidentity" = "true" => |c| c.redis.disableidentity, "true";
    "redis.identitysuffix" = "a" => |c| c.redis.identitysuffix, r#"Some("a")"#;
    "redis.unstableresp3" = "true" => |c| c.redis.unstableresp3, "true";
    "redis.tls.certificate" = "/crt" => |c| c.redis.tls.certificate, r#"Some("/crt")"#;
    "redis.tls.key" = "/key" => |c| c.redis.tls.key, r#"Some("/key")"#;
    "redis.tls.rootcas" = "[/ca]" => |c| c.redis.tls.rootcas, r#"["/ca"]"#;

    "health.storagedriver.enabled" = "true" => |c| c.health.storagedriver.enabled, "true";
    "health.storagedriver.interval" = "5s" => |c| c.health.storagedriver.schedule.interval, "5s";
    "health.storagedriver.threshold" = "3" => |c| c.health.storagedriver.schedule.threshold, "3";
    "health.file[].file" = "/down" => |c| c.health.file[0].file, r#""/down""#;
    "health.file[].interval" = "5s" => |c| c.health.file[0].schedule.interval, "5s";
    "health.file[].threshold" = "3" => |c| c.health.file[0].schedule.threshold, "3";
    "health.http[].statuscode" = "204" => |c| c.health.http[0].statuscode, "204";
    "health.http[].uri" = "http://a.test" => |c| c.health.http[0].uri, r#""http://a.test""#;
    "health.http[].headers" = "{a: [b]}" => |c| c.health.http[0].headers, r#"[("a", ["b"])]"#;
    "health.http[].timeout" = "3s" => |c| c.health.http[0].timeout, "Some(3s)";
    "health.http[].interval" = "5s" => |c| c.health.http[0].schedule.interval, "5s";
    "health.http[].threshold" = "3" => |c| c.health.http[0].schedule.threshold, "3";
    "health.tcp[].addr" = "'a.test:1'" => |c| c.health.tcp[0].addr, r#""a.test:1""#;
    "health.tcp[].timeout" = "3s" => |c| c.health.tcp[0].timeout, "Some(3s)";
    "health.tcp[].interval" = "5s" => |c| c.health.tcp[0].schedule.interval, "5s";
    "health.tcp[].threshold" = "3" => |c| c.health.tcp[0].schedule.threshold, "3";

    "catalog.maxentries" = "50" => |c| c.catalog.maxentries, "50";
    "tags.maxtags" = "50" => |c| c.tags.maxtags, "50";

    "proxy.cachewritetimeout" = "1m" => |c| c.proxy.cachewritetimeout, "60s";
    "proxy.remoteurl" = "https://a.test" => |c| c.proxy.remoteurl, r#"Some("https://a.test")"#;
    "proxy.username" = "a" => |c| c.proxy.username, r#"Some("a")"#;
    "proxy.password" = "a" => |c| c.proxy.password, "Some(Secret(…))";
    "proxy.exec.command" = "helper" => |c| c.proxy.exec.command, r#"Some("helper")"#;
    "proxy.exec.lifetime" = "1h" => |c| c.proxy.exec.lifetime, "Some(3600s)";
    "proxy.ttl" = "24h" => |c| c.proxy.ttl, "Some(86400s)";

    "validation.enabled" = "true" => |c| c.validation.enabled, "true";
    "validation.disabled" = "true" => |c| c.validation.enabled, "false";
    "validation.manifests.urls.allow" = r#"["^https?://a"]"# => |c| c.validation.manifests.urls.allow, r#"["^https?://a"]"#;
    "validation.manifests.urls.deny" = "[a.test]" => |c| c.validation.manifests.urls.deny, r#"["a.test"]"#;
    "validation.manifests.indexes.platforms" = "none" => |c| c.validation.manifests.indexes.platforms, "None";
    "validation.manifests.indexes.platformlist[].architecture" = "amd64" => |c| c.validation.manifests.indexes.platformlist[0].architecture, r#""amd64""#;
    "validation.manifests.indexes.platformlist[].os" = "linux" => |c| c.validation.manifests.indexes.platformlist[0].os, r#""linux""#;
    "validation.manifests.images.blobs" = "none" => |c| c.validation.manifests.images.blobs, "None";

    "policy.repository.classes" = "[image]" => |c| c.policy.repository.classes, r#"["image"]"#;
};

/// Keys that are read for their names alone: the version is checked first, mail is never sent.
const WITHOUT_A_FIELD: [&str; 10] = [
    "version",
    "log.hooks[].type",
    "log.hooks[].levels",
    "log.hooks[].options.smtp.addr",
    "log.hooks[].options.smtp.username",
    "log.hooks[].options.smtp.password",
    "log.hooks[].options.smtp.insecure",
    "log.hooks[].options.from",
    "log.hooks[].options.to",
    "log.hooks[].disabled",
];

/// The YAML of a file in which the key at `path` has `value`.
fn file_with(path: &str, value: &str) -> String {
    let mut keys = path.rsplit('.');
    let innermost = format!("{}: {value}", keys.next().unwrap_or_default());
    let nested = keys.fold(innermost, |inner, key| match key.strip_suffix("[]") {
        Some(key) => format!("{key}: [{{{inner}}}]"),
        None => format!("{key}: {{{inner}}}"),
    });
    match path.split_once('.') {
        Some(("storage", _)) => format!("version: 0.1\n{}", nested.replacen('{', "{inmemory: {}, ", 1)),
        _ => format!("version: 0.1\nstorage: inmemory\n{nested}"),
    }
}

/// Other keys that a value makes sense only with are missing; so warnings are allowed, unknown names are not.
fn check(yaml: &str, environment: &[(&str, &str)], shown: Shown, expected: &str) {
    let problems = match load_with(yaml, environment, &everything()) {
        Ok(loaded) => {
            assert_eq!(shown(&loaded.configuration), expected, "{yaml}\n{environment:?}");
            loaded.warnings
        }
        Err(problems) => panic!("{yaml}\n{environment:?}\n{problems}"),
    };
    for problem in &problems {
        let is_about_the_name =
            problem.message.contains("unknown") || problem.message.contains("unrecognized");
        assert!(!is_about_the_name, "{yaml}\n{environment:?}\n{problem}");
    }
}

#[test]
fn every_key_is_in_the_table() {
    let tested: Vec<&str> = KEYS
        .iter()
        .map(|(path, ..)| *path)
        .chain(WITHOUT_A_FIELD)
        .collect();
    for (key, _) in Configuration::keys() {
        assert!(tested.contains(&key.as_str()), "no row for {key}");
    }
    for key in tested {
        assert!(
            Configuration::keys().iter().any(|(known, _)| known == key),
            "{key} is not read"
        );
    }
}

#[test]
fn every_key_is_read_from_the_file() {
    for (path, value, shown, expected) in KEYS {
        let environment: Vec<_> = companion(path).into_iter().collect();
        check(&file_with(path, value), &environment, *shown, expected);
    }
}

#[test]
fn every_key_is_read_from_its_variable() {
    for (path, value, shown, expected) in KEYS {
        let name = format!(
            "REGISTRY_{}",
            path.to_uppercase().replace("[]", "_0").replace('.', "_")
        );
        let environment: Vec<_> = companion(path)
            .into_iter()
            .chain([(name.as_str(), *value)])
            .collect();
        check("version: 0.1\nstorage: inmemory", &environment, *shown, expected);
    }
}

#[test]
fn every_key_has_another_value_by_default() {
    for (path, _, shown, expected) in KEYS {
        let is_no_element = !path.contains("[]");
        // The old key only says what is so anyhow.
        if is_no_element && *path != "validation.enabled" {
            assert_ne!(shown(&Configuration::default()), *expected, "{path}");
        }
    }
}

/// What must be set together with a key for the start not to be refused.
fn companion(path: &str) -> Option<(&'static str, &'static str)> {
    match path {
        "storage.cache.blobdescriptor" => Some(("REGISTRY_REDIS_ADDRS", "['a:1']")),
        "http.tls.certificate" => Some(("REGISTRY_HTTP_TLS_KEY", "/key")),
        "middleware.registry[].name" | "middleware.registry[].options" => {
            Some(("REGISTRY_MIDDLEWARE_REGISTRY_0_DISABLED", "true"))
        }
        "middleware.repository[].name" | "middleware.repository[].options" => {
            Some(("REGISTRY_MIDDLEWARE_REPOSITORY_0_DISABLED", "true"))
        }
        "middleware.storage[].options" => Some(("REGISTRY_MIDDLEWARE_STORAGE_0_NAME", "redirect")),
        _ => None,
    }
}
