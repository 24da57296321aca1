use hythe_configuration::Configuration;
use serde_json::json;

use crate::{everything, load_with, load_with_environment, problems_of};

const FILE: &str = "\
version: 0.1
storage:
  filesystem: {rootdirectory: /data}
  delete: {enabled: false}
  maintenance:
    readonly: {enabled: false}
http:
  addr: :5000
  headers: {X-Frame-Options: [DENY]}
  tls:
    letsencrypt: {hosts: [a.test]}
";

fn set(environment: &[(&str, &str)]) -> Configuration {
    let loaded = load_with(FILE, environment, &everything());
    loaded
        .unwrap_or_else(|problems| panic!("{environment:?}\n{problems}"))
        .configuration
}

fn problems_with(environment: &[(&str, &str)]) -> String {
    problems_of("version: 0.1\nstorage: inmemory", environment)
}

#[test]
fn parameters_of_the_driver_are_set_one_by_one() {
    let set = set(&[
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/x"),
        ("REGISTRY_STORAGE_FILESYSTEM_MAXTHREADS", "7"),
    ]);
    assert_eq!(
        serde_json::Value::Object(set.storage.driver.parameters),
        json!({"rootdirectory": "/x", "maxthreads": 7})
    );
    let made = load_with_environment(
        "version: 0.1",
        &[("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/x")],
    );
    assert_eq!(made.storage.driver.name, "filesystem");
}

#[test]
fn a_whole_section_replaces_what_the_file_says() {
    let set = set(&[("REGISTRY_STORAGE", "s3"), ("REGISTRY_STORAGE_S3_BUCKET", "b")]);
    assert_eq!(set.storage.driver.name, "s3");
    assert_eq!(
        serde_json::Value::Object(set.storage.driver.parameters),
        json!({"bucket": "b"})
    );
    let replaced = load_with_environment(FILE, &[("REGISTRY_HTTP", "{relativeurls: true}")]);
    assert!(replaced.http.relativeurls);
    assert_eq!(replaced.http.addr, "");
}

#[test]
fn two_drivers_are_refused_with_the_variable() {
    let problems = problems_of(FILE, &[("REGISTRY_STORAGE_S3_BUCKET", "b")]);
    let expected =
        "config.yml:3:3: storage.filesystem: must provide exactly one storage type, there is also \"s3\"";
    assert!(problems.contains(expected), "{problems}");
    let expected = "REGISTRY_STORAGE_S3_BUCKET: storage.s3: must provide exactly one storage type, there is also \"filesystem\"";
    assert!(problems.contains(expected), "{problems}");
}

#[test]
fn a_second_access_provider_is_refused() {
    let yaml = "version: 0.1\nstorage: inmemory\nauth: {token: {realm: a}}";
    let problems = problems_of(yaml, &[("REGISTRY_AUTH_HTPASSWD_REALM", "b")]);
    assert!(
        problems.contains("REGISTRY_AUTH_HTPASSWD_REALM: auth.htpasswd: must provide exactly one type"),
        "{problems}"
    );
    let open = load_with_environment(yaml, &[("REGISTRY_AUTH", "none")]);
    assert_eq!(open.auth.provider, None);
}

#[test]
fn booleans_are_those_of_yaml() {
    for value in ["true", "True", "TRUE", "yes", "on"] {
        assert!(
            set(&[("REGISTRY_STORAGE_DELETE_ENABLED", value)])
                .storage
                .delete
                .enabled,
            "{value}"
        );
    }
    for value in ["1", "\"true\""] {
        let problems = problems_with(&[("REGISTRY_STORAGE_DELETE_ENABLED", value)]);
        assert!(problems.contains("storage.delete.enabled: "), "{problems}");
        assert!(problems.contains("is not true or false"), "{problems}");
    }
}

