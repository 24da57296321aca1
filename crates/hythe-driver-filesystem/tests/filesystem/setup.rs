use std::os::unix::fs::PermissionsExt;

use hythe_driver::{DriverFactories, ErrorKind, ListOptions, ReadRange, StorageDriver, WriterMode};
use hythe_driver_filesystem::{FilesystemDriver, FilesystemFactory, FilesystemParameters};
use serde_json::json;

use crate::support::{files_below, open, path, put};

#[tokio::test]
async fn the_factory_makes_the_root_and_those_above_it() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("a/b/registry");
    let parameters = json!({"rootdirectory": root.to_str().unwrap(), "maxthreads": "30"});
    let factories = DriverFactories::new().with(FilesystemFactory);
    let driver = factories
        .create("filesystem", parameters.as_object().unwrap())
        .await
        .unwrap();
    put(&*driver, "/file", "x").await;
    assert_eq!(files_below(&root), ["file"]);
}

#[tokio::test]
async fn an_unusable_root_is_told_with_its_path() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for root in [file.clone(), file.join("below/it")] {
        let parameters = FilesystemParameters::at(&root);
        let error = FilesystemDriver::new(parameters).unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_bad_parameter_stops_the_factory() {
    let factories = DriverFactories::new().with(FilesystemFactory);
    let parameters = json!({"rootdirectory": "/tmp", "maxthreads": "many"});
    let made = factories
        .create("filesystem", parameters.as_object().unwrap())
        .await;
    assert!(made.is_err());
}

#[tokio::test]
async fn files_have_the_modes_that_the_umask_leaves() {
    let root = tempfile::tempdir().unwrap();
    // What the umask leaves of 0666 and 0777, found without changing it.
    let (file, directory) = (root.path().join("file"), root.path().join("directory"));
    std::fs::write(&file, "x").unwrap();
    std::fs::create_dir(&directory).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    let driver = open(root.path());
    put(&driver, "/a/put", "x").await;
    let writer = driver.writer(&path("/a/written"), WriterMode::Create).await;
    writer.unwrap().suspend().await.unwrap();
    assert_eq!(mode(&root.path().join("a/put")), mode(&file));
    assert_eq!(mode(&root.path().join("a/written")), mode(&file));
    assert_eq!(mode(&root.path().join("a")), mode(&directory));
}

#[tokio::test]
async fn leftovers_of_a_crash_are_hidden_and_go_with_their_directory() {
    const LEFTOVER: &str = "link.6ba7b810-9dad-11d1-80b4-00c04fd430c8.tmp";
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("a")).unwrap();
    std::fs::write(root.path().join("a").join(LEFTOVER), "torn").unwrap();
    std::fs::write(root.path().join("a/link"), "whole").unwrap();
    let driver = open(root.path());
    let listed = driver.list(&path("/a"), ListOptions::default()).await.unwrap();
    assert_eq!(listed.len(), 1);
    driver.delete(&path("/a")).await.unwrap();
    assert!(!root.path().join("a").exists());
}

#[tokio::test]
async fn a_pipe_is_no_file_and_holds_nobody() {
    let root = tempfile::tempdir().unwrap();
    let pipe = root.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let driver = open(root.path());
    let at = path("/pipe");
    let kinds = [
        driver.get_content(&at, 10).await.unwrap_err().kind(),
        driver.read(&at, ReadRange::Full).await.unwrap_err().kind(),
        driver.stat(&at).await.unwrap_err().kind(),
        driver.writer(&at, WriterMode::Append).await.unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Other; 4]);
    assert!(
        driver
            .list(&path("/"), ListOptions::default())
            .await
            .unwrap()
            .is_empty()
    );
    driver.delete(&at).await.unwrap();
}

#[tokio::test]
async fn a_committed_file_whose_old_name_came_back_is_never_written_to() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("uploads")).unwrap();
    std::fs::write(root.path().join("blob"), "committed").unwrap();
    let link = || std::fs::hard_link(root.path().join("blob"), root.path().join("uploads/data")).unwrap();
    link();
    let driver = open(root.path());
    let at = path("/uploads/data");
    let append = driver.writer(&at, WriterMode::Append).await;
    assert_eq!(append.unwrap_err().kind(), ErrorKind::NotFound);
    let mut writer = driver.writer(&at, WriterMode::Create).await.unwrap();
    writer.write(vec!["new".into()]).await.unwrap();
    writer.suspend().await.unwrap();
    assert_eq!(
        driver.get_content(&path("/blob"), 100).await.unwrap(),
        "committed"
    );
    assert_eq!(driver.get_content(&at, 100).await.unwrap(), "new");
}
