use hythe_configuration::{Configuration, Severity};

use crate::{everything, load_with, problems_of};

#[test]
fn all_problems_are_found_at_once_with_their_lines() {
    let yaml = "\
version: 0.1
log:
  level: verbose
  formater: json
storage:
  filesystem:
    rootdirectory: /data
  delete:
    enabled: treu
  maintenance:
    uploadpurging:
      age: 7
http:
  adr: :5000
  draintimeout: soon
  headers:
    X-Frame-Options: DENY
tags:
  maxtags: -1
redirect:
  disable: true
";
    let expected = "\
config.yml:3:10: log.level: \"verbose\" is none of error, warn, info, debug, panic, fatal, warning, trace
config.yml:4:3: warning: log.formater: unknown key, did you mean \"formatter\"?
config.yml:9:14: storage.delete.enabled: \"treu\" is not true or false (without quotes)
config.yml:12:12: storage.maintenance.uploadpurging.age: \"7\": the unit is missing; write for example 30s
config.yml:14:3: warning: http.adr: unknown key, did you mean \"addr\"?
config.yml:15:17: http.draintimeout: \"soon\": not a duration such as 1h30m or 250ms
config.yml:17:22: http.headers.X-Frame-Options: must be a list such as [one, two], not a plain value
config.yml:19:12: tags.maxtags: maxtags limit must be a non-negative integer value
config.yml:20:1: warning: redirect: unknown key here, did you mean \"storage.redirect\"?";
    assert_eq!(problems_of(yaml, &[]), expected);
}

#[test]
fn a_problem_tells_its_parts() {
    let yaml = "version: 0.1\nstorage: inmemory\nhttp:\n  adr: :5000";
    let loaded = load_with(yaml, &[], &everything()).unwrap();
    let [problem] = loaded.warnings.iter().collect::<Vec<_>>()[..] else {
        panic!("{}", loaded.warnings);
    };
    assert_eq!(problem.severity, Severity::Warning);
    assert_eq!(problem.path, "http.adr");
    assert_eq!(problem.line(), Some(4));
    assert_eq!(
        problem.to_string(),
        "config.yml:4:3: http.adr: unknown key, did you mean \"addr\"?"
    );
}

#[test]
fn values_of_the_wrong_kind_say_what_is_expected() {
    for (section, expected) in [
        (
            "http: 5",
            "3:7: http: must be a section with keys of its own, not a plain value",
        ),
        (
            "http: [a]",
            "3:7: http: must be a section with keys of its own, not a list",
        ),
        (
            "http: {addr: [a]}",
            "3:14: http.addr: must be a single value, not a list",
        ),
        (
            "http: {headers: [a]}",
            "3:17: http.headers: must be a map, not a list",
        ),
        (
            "http: {headers: {a: [[b]]}}",
            "3:22: http.headers.a[0]: must be a text, not a list",
        ),
        (
            "http: {relativeurls: \"true\"}",
            "3:22: http.relativeurls: \"true\" is not true or false (without quotes)",
        ),
        (
            "http: {draintimeout: -1s}",
            "3:22: http.draintimeout: must not be negative, is -1s",
        ),
        (
            "http: {uploadbuffers: 1KiB}",
            "3:23: http.uploadbuffers: 1KiB is too little; at least 512KiB",
        ),
        (
            "http: {trustedproxies: [10.0.0.0/8, example.com]}",
            "3:24: http.trustedproxies: \"example.com\" is not a network such as 10.0.0.0/8",
        ),
        (
            "http: {timeouts: {header: 0s}}",
            "3:27: http.timeouts.header: must be longer than 0, is 0s",
        ),
        (
            "catalog: {maxentries: 1.5}",
            "3:23: catalog.maxentries: \"1.5\" is not a whole number",
        ),
        (
            "notifications: {endpoints: {}}",
            "3:28: notifications.endpoints: must be a list, not a map",
        ),
        (
            "notifications: {endpoints: [a]}",
            "3:29: notifications.endpoints[0]: must be a section with keys of its own, not a plain value",
        ),
    ] {
        let yaml = format!("version: 0.1\nstorage: inmemory\n{section}");
        assert_eq!(
            problems_of(&yaml, &[]),
            format!("config.yml:{expected}"),
            "{section}"
        );
    }
}

