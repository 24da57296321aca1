//! The command line, a start without a configuration, and starts that fail.

use std::net::TcpListener;
use std::process::Command;

use hythe_testutil::Configuration;
use serde_json::json;
use tempfile::TempDir;

use crate::content::{check_blob, push_image};
use crate::process::{PROGRAM, Setup, find, serve_with, storage};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_version_is_one_line() {
    let version = format!("hythe {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"]), (Some(0), version, String::new()));
}

#[test]
fn the_help_names_the_command_and_its_argument() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("serve"), "{help}");
    let (code, help, _) = run(&["serve", "--help"]);
    assert_eq!(code, Some(0));
    for expected in [
        "[CONFIG]",
        "127.0.0.1:5000",
        "./hythe-data",
        "REGISTRY_CONFIGURATION_PATH",
    ] {
        assert!(help.contains(expected), "{expected}: {help}");
    }
}

#[test]
fn a_wrong_call_is_told_from_a_failure() {
    for arguments in [&["sevre"][..], &["serve", "--fast"], &["serve", "a", "b"], &[]] {
        let (code, _, message) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {message}");
        assert!(message.contains("Usage: hythe"), "{message}");
    }
}

#[tokio::test]
async fn without_a_configuration_it_serves_and_says_how_to_push() {
    let server = Setup::without_configuration().serve().await;
    let client = server.client();
    push_image(&client, "my/image", "latest").await;
    let deleted = hythe_testutil::Request::delete("/v2/my/image/manifests/latest");
    client.send(deleted).await.unwrap().expect_status(&[202]).unwrap();

    let address = server.address().to_owned();
    let data = server.folder().join("hythe-data/docker/registry/v2");
    assert!(data.is_dir(), "{}", data.display());
    let (code, log, access_log) = server.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    for expected in [
        format!("Hythe serves http://{address} and keeps its data in ./hythe-data."),
        "It is open to this machine only".to_owned(),
        format!("docker push {address}/my/image"),
        format!("curl http://{address}/v2/_catalog"),
    ] {
        assert!(log.contains(&expected), "{expected}: {log}");
    }
    assert!(
        access_log.contains("PUT /v2/my/image/manifests/latest"),
        "{access_log}"
    );
}

#[tokio::test]
async fn without_any_word_it_listens_on_port_5000_of_this_machine() {
    // Somebody else may have the port; then the failure names it.
    let mut server = Setup::bare().spawn();
    server
        .until("it names its address", |server| {
            let log = server.log();
            let listens = log.contains("listening on 127.0.0.1:5000");
            let is_taken = log.contains("cannot listen on 127.0.0.1:5000: Address already in use");
            (listens || is_taken).then_some(())
        })
        .await;
}

#[tokio::test]
async fn the_welcome_tells_what_variables_changed() {
    let setup = Setup::without_configuration()
        .variable("REGISTRY_STORAGE", "inmemory")
        .variable("REGISTRY_HTTP_SECRET", "x");
    let server = setup.serve().await;
    assert!(!server.folder().join("hythe-data").exists());
    let (_, log, _) = server.terminate().await;
    assert!(log.contains("keeps its data in memory"), "{log}");
}

#[tokio::test]
async fn the_configuration_is_found_by_the_variable() {
    let setup = Setup::without_configuration();
    let path = setup.folder().join("by-variable.yml");
    let root = setup.folder().join("root");
    std::fs::write(&path, Configuration::filesystem(&root).text()).unwrap();
    let setup = setup.variable("REGISTRY_CONFIGURATION_PATH", path.to_str().unwrap());
    let server = setup.serve().await;
    push_image(&server.client(), "a", "b").await;
    assert!(root.join("docker").is_dir());
    let (_, log, _) = server.terminate().await;
    assert!(!log.contains("Hythe serves"), "{log}");
    assert!(!log.contains("REGISTRY_CONFIGURATION_PATH"), "{log}");
}

#[tokio::test]
async fn a_configuration_that_is_not_there_is_named() {
    let setup = Setup::without_configuration().variable("REGISTRY_CONFIGURATION_PATH", "/nowhere/config.yml");
    let (code, message) = setup.refused().await;
    assert_eq!(code, Some(1));
    assert!(
        message.contains("configuration error:\ncannot read /nowhere/config.yml: No such file or directory"),
        "{message}"
    );
}

