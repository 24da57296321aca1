use http::Method;
use hythe_driver::{CommitOptions, ErrorKind, PutOptions, RedirectRequest, WriterMode};

use crate::fixture::{Fixture, assert_fails, mode_after, path};
use crate::sample::{BATCH_BYTES, sample, write_all};

/// What was deleted is gone (distribution: `TestDelete`).
pub async fn a_deleted_file_is_gone(store: Fixture) {
    store.put("/a/file", "x").await;
    store.delete("/a/file").await.unwrap();
    let content = store.driver.get_content(&path("/a/file"), u64::MAX).await;
    assert_fails(content, ErrorKind::NotFound, "/a/file");
    assert_fails(store.delete("/a/file").await, ErrorKind::NotFound, "/a/file");
}

/// Nothing cannot be deleted (distribution: `TestDeleteNonexistent`).
pub async fn deleting_nothing_is_not_found(store: Fixture) {
    for at in ["/missing", "/missing/file"] {
        assert_fails(store.delete(at).await, ErrorKind::NotFound, at);
    }
}

/// A file of a directory, then the directory (distribution: `TestDeleteFolder`).
pub async fn a_deleted_directory_is_gone_with_all_below(store: Fixture) {
    for at in ["/a/one", "/a/two", "/a/b/three", "/a/b/c/four", "/other"] {
        store.put(at, "x").await;
    }
    store.delete("/a/one").await.unwrap();
    assert_eq!(store.names("/a").await, ["b/", "two"]);
    store.delete("/a").await.unwrap();
    for at in ["/a", "/a/two", "/a/b", "/a/b/three", "/a/b/c/four"] {
        assert_fails(store.stat(at).await, ErrorKind::NotFound, at);
    }
    assert_eq!(store.names("/").await, ["other"]);
}

/// Names that begin alike are others (distribution: `TestDeleteOnlyDeletesSubpaths`).
pub async fn deleting_spares_names_that_begin_alike(store: Fixture) {
    for at in [
        "/x/file",
        "/x/filesuffix",
        "/x/file-suffix",
        "/x/directory/file",
        "/x/directorysuffix/file",
        "/x/directory-suffix/file",
        "/x/directory.suffix",
    ] {
        store.put(at, "x").await;
    }
    store.delete("/x/file").await.unwrap();
    store.delete("/x/directory").await.unwrap();
    let expected = [
        "directory-suffix/",
        "directory.suffix",
        "directorysuffix/",
        "file-suffix",
        "filesuffix",
    ];
    assert_eq!(store.names("/x").await, expected);
}

/// The beginning of a name is no name.
pub async fn deleting_the_beginning_of_a_name_is_not_found(store: Fixture) {
    store.put("/ab", "x").await;
    store.put("/abc/file", "x").await;
    assert_fails(store.delete("/a").await, ErrorKind::NotFound, "/a");
    assert_eq!(store.names("/").await, ["ab", "abc/"]);
}

/// Everything at once cannot be deleted.
pub async fn the_root_cannot_be_deleted(store: Fixture) {
    store.put("/file", "x").await;
    assert_fails(store.delete("/").await, ErrorKind::InvalidPath, "/");
    assert_eq!(store.get("/file").await, b"x");
}

/// More files than any backend deletes in one call.
pub async fn a_large_directory_is_deleted(store: Fixture) {
    const FILES: usize = 1005;
    for number in 0..FILES {
        let at = path(&format!("/many/{:02}/{number:04}", number % 7));
        let options = PutOptions {
            durable: false,
            ..PutOptions::default()
        };
        let put = store.driver.put_content(&at, "x".into(), options);
        put.await.unwrap();
    }
    store.put("/many-others", "x").await;
    store.delete("/many").await.unwrap();
    assert_eq!(store.names("/").await, ["many-others"]);
}

/// Unfinished uploads below a deleted directory are gone too.
pub async fn deleting_a_directory_aborts_uploads_in_it(store: Fixture) {
    let mut writer = store.new_writer("/uploads/one/data").await;
    write_all(&mut writer, &sample(1, 5 * BATCH_BYTES + 1)).await;
    let mode = mode_after(writer).await;
    store.put("/uploads/one/startedat", "x").await;
    store.delete("/uploads/one").await.unwrap();
    if let Ok(writer) = store.writer("/uploads/one/data", mode).await {
        let options = CommitOptions {
            destination: Some(path("/final")),
            ..CommitOptions::default()
        };
        assert!(writer.commit(options).await.is_err());
    }
    assert!(store.stat("/final").await.unwrap_err().is_not_found());
    let append = store.writer("/uploads/one/data", WriterMode::Append).await;
    assert!(append.is_err());
}

/// Files by their names; what is missing is missing already, and directories stay.
pub async fn files_are_deleted_by_their_names(store: Fixture) {
    for at in ["/a/one", "/a/two", "/a/three", "/b/four", "/b/directory/five"] {
        store.put(at, "x").await;
    }
    let victims = [
        "/a/one",
        "/a/missing",
        "/missing/x",
        "/b/four",
        "/b/directory",
        "/a/one",
        "/",
    ];
    let victims: Vec<_> = victims.into_iter().map(path).collect();
    store.driver.delete_files(&victims).await.unwrap();
    assert_eq!(store.names("/a").await, ["three", "two"]);
    assert_eq!(store.names("/b").await, ["directory/"]);
    assert_eq!(store.get("/b/directory/five").await, b"x");
    store.driver.delete_files(&[]).await.unwrap();
}

/// More names than any backend takes in one call.
pub async fn many_files_are_deleted_by_their_names(store: Fixture) {
    let at = |number: usize| path(&format!("/many/{number:04}"));
    for number in 0..5 {
        store.put(at(number * 250).as_str(), "x").await;
    }
    let victims: Vec<_> = (0..1005).map(at).collect();
    store.driver.delete_files(&victims).await.unwrap();
    let left = store.list("/many").await;
    assert!(left.map_or_else(|error| error.is_not_found(), |left| left.is_empty()));
}

/// An address is handed out only by drivers that say so, and is absolute (distribution: `TestRedirectURL`).
pub async fn a_redirect_is_handed_out_as_the_capabilities_say(store: Fixture) {
    store.put("/a/file", sample(2, 32)).await;
    for (method, at) in [
        (Method::GET, "/a/file"),
        (Method::HEAD, "/a/file"),
        (Method::GET, "/a/missing"),
    ] {
        let request = RedirectRequest {
            method,
            client: None,
            content_type: None,
            valid_for: RedirectRequest::DEFAULT_VALIDITY,
        };
        let address = store.driver.redirect_url(&path(at), &request).await.unwrap();
        if let Some(address) = address {
            assert!(store.driver.capabilities().redirect);
            assert!(
                address.scheme().is_some() && address.host().is_some(),
                "{address}"
            );
        }
    }
}