#[test]
fn maintenance_is_set_whether_the_file_has_it_or_not() {
    let readonly = [("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true")];
    assert!(set(&readonly).storage.maintenance.readonly.enabled);
    let bare = "version: 0.1\nstorage: inmemory";
    assert!(
        load_with_environment(bare, &readonly)
            .storage
            .maintenance
            .readonly
            .enabled
    );
    let whole = [("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{\"enabled\":true}")];
    assert!(
        load_with_environment(bare, &whole)
            .storage
            .maintenance
            .readonly
            .enabled
    );
    let purging = [("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "false")];
    assert!(
        !load_with_environment(bare, &purging)
            .storage
            .maintenance
            .uploadpurging
            .enabled
    );
}

#[test]
fn elements_of_lists_are_set_by_their_index() {
    let hosts = |environment: &[(&str, &str)]| set(environment).http.tls.letsencrypt.hosts;
    assert_eq!(
        hosts(&[("REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0", "b.test")]),
        ["b.test"]
    );
    assert_eq!(
        hosts(&[("REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_1", "b.test")]),
        ["a.test", "b.test"]
    );
    assert_eq!(
        hosts(&[("REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS", "[b.test, c.test]")]),
        ["b.test", "c.test"]
    );
    let endpoints = set(&[
        ("REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL", "http://a.test"),
        ("REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL", "http://b.test"),
        (
            "REGISTRY_NOTIFICATIONS_ENDPOINTS_1_HEADERS_AUTHORIZATION",
            "[Bearer x]",
        ),
    ]);
    let endpoints = endpoints.notifications.endpoints;
    assert_eq!(endpoints[0].url, "http://a.test");
    assert_eq!(endpoints[1].url, "http://b.test");
    assert_eq!(
        endpoints[1].headers,
        [("authorization".to_owned(), vec!["Bearer x".to_owned()])]
    );
}

#[test]
fn middlewares_are_made_from_nothing() {
    let set = set(&[
        ("REGISTRY_MIDDLEWARE_STORAGE_0_NAME", "redirect"),
        ("REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_BASEURL", "https://a.test"),
        ("REGISTRY_MIDDLEWARE_STORAGE_1_NAME", "rewrite"),
    ]);
    let names: Vec<String> = set
        .middleware
        .storage
        .iter()
        .map(|middleware| middleware.name.clone())
        .collect();
    assert_eq!(names, ["redirect", "rewrite"]);
    assert_eq!(set.middleware.storage[0].options["baseurl"], "https://a.test");
}

#[test]
fn lists_in_parameters_are_made_from_nothing() {
    let set = set(&[
        ("REGISTRY_AUTH_TOKEN_REALM", "r"),
        ("REGISTRY_AUTH_TOKEN_SIGNINGALGORITHMS_0", "RS256"),
        ("REGISTRY_AUTH_TOKEN_SIGNINGALGORITHMS_1", "ES256"),
    ]);
    let provider = set.auth.provider.unwrap();
    assert_eq!(provider.name, "token");
    let expected = json!({"realm": "r", "signingalgorithms": ["RS256", "ES256"]});
    assert_eq!(serde_json::Value::Object(provider.parameters), expected);
}

#[test]
fn indices_that_are_not_there_are_errors() {
    for (index, message) in [
        ("2", "there is no element 2; the next one is 0"),
        ("-1", "\"-1\" is not an index; elements are counted from 0"),
        ("first", "\"first\" is not an index; elements are counted from 0"),
        (
            "99999999999999999999",
            "\"99999999999999999999\" is not an index; elements are counted from 0",
        ),
    ] {
        let name = format!("REGISTRY_NOTIFICATIONS_ENDPOINTS_{index}_NAME");
        let expected = format!("{name}: notifications.endpoints: {message}");
        assert_eq!(problems_with(&[(&name, "a")]), expected);
    }
}

#[test]
fn keys_of_maps_are_found_in_any_case_and_made_in_lower_case() {
    let headers = set(&[("REGISTRY_HTTP_HEADERS_X-FRAME-OPTIONS", "[SAMEORIGIN]")])
        .http
        .headers;
    assert_eq!(
        headers,
        [("X-Frame-Options".to_owned(), vec!["SAMEORIGIN".to_owned()])]
    );
    let headers = set(&[("REGISTRY_HTTP_HEADERS_X-NEW", "[a]")]).http.headers;
    assert_eq!(headers[1], ("x-new".to_owned(), vec!["a".to_owned()]));
    assert_eq!(
        set(&[("REGISTRY_LOG_FIELDS_SERVICE", "x")]).log.fields["service"],
        "x"
    );
    assert!(
        set(&[("REGISTRY_STORAGE_delete_Enabled", "true")])
            .storage
            .delete
            .enabled
    );
}

#[test]
fn names_of_the_original_are_known_beside_the_keys() {
    let file = "version: 0.1\nstorage: inmemory";
    let set = |environment: &[(&str, &str)]| load_with_environment(file, environment);
    for part in ["EVENTCONFIG", "EVENTS"] {
        let name = format!("REGISTRY_NOTIFICATIONS_{part}_INCLUDEREFERENCES");
        assert!(
            set(&[(&name, "true")]).notifications.events.includereferences,
            "{name}"
        );
    }
    for part in ["FILECHECKERS", "FILE"] {
        let name = format!("REGISTRY_HEALTH_{part}_0_FILE");
        assert_eq!(set(&[(&name, "/a")]).health.file[0].file, "/a", "{name}");
    }
    for part in ["HTTPCHECKERS", "HTTP"] {
        let name = format!("REGISTRY_HEALTH_{part}_0_URI");
        assert_eq!(
            set(&[(&name, "http://a")]).health.http[0].uri,
            "http://a",
            "{name}"
        );
    }
    for part in ["TCPCHECKERS", "TCP"] {
        let name = format!("REGISTRY_HEALTH_{part}_0_ADDR");
        assert_eq!(set(&[(&name, "a:1")]).health.tcp[0].addr, "a:1", "{name}");
    }
    for name in ["REGISTRY_REDIS_ADDRS", "REGISTRY_REDIS_OPTIONS_ADDRS"] {
        assert_eq!(set(&[(name, "['a:1']")]).redis.addrs, ["a:1"], "{name}");
    }
    let hook = "REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR";
    assert!(!problems_with(&[(hook, "a:25")]).contains("unrecognized"));
}

#[test]
fn the_more_specific_variable_wins() {
    let environment = [
        ("REGISTRY_HTTP_ADDR", ":2"),
        ("REGISTRY_HTTP", "{addr: ':1', relativeurls: true}"),
    ];
    let http = load_with_environment(FILE, &environment).http;
    assert_eq!((http.addr.as_str(), http.relativeurls), (":2", true));
}

#[test]
fn values_are_yaml() {
    let secret = |value: &str| {
        let loaded = load_with_environment(
            "version: 0.1\nstorage: inmemory",
            &[("REGISTRY_HTTP_SECRET", value)],
        );
        loaded.http.secret.map(|secret| secret.reveal().to_owned())
    };
    assert_eq!(secret("0123").as_deref(), Some("0123"));
    assert_eq!(secret("true").as_deref(), Some("true"));
    assert_eq!(secret("'a: b'").as_deref(), Some("a: b"));
    assert_eq!(secret("\"a #b\"").as_deref(), Some("a #b"));
    assert_eq!(secret(""), None);

    let comment = "REGISTRY_HTTP_SECRET: warning: http.secret: values of variables are YAML, \
                   so what follows ` #` is a comment; put quotes inside the value";
    assert_eq!(problems_with(&[("REGISTRY_HTTP_SECRET", "a #b")]), comment);
    assert_eq!(
        problems_with(&[("REGISTRY_HTTP_SECRET", "a: b")]),
        "REGISTRY_HTTP_SECRET: http.secret: must be a single value, not a map",
    );
    for value in ["@a", "[*a]", "[", "\"", "%x"] {
        let problems = problems_with(&[("REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW", value)]);
        let place = "REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW: validation.manifests.urls.allow: ";
        assert!(problems.starts_with(place), "{value}: {problems}");
    }
}

#[test]
fn unrecognized_variables_are_ignored_with_a_warning() {
    for (name, meant) in [
        ("REGISTRY_HTTP_ADR", ", did you mean REGISTRY_HTTP_ADDR?"),
        ("REGISTRY_HTPP_ADDR", ", did you mean REGISTRY_HTTP?"),
        ("REGISTRY_HTTP_ADDR_0", ""),
        ("REGISTRY_REDIS_ADDR", ", did you mean REGISTRY_REDIS_ADDRS?"),
        ("REGISTRY_REDIS_POOL_MAXIDLE", ""),
        ("REGISTRY_COMPATIBILITY_SCHEMA1_ENABLED", ""),
        ("REGISTRY_http_addr", ", did you mean REGISTRY_HTTP?"),
        ("REGISTRY_", ""),
        ("REGISTRY__", ""),
        ("REGISTRY_STORAGE_", ""),
        ("REGISTRY_STORAGE_INMEMORY__A", ""),
        ("REGISTRY_HTTP__ADDR", ""),
        ("REGISTRY_STORAGE_A_A_A_A_A_A_A_A_A_A_A_A_A_A_A_A_A", ""),
    ] {
        let expected = format!("{name}: warning: Ignoring unrecognized environment variable {name}{meant}");
        assert_eq!(problems_with(&[(name, "[")]), expected);
    }
}

#[test]
fn variables_of_others_are_not_mentioned() {
    for name in [
        "REGISTRY_CONFIGURATION_PATH",
        "REGISTRY_PORT",
        "REGISTRY_PORT_5000_TCP_ADDR",
        "REGISTRY_SERVICE_HOST",
        "REGISTRY_SERVICE_PORT_HTTP",
        "registry_http_addr",
        "REGISTRY",
        "PATH",
    ] {
        assert_eq!(problems_with(&[(name, "[")]), "");
    }
}

#[test]
fn a_section_that_is_none_stays_a_problem_of_the_file() {
    let yaml = "version: 0.1\nstorage: inmemory\nhttp: 5\nredis: {addrs: a}";
    let problems = problems_of(
        yaml,
        &[("REGISTRY_HTTP_ADDR", ":1"), ("REGISTRY_REDIS_ADDRS_0", "a")],
    );
    assert_eq!(
        problems,
        "config.yml:3:7: http: must be a section with keys of its own, not a plain value\n\
         config.yml:4:16: redis.addrs: must be a list such as [one, two], not a plain value",
    );
}

#[test]
fn unknown_keys_in_a_value_are_found_too() {
    let expected = "REGISTRY_HTTP: warning: http.adr: unknown key, did you mean \"addr\"?";
    assert_eq!(problems_with(&[("REGISTRY_HTTP", "{adr: a}")]), expected);
}
