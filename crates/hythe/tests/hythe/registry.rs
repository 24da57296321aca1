//! The program by the name of the original: its command line, and what was written to start it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::content::push_image;
use crate::process::{PROGRAM, Setup, storage};

/// Decides what was meant, as entry points of images do.
const ENTRY_POINT: &str = r#"
case "$1" in
    *.yaml | *.yml) set -- ./registry serve "$@" ;;
    serve | garbage-collect | help | -*) set -- ./registry "$@" ;;
esac
exec "$@"
"#;

/// Runs the words in a folder with a link named `registry`: exit code, standard output, standard error.
fn run(words: &[&str]) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    symlink(PROGRAM, folder.path().join("registry")).unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder.path())
        .env_remove("REGISTRY_CONFIGURATION_PATH")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_version_is_the_third_word() {
    for flag in ["--version", "-v", "--version=true"] {
        let (code, output, errors) = run(&["./registry", flag]);
        let words: Vec<&str> = output.split_whitespace().collect();
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        assert_eq!((words[0], words[2]), ("./registry", env!("CARGO_PKG_VERSION")));
        assert_eq!((words.len(), output.lines().count()), (3, 1), "{output}");
    }
}

#[test]
fn help_is_no_failure() {
    let (code, output, errors) = run(&["./registry"]);
    assert_eq!((code, output.as_str()), (Some(0), ""));
    assert!(errors.contains("garbage-collect"), "{errors}");
    for words in [
        &["./registry", "help"][..],
        &["./registry", "-h"],
        &["./registry", "help", "serve"],
        &["./registry", "garbage-collect", "--help"],
    ] {
        let (code, output, errors) = run(words);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{words:?}");
        assert!(output.contains("Usage: registry"), "{output}");
    }
}

#[test]
fn no_configuration_is_a_failure_and_not_a_registry_for_a_first_try() {
    for command in ["serve", "garbage-collect"] {
        let (code, output, errors) = run(&["./registry", command]);
        assert_eq!((code, output.as_str()), (Some(1), ""));
        assert_eq!(errors, "configuration error: configuration path unspecified\n");
    }
    let (code, _, errors) = run(&["./registry", "serve", "/nowhere.yml"]);
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("configuration error:"), "{errors}");
}

#[test]
fn what_nobody_understands_is_told() {
    for words in [
        &["./registry", "version"][..],
        &["./registry", "--fast"],
        &["./registry", "serve", "--fast", "config.yml"],
    ] {
        let (code, output, errors) = run(words);
        assert_eq!((code, output.as_str()), (Some(2), ""), "{words:?}");
        assert!(errors.contains("Usage: registry"), "{errors}");
    }
}

#[test]
fn garbage_is_not_collected_in_silence() {
    let (code, _, errors) = run(&[
        "./registry",
        "garbage-collect",
        "-d",
        "--delete-untagged=true",
        "config.yml",
    ]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("nothing of config.yml was removed"), "{errors}");
}

#[tokio::test]
async fn every_way_to_start_the_original_starts_it() {
    let (_root, configuration) = storage();
    for words in [
        &["./registry", "serve"][..],
        &["sh", "-c", ENTRY_POINT, "sh"],
        &["sh", "-c", ENTRY_POINT, "sh", "serve"],
    ] {
        serves(Setup::linked(&configuration, "registry", words)).await;
    }
    serves(Setup::linked(
        &configuration,
        "docker-registry",
        &["./docker-registry", "serve"],
    ))
    .await;

    // As the image of the original does it: everything but the address from its own configuration.
    let setup = Setup::linked(&configuration, "registry", &["./registry", "serve"]);
    serves(
        setup
            .variable("REGISTRY_LOG_LEVEL", "debug")
            .variable("OTEL_TRACES_EXPORTER", "none"),
    )
    .await;
}

#[tokio::test]
async fn a_unit_file_of_the_original_starts_it() {
    const UNIT: &str = "\
[Unit]
Description=Container registry
After=network.target

[Service]
Environment=REGISTRY_CONFIGURATION_PATH=config.yml
ExecStart=./registry serve config.yml
Restart=on-failure

[Install]
WantedBy=multi-user.target
";
    let (_root, configuration) = storage();
    let value_of = |key: &str| UNIT.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let (name, path) = value_of("Environment=").split_once('=').unwrap();
    let words: Vec<&str> = value_of("ExecStart=").split_whitespace().collect();
    // Both ways: named by the command, and by the variable alone.
    serves(Setup::linked(&configuration, "registry", &words[..2]).variable(name, path)).await;
    let setup = Setup::linked(&configuration, "registry", &words[..1]);
    fs::write(setup.folder().join("by-variable.yml"), configuration.text()).unwrap();
    let setup = setup.without_argument("serve").variable(name, "by-variable.yml");
    serves(setup.variable("REGISTRY_HTTP_ADDR", "127.0.0.1:0")).await;
}

async fn serves(setup: Setup) {
    let server = setup.serve().await;
    push_image(&server.client(), "a/b", "c").await;
    let (code, log, access_log) = server.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(access_log.contains("PUT /v2/a/b/manifests/c"), "{access_log}");
}