#[test]
fn a_key_given_twice_counts_the_last_time() {
    let yaml = "version: 0.1\nstorage: inmemory\nhttp:\n  addr: :1\n  addr: :2";
    let loaded = load_with(yaml, &[], &everything()).unwrap();
    assert_eq!(loaded.configuration.http.addr, ":2");
    let expected = "config.yml:5:3: warning: http.addr: given twice; this one counts, not the one on line 4";
    assert_eq!(loaded.warnings.to_string(), expected);
}

#[test]
fn retired_keys_say_what_replaces_them() {
    let yaml =
        "version: 0.1\nstorage: inmemory\nredis:\n  addr: a:1\nreporting: {}\ncompatibility: {schema1: {}}";
    let expected = "\
config.yml:4:3: warning: redis.addr: no longer read; use the list `addrs`
config.yml:5:1: warning: reporting: reports to bugsnag and newrelic are no longer supported; remove the section
config.yml:6:1: warning: compatibility: schema 1 manifests are no longer supported; remove the section";
    assert_eq!(problems_of(yaml, &[]), expected);
}

#[test]
fn odd_keys_do_not_break_the_line() {
    let yaml = "version: 0.1\nstorage: inmemory\n\"a\\nb\": 1";
    let expected = "config.yml:3:1: warning: \"a\\nb\": unknown key, it has no effect";
    assert_eq!(problems_of(yaml, &[]), expected);
}

#[test]
fn invalid_yaml_is_named_with_its_place() {
    for (yaml, place) in [
        ("version: 0.1\nhttp:\n\taddr: a", "config.yml:3:"),
        ("version: 0.1\nhttp: {addr: a", "config.yml:2:"),
        ("version: 0.1\nhttp: *nothing", "config.yml:2:7"),
        ("version: 0.1\nhttp: @", "config.yml:2:7"),
        ("version: 0.1\nhttp: &a [*a]", "config.yml:2:11"),
        ("version: 0.1\n? [a]\n: b", "config.yml:2:3"),
    ] {
        let problems = problems_of(yaml, &[]);
        assert!(problems.starts_with(place), "{yaml}\n{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn only_the_first_document_is_read() {
    let yaml = "version: 0.1\nstorage: inmemory\n---\nhttp: {addr: :1}";
    assert_eq!(
        problems_of(yaml, &[]),
        "config.yml:3:1: warning: only the first document of the file is read"
    );
}

#[test]
fn secrets_appear_in_no_message_and_no_debug_form() {
    let yaml = "\
version: 0.1
storage: {s3: {secretkey: hush}}
auth: {token: {realm: hush}}
middleware: {storage: [{name: redirect, options: {privatekey: hush}}]}
http: {secret: hush, addr: 1}
proxy: {password: hush}
redis: {password: hush, sentinelpassword: hush}
notifications: {endpoints: [{headers: {authorization: [hush]}}]}
health: {http: [{headers: {authorization: [hush]}}]}
";
    assert!(!problems_of(yaml, &[]).contains("hush"));
    let loaded = load_with(&yaml.replace("addr: 1", "addr: ':1'"), &[], &everything()).unwrap();
    assert!(!format!("{loaded:?}").contains("hush"));
    // What an operator asks to see are the keys; a realm is no secret, and neither is the name of a file.
    let shown = loaded.settings.to_string();
    let shown: Vec<&str> = shown.lines().filter(|line| line.contains("hush")).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(
        shown[0].contains("realm") && shown[1].contains("privatekey"),
        "{shown:?}"
    );
    assert_eq!(loaded.configuration.http.secret.unwrap().reveal(), "hush");

    let wrong = "version: 0.1\nstorage: inmemory\nhttp: {secret: [hush]}\nproxy: {password: {a: hush}}";
    let problems = load_with(wrong, &[], &everything()).unwrap_err();
    assert_eq!(problems.errors().count(), 2);
    assert!(!problems.to_string().contains("hush"));
}

#[test]
fn the_default_is_a_file_without_optional_keys() {
    let loaded = load_with("version: 0.1\nstorage: inmemory", &[], &everything()).unwrap();
    assert_eq!(loaded.configuration, Configuration::default());
}
