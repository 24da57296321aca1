use hythe_driver::ErrorKind;

use crate::fixture::{Fixture, assert_fails, path};
use crate::sample::sample;

async fn rename(store: &Fixture, from: &str, to: &str) -> hythe_driver::Result<()> {
    store.driver.rename(&path(from), &path(to)).await
}

/// The content is at the new path only (distribution: `TestMove`).
pub async fn a_renamed_file_is_at_its_new_path(store: Fixture) {
    let content = sample(1, 32);
    store.put("/a/old", &content).await;
    rename(&store, "/a/old", "/b/c/new").await.unwrap();
    assert_eq!(store.get("/b/c/new").await, content);
    assert_fails(store.stat("/a/old").await, ErrorKind::NotFound, "/a/old");
}

/// What is at the new path is replaced (distribution: `TestMoveOverwrite`).
pub async fn a_renamed_file_replaces_another(store: Fixture) {
    store.put("/old", "source").await;
    store.put("/new", sample(2, 64)).await;
    rename(&store, "/old", "/new").await.unwrap();
    assert_eq!(store.get("/new").await, b"source");
    assert!(store.stat("/old").await.unwrap_err().is_not_found());
}

/// A missing source leaves the other path alone (distribution: `TestMoveNonexistent`).
pub async fn renaming_a_missing_file_changes_nothing(store: Fixture) {
    store.put("/new", "kept").await;
    for to in ["/new", "/elsewhere/new"] {
        let renamed = rename(&store, "/missing", to).await;
        assert_fails(renamed, ErrorKind::NotFound, "/missing");
    }
    assert_eq!(store.get("/new").await, b"kept");
    assert_eq!(store.names("/").await, ["new"]);
}

/// Nothing can be renamed to below a file (distribution: `TestMoveInvalid`).
pub async fn nothing_can_be_renamed_to_below_a_file(store: Fixture) {
    if !store.has_directories("nothing_can_be_renamed_to_below_a_file") {
        return;
    }
    store.put("/file", "x").await;
    store.put("/old", "y").await;
    let renamed = rename(&store, "/old", "/file/below").await;
    assert_fails(renamed, ErrorKind::NotADirectory, "/file/below");
    let renamed = rename(&store, "/file", "/file/below").await;
    assert_fails(renamed, ErrorKind::NotADirectory, "/file/below");
    assert_eq!(store.get("/file").await, b"x");
    assert_eq!(store.get("/old").await, b"y");
}

/// Directories are neither renamed nor replaced.
pub async fn directories_are_not_renamed(store: Fixture) {
    if !store.has_directories("directories_are_not_renamed") {
        return;
    }
    store.put("/directory/file", "x").await;
    store.put("/file", "y").await;
    let renamed = rename(&store, "/directory", "/new").await;
    assert_fails(renamed, ErrorKind::NotAFile, "/directory");
    let renamed = rename(&store, "/file", "/directory").await;
    assert_fails(renamed, ErrorKind::NotAFile, "/directory");
    assert_eq!(store.names("/").await, ["directory/", "file"]);
}

/// A file renamed to its own name stays.
pub async fn a_file_renamed_to_itself_stays(store: Fixture) {
    store.put("/a/file", "x").await;
    rename(&store, "/a/file", "/a/file").await.unwrap();
    assert_eq!(store.get("/a/file").await, b"x");
    assert_fails(
        rename(&store, "/missing", "/missing").await,
        ErrorKind::NotFound,
        "/missing",
    );
}
