use hythe_configuration::{Capabilities, Feature};

use crate::{everything, first_release, load_with};

/// What a first release says about a section; it must say nothing when everything is possible.
fn check(section: &str, expected: &str) {
    let storage = if section.starts_with("storage") {
        ""
    } else {
        "storage: inmemory\n"
    };
    let yaml = format!("version: 0.1\n{storage}{section}\n");
    let problems = match load_with(&yaml, &[], &first_release()) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(problems) => problems.to_string(),
    };
    assert_eq!(problems, expected, "{yaml}");
}

#[test]
fn what_guards_access_or_changes_what_is_served_stops_the_start() {
    check(
        "auth: {htpasswd: {realm: a, path: /b}}",
        "config.yml:3:8: auth.htpasswd: this version cannot check access with \"htpasswd\" (it has none); \
         remove the section only if the registry may be open to everyone who reaches it",
    );
    check(
        "auth: silly",
        "config.yml:3:7: auth.silly: this version cannot check access with \"silly\" (it has none); \
         remove the section only if the registry may be open to everyone who reaches it",
    );
    check(
        "proxy: {remoteurl: 'https://a.test'}",
        "config.yml:3:9: proxy.remoteurl: this version is no pull-through cache; \
         remove the section to serve what is stored here",
    );
    check(
        "notifications: {endpoints: [{disabled: true}, {name: a}]}",
        "config.yml:3:17: notifications.endpoints: this version sends no notifications; \
         remove the endpoints or say `disabled: true` for each",
    );
    check(
        "storage: {inmemory: , cache: {blobdescriptor: redis}}",
        "config.yml:2:31: storage.cache.blobdescriptor: this version has no cache redis; \
         remove the key or use inmemory",
    );
    check(
        "redis: {addrs: ['a:1']}",
        "config.yml:3:9: redis.addrs: this version uses no redis; remove the key, and keep caches in memory",
    );
    check(
        "http: {tls: {certificate: /a, key: /b}}",
        "config.yml:3:8: http.tls: this version does not speak TLS; \
         put a proxy that does in front, and remove the section",
    );
    check(
        "http: {tls: {letsencrypt: {cachefile: /a}}}",
        "config.yml:3:8: http.tls: this version does not speak TLS; \
         put a proxy that does in front, and remove the section",
    );
    check(
        "http: {net: unix, addr: /run/a}",
        "config.yml:3:8: http.net: this version does not listen on Unix sockets; \
         use `net: tcp` and `addr: 127.0.0.1:5000`",
    );
    check(
        "middleware: {registry: [{name: a}], storage: [{name: b, disabled: true}, {name: redirect}]}",
        "config.yml:3:14: middleware.registry: element 0: this version has no registry middleware \"a\", and distribution has none either; \
         remove it or say `disabled: true`\n\
         config.yml:3:37: middleware.storage: element 1: this version has no storage middleware \"redirect\"; \
         remove it or say `disabled: true`",
    );
    check(
        "middleware: {storage: [{name: cloudfront}]}",
        "config.yml:3:14: middleware.storage: element 0: the storage middleware \"cloudfront\" is not part of this \
         build; build with the cargo feature \"middleware-cloudfront\", or say `disabled: true`",
    );
    check(
        "policy: {repository: {classes: [image]}}",
        "config.yml:3:23: policy.repository.classes: this version cannot restrict classes of content; \
         remove the key to allow all",
    );
}

#[test]
fn what_has_no_such_weight_is_a_warning() {
    check(
        "health: {storagedriver: {enabled: true}}",
        "config.yml:3:1: warning: health: this version has no health checks; nothing is checked",
    );
    check(
        "http: {debug: {addr: ':5001'}}",
        "config.yml:3:8: warning: http.debug: this version has no debug listener; nothing listens there",
    );
    check(
        "log: {formatter: logstash}",
        "config.yml:3:7: warning: log.formatter: this version does not write logstash; it writes json",
    );
    check(
        "log: {hooks: [{type: mail}, {type: mail, disabled: true}]}",
        "config.yml:3:15: warning: log.hooks[0]: hooks are not supported, nothing is sent; watch the log instead",
    );
}

#[test]
fn what_is_switched_off_is_not_refused() {
    check("auth: none", "");
    check("proxy: {remoteurl: ''}", "");
    check("notifications: {endpoints: [{disabled: true}]}", "");
    check("middleware: {storage: [{name: cloudfront, disabled: true}]}", "");
    check("http: {tls: {minimumtls: tls1.2}, net: tcp}", "");
    check("health: {storagedriver: {enabled: false}}", "");
    check("redis: {password: a}", "");
}

#[test]
fn drivers_are_those_of_the_build() {
    check(
        "storage: {s3: {bucket: b}}",
        "config.yml:2:11: storage.s3: the storage driver \"s3\" is not part of this build, \
         which has filesystem, inmemory; build with the cargo feature \"driver-s3\"",
    );
    check(
        "storage: {filesytem: {rootdirectory: /a}}",
        "config.yml:2:11: storage.filesytem: unknown storage driver \"filesytem\"; \
         this build has filesystem, inmemory, did you mean \"filesystem\"?",
    );
    check(
        "storage: oss",
        "config.yml:2:10: storage.oss: unknown storage driver \"oss\"; this build has filesystem, inmemory",
    );
}

#[test]
fn a_variable_is_refused_by_its_name() {
    let yaml = "version: 0.1\nstorage: inmemory";
    let environment = [("REGISTRY_PROXY_REMOTEURL", "https://a.test")];
    let problems = load_with(yaml, &environment, &first_release()).unwrap_err();
    let expected = "REGISTRY_PROXY_REMOTEURL: proxy.remoteurl: this version is no pull-through cache; \
                    remove the section to serve what is stored here";
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn capabilities_are_what_the_caller_says() {
    let yaml = "version: 0.1\nstorage: inmemory\nproxy: {remoteurl: 'https://a.test'}";
    let able = Capabilities {
        features: [Feature::Proxy].into(),
        ..first_release()
    };
    assert!(load_with(yaml, &[], &able).is_ok());
    assert!(load_with(yaml, &[], &everything()).is_ok());
    assert!(load_with(yaml, &[], &Capabilities::default()).is_err());
}
