//! `hythe config check`, and `--strict`.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{PROGRAM, Setup};

/// The exit code, standard output and standard error.
pub(crate) fn check(
    text: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.yml"), text).unwrap();
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REGISTRY_") {
            command.env_remove(name);
        }
    }
    let output = command
        .current_dir(folder.path())
        .args(["config", "check", "config.yml"])
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const FILE: &str = "\
version: 0.1
storage: inmemory
http:
  addr: 127.0.0.1:0
  secret: hush
";

#[test]
fn the_effective_configuration_is_printed_with_its_sources() {
    let (code, printed, warnings) = check(FILE, &[], &[("REGISTRY_HTTP_PREFIX", "/a/")]);
    assert_eq!((code, warnings.as_str()), (Some(0), ""));
    for line in [
        "  inmemory: {}  # config.yml:2",
        "  addr: \"127.0.0.1:0\"  # config.yml:4",
        "  secret: \"<hidden>\"  # config.yml:5",
        "  prefix: /a/  # REGISTRY_HTTP_PREFIX",
        "  relativeurls: false  # default",
        "  # host: not set",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line}\n{printed}"
        );
    }
    assert!(!printed.contains("hush"));
}

#[test]
fn all_problems_are_printed_at_once() {
    let wrong =
        "version: 0.1\nstorage: {filesytem: {}}\nhttp: {net: udp, drainTimeout: 1s}\ntags: {maxtags: -1}\n";
    let (code, printed, problems) = check(wrong, &[], &[("REGISTRY_CATALOG_MAXENTRIES", "many")]);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    for line in [
        "config.yml:2:11: storage.filesytem: unknown storage driver \"filesytem\"",
        "config.yml:3:13: http.net: \"udp\" is none of tcp, unix",
        "config.yml:3:18: warning: http.drainTimeout: unknown key, did you mean \"draintimeout\"?",
        "config.yml:4:17: tags.maxtags: ",
        "REGISTRY_CATALOG_MAXENTRIES: catalog.maxentries: \"many\" is not a whole number",
    ] {
        assert!(
            problems.lines().any(|problem| problem.starts_with(line)),
            "{line}\n{problems}"
        );
    }
}

#[tokio::test]
async fn unknown_keys_and_variables_are_errors_for_the_strict() {
    let text = FILE.replace("secret", "sekret");
    let variable = ("REGISTRY_HTTP_ADR", ":1");
    let (code, printed, warnings) = check(&text, &[], &[variable]);
    assert_eq!(code, Some(0), "{warnings}");
    assert!(printed.contains("net: tcp"), "{printed}");
    let expected = [
        "config.yml:5:3: {}http.sekret: unknown key, did you mean \"secret\"?",
        "REGISTRY_HTTP_ADR: {}Ignoring unrecognized environment variable REGISTRY_HTTP_ADR, did you mean REGISTRY_HTTP_ADDR?",
    ];
    for line in expected {
        assert!(warnings.contains(&line.replace("{}", "")), "{line}\n{warnings}");
    }
    let (code, printed, problems) = check(&text, &["--strict"], &[variable]);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    for line in expected {
        assert!(problems.contains(&line.replace("{}", "")), "{line}\n{problems}");
    }

    let served = Setup::with_text(&text).serve().await;
    assert!(
        served.log().contains("http.sekret: unknown key"),
        "{}",
        served.log()
    );
    let (code, problems) = Setup::with_text(&text).argument("--strict").refused().await;
    assert_eq!(code, Some(1));
    assert!(
        problems.contains("config.yml:5:3: http.sekret: unknown key"),
        "{problems}"
    );
}

#[test]
fn keys_that_were_retired_with_2_x_are_known_to_the_strict() {
    let text = format!("{FILE}redis: {{pool: {{maxidle: 1}}}}\ncompatibility: {{}}\nloglevel: warn\n");
    let (code, printed, warnings) = check(&text, &["--strict"], &[]);
    assert_eq!(code, Some(0), "{warnings}");
    assert_eq!(warnings.lines().count(), 3, "{warnings}");
    assert!(
        printed.contains("level: warn  # config.yml:8 (deprecated key loglevel)"),
        "{printed}"
    );
}
