//! Disks that are full or may not be written to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use hythe_testutil::{Client, Response};
use rustix::process::{Resource, Rlimit, geteuid, prlimit};
use serde_json::json;

use crate::content::{append, blob, check_blob, finish, push_blob, push_image, start_upload, upload_size};
use crate::process::{Server, Setup, storage};

/// What a full disk takes at most.
const ROOM: usize = 256 << 10;

/// 503 that names the cause to the client, and its details to the log only.
fn check_unavailable(answer: &Response, cause: &str) {
    answer
        .expect_status(&[503])
        .unwrap()
        .expect_error("UNAVAILABLE")
        .unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains(cause), "{text}");
    assert!(!text.contains("docker/registry"), "{text}");
    assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
}

/// An upload that does not fit is answered, survives, and goes on when `free` has made room.
async fn check_full(server: &mut Server, free: impl FnOnce()) {
    let client = server.client();
    let small = blob(1, 1000);
    push_blob(&client, "a", &small)
        .await
        .expect_status(&[201])
        .unwrap();
    let big = blob(2, 2 * ROOM);
    let place = start_upload(&client, "a").await;
    let place = append(&client, &place, &big.bytes[..1000]).await;
    let refused = finish(&client, &place, &big.bytes[1000..], &big).await;
    check_unavailable(&refused, "storage is full");
    check_failures_name_their_requests(server).await;

    // Reading goes on.
    check_blob(&client, "a", &small).await;
    free();
    let size = size_of_upload(&client, &place).await;
    assert!((1000..=ROOM + 1000).contains(&size), "{size}");
    let path = place.split('?').next().unwrap();
    finish(&client, path, &big.bytes[size..], &big)
        .await
        .expect_status(&[201])
        .unwrap();
    check_blob(&client, "a", &big).await;
}

async fn size_of_upload(client: &Client, place: &str) -> usize {
    let path = place.split('?').next().unwrap();
    upload_size(client, path).await.unwrap()
}

/// Whatever is logged for a request has its id, also from deep below.
async fn check_failures_name_their_requests(server: &mut Server) {
    server.until_logged("level=error").await;
    let log = server.log();
    for line in log.lines().filter(|line| line.contains("level=error")) {
        assert!(line.contains(" http.request.id="), "{line}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_grow_is_unavailable_and_the_upload_survives() {
    let (_root, configuration) = storage();
    // The limit of the process for the size of a file stands for the disk: it needs no rights, and it can be lifted
    // while the process runs.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let mut server = Setup::wrapped(&configuration, &wrapper).serve().await;
    let limit = |current: Option<u64>| Rlimit {
        current,
        maximum: None,
    };
    let id = Some(server.id());
    prlimit(id, Resource::Fsize, limit(Some(ROOM as u64))).unwrap();
    check_full(&mut server, || {
        prlimit(id, Resource::Fsize, limit(None)).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_the_upload_survives() {
    let may_mount = Command::new("unshare")
        .args(["--map-root-user", "--mount", "true"])
        .status();
    if !may_mount.is_ok_and(|status| status.success()) {
        // The test above covers the answers; only the system's own refusal is missed.
        eprintln!("SKIPPED: a file system of its own may not be mounted here");
        return;
    }
    let (root, configuration) = storage();
    let mount = "mount -t tmpfs -o size=2m tmpfs \"$0\" && exec \"$@\"";
    let root_text = root.path().to_str().unwrap();
    let wrapper = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        mount,
        root_text,
    ];
    let mut server = Setup::wrapped(&configuration, &wrapper).serve().await;
    // The file system as the process sees it.
    let inside = PathBuf::from(format!("/proc/{}/root{root_text}", server.id().as_raw_nonzero()));
    let filler = inside.join("filler");
    fs::write(&filler, vec![0; (2 << 20) - ROOM]).unwrap();
    check_full(&mut server, || fs::remove_file(&filler).unwrap()).await;
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_to_is_unavailable() {
    let (root, configuration) = storage();
    let writable = Setup::with(&configuration).serve().await;
    push_image(&writable.client(), "a", "b").await;
    assert_eq!(writable.terminate().await.0, Some(0));

    let setup = as_somebody_else(Setup::wrapped(&configuration, &[]));
    for folder in folders(root.path()) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let mut server = setup.serve().await;
    let client = server.client();
    client
        .get("/v2/a/manifests/b")
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();
    check_blob(&client, "a", &blob(1, 1000)).await;
    let refused = push_blob(&client, "a", &blob(2, 1000)).await;
    check_unavailable(&refused, "storage refuses access");
    check_failures_name_their_requests(&mut server).await;
    drop(server);
    for folder in folders(root.path()) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn a_root_that_may_not_be_made_is_told() {
    let (root, configuration) = storage();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let inner = root.path().join("inner");
    let configuration = configuration.set(&["storage", "filesystem", "rootdirectory"], json!(inner));
    let (code, message) = as_somebody_else(Setup::wrapped(&configuration, &[]))
        .refused()
        .await;
    assert_eq!(code, Some(1));
    assert!(message.contains(inner.to_str().unwrap()), "{message}");
    assert!(message.contains("Permission denied"), "{message}");
}

/// The superuser may write everywhere, so tests that run as one start the program as nobody.
fn as_somebody_else(setup: Setup) -> Setup {
    const NOBODY: u32 = 65534;
    if !geteuid().is_root() {
        return setup;
    }
    fs::set_permissions(setup.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    setup.user(NOBODY)
}

/// A folder and all folders below it.
fn folders(root: &std::path::Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while next < found.len() {
        for entry in fs::read_dir(&found[next]).unwrap().flatten() {
            if entry.path().is_dir() {
                found.push(entry.path());
            }
        }
        next += 1;
    }
    found
}
