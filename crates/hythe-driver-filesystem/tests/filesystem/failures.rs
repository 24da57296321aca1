//! Every step of every change fails once: what was asked for is then done whole, or not at all, and can be
//! asked for again.

use bytes::Bytes;
use hythe_driver::{ErrorKind, PutMode, StorageDriver, WriterMode};

use crate::support::{Recorded, files_below, open, path, to};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;
const EPERM: i32 = 1;

#[tokio::test]
async fn a_failed_put_leaves_the_old_content_or_the_new() {
    let mut steps = 0;
    loop {
        let store = Recorded::new();
        store.put("/a/file", "old", true).await.unwrap();
        store.recorder.fail_after(steps, ENOSPC);
        let put = store.put("/a/file", "new content", true).await;
        let content = store.get("/a/file").await.unwrap();
        match put {
            Ok(()) => {
                assert_eq!(content, "new content");
                break;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NoSpace);
                assert!(content == "old" || content == "new content");
                assert_eq!(files_below(store.root.path()), ["a/file"], "step {steps}");
            }
        }
        store.put("/a/file", "again", true).await.unwrap();
        assert_eq!(store.get("/a/file").await.unwrap(), "again");
        steps += 1;
    }
    assert!(steps >= 5, "{steps}");
}

#[tokio::test]
async fn a_failed_put_into_new_directories_can_be_repeated() {
    let mut steps = 0;
    loop {
        let store = Recorded::new();
        store.recorder.fail_after(steps, EIO);
        let put = store.put("/a/b/c/file", "content", true).await;
        let is_done = put.is_ok();
        if let Err(error) = put {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            store.put("/a/b/c/file", "content", true).await.unwrap();
        }
        assert_eq!(store.get("/a/b/c/file").await.unwrap(), "content");
        assert_eq!(files_below(store.root.path()), ["a/b/c/file"]);
        if is_done {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 9, "{steps}");
}

/// The first change that a commit makes.
const SYNC_OF_CONTENT: usize = 0;

#[tokio::test]
async fn a_failed_commit_leaves_an_upload_that_can_be_committed() {
    for mode in [PutMode::Overwrite, PutMode::Create] {
        let mut steps = 0;
        loop {
            let store = Recorded::new();
            let mut writer = store.writer("/uploads/one", WriterMode::Create).await.unwrap();
            writer.write(vec!["content".into()]).await.unwrap();
            writer.suspend().await.unwrap();
            let mut writer = store.writer("/uploads/one", WriterMode::Append).await.unwrap();
            writer.write(vec!["s".into()]).await.unwrap();
            store.recorder.fail_after(steps, EIO);
            let committed = writer.commit(to("/blobs/blob", mode.clone())).await;
            let is_done = committed.is_ok();
            if let Err(error) = committed {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                let mut writer = store.writer("/uploads/one", WriterMode::Append).await.unwrap();
                if steps == SYNC_OF_CONTENT {
                    // Nobody knows which of its bytes reached the disk.
                    assert_eq!(writer.size(), 0);
                    writer.write(vec!["contents".into()]).await.unwrap();
                }
                assert_eq!(writer.size(), 8);
                writer.commit(to("/blobs/blob", mode.clone())).await.unwrap();
            }
            assert_eq!(store.get("/blobs/blob").await.unwrap(), "contents");
            assert_eq!(files_below(store.root.path()), ["blobs/blob"]);
            if is_done {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 4, "{steps}");
    }
}

#[tokio::test]
async fn content_that_did_not_reach_the_disk_is_not_committed_by_trying_again() {
    for is_commit in [true, false] {
        let store = Recorded::new();
        let mut writer = store.writer("/uploads/one", WriterMode::Create).await.unwrap();
        writer.write(vec!["lost".into()]).await.unwrap();
        store.recorder.fail_after(0, EIO);
        if is_commit {
            writer.commit(to("/blob", PutMode::Create)).await.unwrap_err();
        } else {
            writer.suspend().await.unwrap_err();
        }
        assert_eq!(store.get("/uploads/one").await.unwrap(), "");
        let mut writer = store.writer("/uploads/one", WriterMode::Append).await.unwrap();
        assert_eq!(writer.size(), 0);
        writer.write(vec!["kept".into()]).await.unwrap();
        writer.commit(to("/blob", PutMode::Create)).await.unwrap();
        assert_eq!(store.get("/blob").await.unwrap(), "kept");
    }
}

#[tokio::test]
async fn a_full_disk_keeps_what_was_written_before() {
    // More pieces than one system call takes, so that the failure comes when half is written.
    let batch: Vec<Bytes> = (0..1500).map(|_| Bytes::from_static(b"ab")).collect();
    let store = Recorded::new();
    let mut writer = store.writer("/uploads/one", WriterMode::Create).await.unwrap();
    writer.write(vec!["begin".into()]).await.unwrap();
    store.recorder.fail_after(1, ENOSPC);
    let error = writer.write(batch.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(error.is_temporary());
    assert_eq!(writer.size(), 5);
    writer.suspend().await.unwrap();
    assert_eq!(store.get("/uploads/one").await.unwrap(), "begin");
    let mut writer = store.writer("/uploads/one", WriterMode::Append).await.unwrap();
    assert_eq!(writer.size(), 5);
    writer.write(batch).await.unwrap();
    writer.commit(to("/blob", PutMode::Create)).await.unwrap();
    let content = store.get("/blob").await.unwrap();
    assert_eq!(content.len(), 5 + 3000);
    assert!(content.starts_with(b"beginabab") && content.ends_with(b"abab"));
}

#[tokio::test]
async fn what_was_suspended_is_there_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = open(root.path())
        .writer(&path("/uploads/one"), WriterMode::Create)
        .await
        .unwrap();
    writer.write(vec!["before ".into()]).await.unwrap();
    writer.suspend().await.unwrap();
    let restarted = open(root.path());
    let mut writer = restarted
        .writer(&path("/uploads/one"), WriterMode::Append)
        .await
        .unwrap();
    writer.write(vec!["after".into()]).await.unwrap();
    writer.commit(to("/blob", PutMode::Create)).await.unwrap();
    let content = restarted.get_content(&path("/blob"), 100).await.unwrap();
    assert_eq!(content, "before after");
}

#[tokio::test]
async fn a_file_that_must_not_be_deleted_is_not_taken_for_missing() {
    let store = Recorded::new();
    store.put("/file", "content", true).await.unwrap();
    store.recorder.fail_after(0, EPERM);
    let error = store.driver.delete(&path("/file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(store.get("/file").await.unwrap(), "content");
}
