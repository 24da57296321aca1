//! Input that nobody means well: it must be answered, quickly and without panic.

use hythe_configuration::Configuration;
use proptest::prelude::*;

use crate::{everything, problems_of};

fn check_refused(yaml: &str, expected: &str) {
    let problems = problems_of(yaml, &[]);
    assert!(problems.contains(expected), "{problems}");
    assert!(problems.len() < 1000, "{} characters of problems", problems.len());
}

#[test]
fn deep_yaml_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let deep = format!(
            "version: 0.1\na: {}{}",
            open.repeat(100_000),
            close.repeat(100_000)
        );
        check_refused(&deep, "config.yml:2:");
    }
    let mut block = String::from("version: 0.1\n");
    for depth in 0..1000 {
        block.push_str(&" ".repeat(depth));
        block.push_str("a:\n");
    }
    check_refused(&block, "config.yml:");
    check_refused(
        &format!("version: 0.1\na: {}", "- ".repeat(100_000)),
        "config.yml:2:",
    );
}

#[test]
fn huge_yaml_is_refused() {
    let huge = format!("version: 0.1\na: {}", "x".repeat(2 << 20));
    check_refused(&huge, "config.yml: longer than 1048576 bytes");
    let many = format!("version: 0.1\na: [{}]", "1,".repeat(200_000));
    check_refused(&many, "more than 100000 values");
}

/// A file with one line for each level.
fn file_of(levels: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    let lines = levels.map(line).collect::<Vec<_>>().join("\n");
    format!("version: 0.1\nstorage: inmemory\na: &a0 {{k: v}}\n{lines}\n")
}

#[test]
fn alias_bombs_are_refused() {
    let lists = file_of(1..30, |level| {
        let aliases = format!("*a{},", level - 1).repeat(10);
        format!("a{level}: &a{level} [{aliases}]")
    });
    check_refused(&lists, "more than 100000 values");

    let maps = file_of(1..30, |level| {
        let below = level - 1;
        format!("a{level}: &a{level} {{k: *a{below}, l: *a{below}}}")
    });
    check_refused(&maps, "more than 100000 values");

    let merges = file_of(1..30, |level| {
        let below = level - 1;
        format!("a{level}: &a{level} {{<<: [*a{below}, *a{below}], l: 1}}")
    });
    check_refused(&merges, "more than 100000 values");

    let text = format!(
        "version: 0.1\na: &a {}\nb: [{}]",
        "x".repeat(500_000),
        "*a,".repeat(1000)
    );
    check_refused(&text, "more than 100000 values");
}

#[test]
fn aliases_do_not_nest_deeper_than_text_may() {
    let deep = file_of(1..30, |level| {
        let (open, close) = ("[".repeat(10), "]".repeat(10));
        format!("a{level}: &a{level} {open}*a{}{close}", level - 1)
    });
    check_refused(&deep, "nested deeper than 64 levels");
}

#[test]
fn many_unknown_keys_are_all_named() {
    let many = file_of(0..20_000, |number| format!("unknown{number}: 1"));
    assert_eq!(problems_of(&many, &[]).lines().count(), 20_001);
}

#[test]
fn long_names_of_variables_are_ignored() {
    let name = format!("REGISTRY_STORAGE{}", "_A".repeat(100_000));
    assert!(
        problems_of("version: 0.1\nstorage: inmemory", &[(&name, "x")]).contains("Ignoring unrecognized")
    );
}

/// Text that is nearly a configuration more often than random characters are.
fn nearly_yaml() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "version",
        "0.1",
        "storage",
        "inmemory",
        "http",
        "addr",
        "headers",
        "log",
        "level",
        "auth",
        "cache",
        "delete",
        "enabled",
        "true",
        "1h",
        "-1",
        "hooks",
        "tls",
        "hosts",
        "validation",
        "manifests",
        "urls",
        "allow",
        "redis",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "'",
        "\"",
        "|\n",
        ">\n",
        "#",
        " #",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "? ",
        "~",
        "\t",
        "\r\n",
        "\u{feff}",
        "\u{0}",
        "é",
        "@",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn variables() -> impl Strategy<Value = Vec<(String, String)>> {
    let part = prop::sample::select(vec![
        "HTTP",
        "ADDR",
        "HEADERS",
        "STORAGE",
        "FILESYSTEM",
        "DELETE",
        "ENABLED",
        "NOTIFICATIONS",
        "ENDPOINTS",
        "0",
        "1",
        "-1",
        "NAME",
        "AUTH",
        "TOKEN",
        "LOG",
        "HOOKS",
        "FIELDS",
        "REDIS",
        "OPTIONS",
        "ADDRS",
        "HEALTH",
        "TCP",
        "VERSION",
        "MIDDLEWARE",
        "",
        "x",
        "é",
        "CACHE",
        "TLS",
        "CLIENTCAS",
    ]);
    let name = prop::collection::vec(part, 0..6).prop_map(|parts| format!("REGISTRY_{}", parts.join("_")));
    prop::collection::vec((name, nearly_yaml()), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_and_environment_is_answered_without_panic(
        yaml in prop_oneof![nearly_yaml(), "\\PC{0,80}"],
        environment in variables(),
    ) {
        let _ = Configuration::load(&yaml, "config.yml", environment, &everything());
    }

    #[test]
    fn what_loads_prints_what_loads(yaml in nearly_yaml(), environment in variables()) {
        let yaml = format!("version: 0.1\nstorage: {{inmemory: {{a: {yaml}}}}}\nlog: {{fields: {yaml}}}");
        if let Ok(loaded) = Configuration::load(&yaml, "config.yml", environment, &everything()) {
            let printed = loaded.settings.to_string();
            let again = Configuration::load(&printed, "printed.yml", [], &everything());
            prop_assert!(again.is_ok(), "{printed}\n{:?}", again.err());
        }
    }

    #[test]
    fn any_environment_over_a_good_file_is_answered_without_panic(environment in variables()) {
        let yaml = "version: 0.1\nstorage: {inmemory: {a: [b, {c: d}]}}\nhttp: {headers: {a: [b]}}\nredis: {addrs: [a]}";
        if let Err(problems) = Configuration::load(yaml, "config.yml", environment, &everything()) {
            prop_assert!(problems.errors().count() > 0);
            prop_assert_eq!(problems.to_string().lines().count(), problems.len());
        }
    }
}
