use hythe_driver::{DriverPath, ErrorKind, PutOptions, WriterMode};

use crate::fixture::{Fixture, assert_fails, path};

/// Every path of the grammar can be stored (distribution: `TestValidPaths`).
pub async fn valid_paths_can_be_written_and_read(store: Fixture) {
    for at in [
        "/a",
        "/2",
        "/aa",
        "/a.a",
        "/0-9/abcdefg",
        "/abcdefg/z.75",
        "/abc/1.2.3.4.5-6_zyx/123.z/4",
        "/docker/docker-registry",
        "/123.abc",
        "/abc./abc",
        "/.abc",
        "/a--b",
        "/a-.b",
        "/_.abc",
        "/Docker/docker-registry",
        "/Abc/Cba",
    ] {
        store.put(at, at).await;
        assert_eq!(store.get(at).await, at.as_bytes(), "{at}");
        store.delete(at).await.unwrap();
    }
}

/// What is no path cannot even be asked for, and the root is no file (distribution: `TestInvalidPaths`).
pub async fn invalid_paths_are_refused(store: Fixture) {
    for text in [
        "",
        "abc",
        "123.abc",
        "//bcd",
        "/abc_123/",
        "/..",
        "/a/../b",
        "/a/./b",
    ] {
        assert!(DriverPath::parse(text).is_err(), "{text:?}");
    }
    let root = DriverPath::root();
    let put = store
        .driver
        .put_content(&root, "x".into(), PutOptions::default())
        .await;
    assert_fails(put.map(|_| ()), ErrorKind::InvalidPath, "/");
    let writer = store.driver.writer(&root, WriterMode::Create).await;
    assert_fails(writer.map(|_| ()), ErrorKind::InvalidPath, "/");
}

/// The root is a directory even when nothing is stored (distribution: `TestRootExists`).
pub async fn the_root_is_always_there(store: Fixture) {
    assert!(store.names("/").await.is_empty());
    assert!(store.stat("/").await.unwrap().is_directory());
}

/// Upper and lower case are different names.
pub async fn names_differ_by_case(store: Fixture) {
    store.put("/a/Name", "upper").await;
    store.put("/a/name", "lower").await;
    assert_eq!(store.get("/a/Name").await, b"upper");
    assert_eq!(store.names("/a").await, ["Name", "name"]);
    assert!(store.stat("/A").await.unwrap_err().is_not_found());
}

/// Errors name the driver, the operation and the path.
pub async fn errors_tell_where_they_come_from(store: Fixture) {
    let error = store.delete("/missing/file").await.unwrap_err();
    assert_eq!(error.driver(), store.driver.name());
    assert_eq!(error.operation(), "delete");
    assert_eq!(error.path(), Some(&path("/missing/file")));
    let text = error.to_string();
    for part in [store.driver.name(), "delete", "/missing/file"] {
        assert!(text.contains(part), "{text}");
    }
}
