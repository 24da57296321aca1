use bytes::Bytes;
use hythe_driver::{ErrorKind, PutMode, PutOptions};

use crate::fixture::{Fixture, assert_fails, path};
use crate::sample::{MEBIBYTE, sample};

async fn check_read_back(store: &Fixture, content: &[u8]) {
    store.put("/directory/file", content).await;
    assert!(
        store.get("/directory/file").await == content,
        "{} bytes",
        content.len()
    );
}

/// One byte (distribution: `TestWriteRead1`).
pub async fn one_byte_is_read_back(store: Fixture) {
    check_read_back(&store, b"a").await;
}

/// Text that is not ASCII (distribution: `TestWriteRead2`).
pub async fn text_is_read_back(store: Fixture) {
    check_read_back(&store, "\u{c3}\u{9f} — ütf-8".as_bytes()).await;
}

/// Some bytes (distribution: `TestWriteRead3`).
pub async fn some_bytes_are_read_back(store: Fixture) {
    check_read_back(&store, &sample(3, 32)).await;
}

/// A mebibyte (distribution: `TestWriteRead4`).
pub async fn a_mebibyte_is_read_back(store: Fixture) {
    check_read_back(&store, &sample(4, MEBIBYTE)).await;
}

/// Bytes that are no text (distribution: `TestWriteReadNonUTF8`).
pub async fn bytes_that_are_no_text_are_read_back(store: Fixture) {
    check_read_back(&store, &[0x80; 4]).await;
}

/// No bytes.
pub async fn an_empty_file_is_read_back(store: Fixture) {
    check_read_back(&store, b"").await;
    assert_eq!(store.stat("/directory/file").await.unwrap().size(), 0);
}

/// Without durability a file is stored all the same.
pub async fn a_file_put_without_durability_is_read_back(store: Fixture) {
    let options = PutOptions {
        mode: PutMode::Overwrite,
        durable: false,
    };
    let content = Bytes::from(sample(5, 1000));
    let at = path("/a/b/c");
    let put = store.driver.put_content(&at, content.clone(), options);
    put.await.unwrap();
    assert_eq!(store.get("/a/b/c").await, content);
    let seen_by_other = store.other.get_content(&at, 1000).await.unwrap();
    assert_eq!(seen_by_other, content);
}

/// Nothing of a longer content stays (distribution: `TestTruncate`).
pub async fn a_shorter_content_replaces_a_longer_one(store: Fixture) {
    store.put("/file", sample(6, MEBIBYTE)).await;
    check_read_back(&store, b"").await;
    let short = sample(7, 1024);
    store.put("/file", &short).await;
    assert!(store.get("/file").await == short);
}

/// The last content stays (distribution: `TestPutContentMultipleTimes`).
pub async fn the_last_put_counts(store: Fixture) {
    store.put("/a/file", sample(8, 4096)).await;
    store.put("/a/file", sample(9, 2048)).await;
    assert!(store.get("/a/file").await == sample(9, 2048));
    assert_eq!(store.names("/a").await, ["file"]);
}

/// A missing file (distribution: `TestReadNonexistent`).
pub async fn content_of_a_missing_file_is_not_found(store: Fixture) {
    let content = store.driver.get_content(&path("/missing/file"), u64::MAX).await;
    assert_fails(content, ErrorKind::NotFound, "/missing/file");
}

/// A directory has no content.
pub async fn content_of_a_directory_is_not_a_file(store: Fixture) {
    store.put("/directory/file", "x").await;
    for at in ["/directory", "/"] {
        let content = store.driver.get_content(&path(at), u64::MAX).await;
        let expected = if store.driver.capabilities().directories {
            ErrorKind::NotAFile
        } else {
            content.as_ref().unwrap_err().kind()
        };
        assert!(matches!(expected, ErrorKind::NotAFile | ErrorKind::NotFound));
        assert_fails(content, expected, at);
    }
}

/// No more than the limit is ever held.
pub async fn content_over_the_limit_is_too_large(store: Fixture) {
    for length in [1_usize, 100, 200_000] {
        let content = sample(10, length);
        store.put("/file", &content).await;
        let limit = length as u64;
        let within = store.driver.get_content(&path("/file"), limit).await.unwrap();
        assert!(within == content);
        let beyond = store.driver.get_content(&path("/file"), limit - 1).await;
        assert_fails(beyond, ErrorKind::TooLarge, "/file");
    }
}

/// A file has nothing below it.
pub async fn nothing_is_found_below_a_file(store: Fixture) {
    store.put("/file", "x").await;
    let below = "/file/below";
    let content = store.driver.get_content(&path(below), u64::MAX).await;
    assert_fails(content, ErrorKind::NotFound, below);
    assert_fails(store.stat(below).await, ErrorKind::NotFound, below);
    assert_fails(store.list(below).await, ErrorKind::NotFound, below);
    assert_fails(store.delete(below).await, ErrorKind::NotFound, below);
    store.driver.delete_files(&[path(below)]).await.unwrap();
    assert_eq!(store.get("/file").await, b"x");
}

/// A file is never the directory of another.
pub async fn nothing_can_be_put_below_a_file(store: Fixture) {
    if !store.has_directories("nothing_can_be_put_below_a_file") {
        return;
    }
    store.put("/file", "x").await;
    for at in ["/file/below", "/file/far/below"] {
        let put = store
            .driver
            .put_content(&path(at), "y".into(), PutOptions::default())
            .await;
        assert_fails(put, ErrorKind::NotADirectory, at);
        assert_fails(store.create(at, b"y").await, ErrorKind::NotADirectory, at);
    }
    assert_eq!(store.get("/file").await, b"x");
}

/// A directory is never a file.
pub async fn a_directory_cannot_be_replaced_by_a_file(store: Fixture) {
    if !store.has_directories("a_directory_cannot_be_replaced_by_a_file") {
        return;
    }
    store.put("/directory/file", "x").await;
    let put = store
        .driver
        .put_content(&path("/directory"), "y".into(), PutOptions::default())
        .await;
    assert_fails(put, ErrorKind::NotAFile, "/directory");
    assert_fails(
        store.create("/directory", b"y").await,
        ErrorKind::NotAFile,
        "/directory",
    );
    assert_eq!(store.names("/").await, ["directory/"]);
}