#[tokio::test]
async fn all_problems_are_told_at_once_with_their_places() {
    let text = "\
version: 0.1
log:
  level: loud
storage:
  filesystem:
    rootdirectory: root
  delete:
    enabled: perhaps
http:
  adr: 127.0.0.1:0
  draintimeout: soon
";
    let setup = Setup::with_text(text).variable("REGISTRY_CATALOG_MAXENTRIES", "many");
    let folder = setup.folder().to_owned();
    let (code, message) = setup.refused().await;
    assert_eq!(code, Some(1));
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[0], "configuration error:");
    let expected = [
        "config.yml:3:10: log.level: ",
        "config.yml:8:14: storage.delete.enabled: ",
        "config.yml:10:3: warning: http.adr: unknown key, did you mean \"addr\"?",
        "config.yml:11:17: http.draintimeout: ",
        "REGISTRY_CATALOG_MAXENTRIES: catalog.maxentries: ",
    ];
    assert_eq!(lines.len(), expected.len() + 1, "{message}");
    for (line, expected) in lines[1..].iter().zip(expected) {
        assert!(line.starts_with(expected), "{expected}: {message}");
    }
    assert!(!folder.join("root").exists());
}

#[tokio::test]
async fn an_unknown_key_is_a_warning_with_its_line() {
    let mut server = serve_with(&["http", "tiemouts"], json!({ "header": "1s" })).await;
    server.until_logged("did you mean").await;
    let (code, log, _) = server.terminate().await;
    assert_eq!(code, Some(0));
    let warning = log.lines().find(|line| line.contains("tiemouts")).unwrap();
    assert!(warning.contains("level=warning"), "{warning}");
    assert!(warning.contains("config.yml:1:"), "{warning}");
    assert!(warning.contains("did you mean \\\"timeouts\\\"?"), "{warning}");
}

#[tokio::test]
async fn sections_without_weight_warn_and_do_no_harm() {
    let (_root, configuration) = storage();
    let configuration = configuration
        .set(&["http", "http2"], json!({ "disabled": true }))
        .set(&["redis", "pool"], json!({ "maxidle": 1 }))
        .set(&["storage", "redirect"], json!({ "disable": true }))
        .set(&["storage", "tag"], json!({ "concurrencylimit": 5 }))
        .set(
            &["log", "hooks"],
            json!([{ "type": "mail", "levels": ["panic"] }]),
        );
    let server = Setup::with(&configuration).serve().await;
    push_image(&server.client(), "a", "b").await;
    let (code, log, _) = server.terminate().await;
    assert_eq!(code, Some(0));
    for key in ["redis", "log.hooks"] {
        let warned = |line: &str| line.contains("level=warning") && line.contains(&format!(": {key}"));
        assert!(log.lines().any(warned), "{key}: {log}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = Setup::without_configuration().variable("REGISTRY_HTTP_ADDR", &address);
    let (code, message) = setup.refused().await;
    assert_eq!(code, Some(1));
    let expected = format!("cannot listen on {address}: Address already in use");
    assert!(message.contains(&expected), "{message}");
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    for address in ["nowhere.invalid:5000", "127.0.0.1:99999", "5000"] {
        let setup = Setup::without_configuration().variable("REGISTRY_HTTP_ADDR", address);
        let (code, message) = setup.refused().await;
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(address), "{message}");
    }
}

#[tokio::test]
async fn a_root_that_cannot_be_made_is_told() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let root = file.join("root");
    let (code, message) = Setup::with(&Configuration::filesystem(&root)).refused().await;
    assert_eq!(code, Some(1));
    assert!(message.contains("cannot create the root directory"), "{message}");
    assert!(message.contains(file.to_str().unwrap()), "{message}");
    assert!(message.contains("Not a directory"), "{message}");
}

#[tokio::test]
async fn the_root_is_made_with_all_that_leads_to_it() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("a/b/c");
    let server = Setup::with(&Configuration::filesystem(&root)).serve().await;
    let image = push_image(&server.client(), "x/y", "z").await;
    check_blob(&server.client(), "x/y", &crate::content::blob(1, 1000)).await;
    let digest = image.digest.strip_prefix("sha256:").unwrap();
    assert!(!find(&root, digest).is_empty());
}
