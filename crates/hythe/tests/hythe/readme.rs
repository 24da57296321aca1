//! The commands of the README, run as they stand there.

use std::process::Command;

use hythe_testutil::digest;
use tempfile::TempDir;

use crate::process::{Setup, find};

const README: &str = include_str!("../../../../README.md");

/// The first shell block that has this text.
fn block_with(text: &str) -> &'static str {
    README
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .find(|block| block.contains(text))
        .unwrap_or_else(|| panic!("the README has no commands with {text}"))
}

#[test]
fn the_first_command_serves_and_the_second_tests() {
    assert_eq!(
        block_with("serve").trim(),
        "cargo run --release --package hythe -- serve"
    );
    assert_eq!(block_with("cargo test").trim(), "cargo test --workspace");
}

#[tokio::test]
async fn the_push_and_pull_by_hand_work() {
    let server = Setup::without_configuration().serve().await;
    let folder = TempDir::new().unwrap();
    let commands = block_with("curl -i -X POST").replace("127.0.0.1:5000", server.address());
    let output = Command::new("sh")
        .args(["-e", "-c", &commands])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert_eq!(
        text.matches("HTTP/1.1 201 Created").count(),
        2,
        "{text}\n{errors}"
    );
    let manifest = std::fs::read_to_string(folder.path().join("manifest.json")).unwrap();
    assert!(text.ends_with(&format!("{manifest}hello")), "{text}");

    let root = server.folder().join("hythe-data");
    let stored = digest::sha256(b"hello");
    let name = stored.strip_prefix("sha256:").unwrap();
    let data = find(&root, name)
        .into_iter()
        .find_map(|folder| std::fs::read(folder.join("data")).ok());
    assert_eq!(data.as_deref(), Some(&b"hello"[..]));
}
