use std::os::unix::fs::symlink;

use hythe_driver::{ErrorKind, ListOptions, PutOptions, ReadRange, StorageDriver, WriterMode};

use crate::support::{files_below, open, path, put};

/// A root beside something that must not be touched, with links that lead there.
fn with_links_out() -> tempfile::TempDir {
    let outer = tempfile::tempdir().unwrap();
    let (root, secret) = (outer.path().join("root"), outer.path().join("secret"));
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(&secret).unwrap();
    std::fs::write(secret.join("file"), "secret").unwrap();
    symlink(&secret, root.join("absolute")).unwrap();
    symlink("../secret", root.join("relative")).unwrap();
    symlink("../secret/file", root.join("link")).unwrap();
    symlink("/etc/passwd", root.join("passwd")).unwrap();
    outer
}

#[tokio::test]
async fn no_link_leads_out_of_the_root() {
    let outer = with_links_out();
    let driver = open(&outer.path().join("root"));
    for at in ["/absolute/file", "/relative/file", "/link", "/passwd"] {
        let at = path(at);
        let kinds = [
            driver.get_content(&at, 1000).await.unwrap_err().kind(),
            driver.read(&at, ReadRange::Full).await.unwrap_err().kind(),
            driver.stat(&at).await.unwrap_err().kind(),
            driver.writer(&at, WriterMode::Append).await.unwrap_err().kind(),
            driver.rename(&at, &path("/stolen")).await.unwrap_err().kind(),
        ];
        assert_eq!(kinds, [ErrorKind::PermissionDenied; 5], "{at}");
    }
    for at in ["/absolute/new", "/relative/new", "/absolute/a/b"] {
        let at = path(at);
        let put = driver.put_content(&at, "x".into(), PutOptions::default()).await;
        assert_eq!(put.unwrap_err().kind(), ErrorKind::PermissionDenied, "{at}");
        let writer = driver.writer(&at, WriterMode::Create).await;
        assert_eq!(writer.unwrap_err().kind(), ErrorKind::PermissionDenied, "{at}");
    }
    let list = driver.list(&path("/absolute"), ListOptions::default()).await;
    assert_eq!(list.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let listed = driver.list(&path("/"), ListOptions::default()).await.unwrap();
    assert_eq!(listed, [], "links that lead out are not listed");
    assert_eq!(files_below(&outer.path().join("secret")), ["file"]);
}

#[tokio::test]
async fn deleting_removes_links_and_follows_none() {
    let outer = with_links_out();
    let root = outer.path().join("root");
    std::fs::create_dir(root.join("directory")).unwrap();
    symlink("../../secret", root.join("directory/out")).unwrap();
    let driver = open(&root);
    for at in ["/directory", "/absolute", "/link"] {
        driver.delete(&path(at)).await.unwrap();
    }
    driver
        .delete_files(&[path("/relative"), path("/passwd")])
        .await
        .unwrap();
    let content = std::fs::read(outer.path().join("secret/file")).unwrap();
    assert_eq!(content, b"secret");
    assert_eq!(files_below(&root), Vec::<String>::new());
}

#[tokio::test]
async fn a_put_replaces_a_link_and_not_what_it_leads_to() {
    let outer = with_links_out();
    let driver = open(&outer.path().join("root"));
    put(&driver, "/link", "new").await;
    assert_eq!(driver.get_content(&path("/link"), 10).await.unwrap(), "new");
    let content = std::fs::read(outer.path().join("secret/file")).unwrap();
    assert_eq!(content, b"secret");
}

#[tokio::test]
async fn links_within_the_root_are_followed() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("disk2/blobs")).unwrap();
    std::fs::write(root.path().join("disk2/blobs/one"), "content").unwrap();
    symlink("disk2/blobs", root.path().join("blobs")).unwrap();
    symlink("nowhere", root.path().join("dangling")).unwrap();
    let driver = open(root.path());
    assert_eq!(
        driver.get_content(&path("/blobs/one"), 10).await.unwrap(),
        "content"
    );
    put(&driver, "/blobs/two", "x").await;
    assert_eq!(
        files_below(&root.path().join("disk2")),
        ["blobs/one", "blobs/two"]
    );
    let listed = driver.list(&path("/"), ListOptions::default()).await.unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|info| (info.path.as_str(), info.is_directory()))
        .collect();
    assert_eq!(names, [("/blobs", true), ("/disk2", true)]);
}

#[tokio::test]
async fn names_that_no_path_has_are_not_listed() {
    let root = tempfile::tempdir().unwrap();
    for name in ["good", "with space", "with:colon", "ütf"] {
        std::fs::write(root.path().join(name), "x").unwrap();
    }
    let driver = open(root.path());
    let listed = driver.list(&path("/"), ListOptions::default()).await.unwrap();
    let names: Vec<_> = listed.iter().map(|info| info.path.as_str()).collect();
    assert_eq!(names, ["/good"]);
}
