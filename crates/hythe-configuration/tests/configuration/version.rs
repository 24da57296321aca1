use crate::{load, problems_of};

fn check_refused(yaml: &str, expected: &str) {
    assert_eq!(problems_of(yaml, &[]), expected, "{yaml}");
}

#[test]
fn version_0_1_is_read_with_and_without_quotes() {
    load("version: 0.1\nstorage: inmemory");
    load("version: '0.1'\nstorage: inmemory");
    load("{\"version\": 0.1, \"storage\": \"inmemory\"}");
}

#[test]
fn other_versions_are_refused_alone() {
    check_refused(
        "version: 0.10\nnonsense: true",
        "config.yml:1:10: version: unsupported version: \"0.10\"; the only one is 0.1",
    );
    check_refused(
        "version: 1.0",
        "config.yml:1:10: version: unsupported version: \"1.0\"; the only one is 0.1",
    );
    check_refused(
        "version: 1",
        "config.yml:1:10: version: unsupported version: \"1\"; the only one is 0.1",
    );
    check_refused(
        "version:",
        "config.yml:1:8: version: unsupported version: \"\"; the only one is 0.1",
    );
    check_refused(
        "version: [0.1]",
        "config.yml:1:10: version: unsupported version: a list; the only one is 0.1",
    );
}

#[test]
fn a_missing_version_is_one_error_among_the_others() {
    check_refused(
        "http: {addr: 5000}",
        "config.yml: version: unsupported version: \"\"; add the line `version: 0.1`\n\
         config.yml: storage: no storage configuration provided; name a driver, for example \
         `storage: {filesystem: {rootdirectory: /var/lib/registry}}`\n\
         config.yml:1:14: http.addr: \"5000\" has no port; write host:port or :5000",
    );
}

#[test]
fn what_is_no_configuration_is_refused() {
    let empty = "config.yml: empty; a configuration begins with `version: 0.1`";
    check_refused("", empty);
    check_refused("# nothing but a comment\n", empty);
    check_refused(
        "---\n...\n",
        "config.yml:1:4: empty; a configuration begins with `version: 0.1`",
    );
    check_refused(
        "just a text",
        "config.yml:1:1: must be a map with keys such as `version` and `storage`, not a plain value",
    );
    check_refused(
        "- 1",
        "config.yml:1:1: must be a map with keys such as `version` and `storage`, not a list",
    );
}

#[test]
fn the_variable_has_no_effect_but_must_look_like_a_version() {
    let yaml = "version: 0.1\nstorage: inmemory";
    for (value, expected) in [
        ("0.1", ""),
        (
            "0.2",
            "REGISTRY_VERSION: warning: version: no effect, the version is read from the file",
        ),
        (
            "3",
            "REGISTRY_VERSION: version: must look like 0.1; remove the variable",
        ),
        (
            "a.b",
            "REGISTRY_VERSION: version: must look like 0.1; remove the variable",
        ),
    ] {
        assert_eq!(
            problems_of(yaml, &[("REGISTRY_VERSION", value)]),
            expected,
            "{value}"
        );
    }
}
