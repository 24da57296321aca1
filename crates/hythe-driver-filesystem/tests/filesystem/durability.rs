//! What is synced when, and that no power failure takes away what was acknowledged.

use std::collections::BTreeMap;

use bytes::Bytes;
use hythe_driver::{ErrorKind, PutMode, StorageDriver, WriterMode};
use hythe_driver_filesystem::testing::{Operation, Outcome, Recorder, power_failures};

use crate::support::{Recorded, path, to};

const EIO: i32 = 5;

/// The recorded operations as short texts; temporary names and handles are left out.
fn log(recorder: &Recorder) -> Vec<String> {
    let name = |path: &hythe_driver::DriverPath| match path.as_str().strip_suffix(".tmp") {
        Some(_) => "temporary".to_owned(),
        None => path.to_string(),
    };
    let text = |operation: Operation| match operation {
        Operation::MakeDirectory { path } => format!("mkdir {path}"),
        Operation::Open { path, .. } => format!("open {}", name(&path)),
        Operation::Write { content, .. } => format!("write {}", content.len()),
        Operation::Truncate { size, .. } => format!("truncate {size}"),
        Operation::SyncFile { .. } => "sync".to_owned(),
        Operation::SyncDirectory { path } => format!("sync {path}"),
        Operation::Rename { from, to } => format!("rename {} {}", name(&from), name(&to)),
        Operation::Link { from, to } => format!("link {} {}", name(&from), name(&to)),
        Operation::Remove { path } => format!("remove {}", name(&path)),
        Operation::Acknowledged { label } => format!("told {label}"),
        other => format!("{other:?}"),
    };
    recorder.log().into_iter().map(text).collect()
}

#[tokio::test]
async fn a_durable_put_syncs_content_then_new_directories_then_its_name() {
    let store = Recorded::new();
    store.put("/a/b/file", "x", true).await.unwrap();
    store.put("/a/b/file", "y", true).await.unwrap();
    let expected = [
        "mkdir /a",
        "mkdir /a/b",
        "open temporary",
        "write 1",
        "sync",
        // The new directories come first: a name in a lost directory would be lost too.
        "sync /a",
        "sync /",
        "rename temporary /a/b/file",
        "sync /a/b",
        // The directories are known to be on the disk now.
        "open temporary",
        "write 1",
        "sync",
        "rename temporary /a/b/file",
        "sync /a/b",
    ];
    assert_eq!(log(&store.recorder), expected);
}

#[tokio::test]
async fn a_put_that_need_not_be_durable_syncs_nothing() {
    let store = Recorded::new();
    store.put("/a/file", "x", false).await.unwrap();
    let log = log(&store.recorder);
    assert!(!log.iter().any(|line| line.starts_with("sync")), "{log:?}");
}

#[tokio::test]
async fn a_durable_put_syncs_directories_that_others_left() {
    let store = Recorded::new();
    store.put("/a/b/other", "x", false).await.unwrap();
    let before = store.recorder.log().len();
    store.put("/a/b/file", "x", true).await.unwrap();
    let expected = [
        "open temporary",
        "write 1",
        "sync",
        // The new directories come first: a name in a lost directory would be lost too.
        "sync /a",
        "sync /",
        "rename temporary /a/b/file",
        "sync /a/b",
    ];
    assert_eq!(log(&store.recorder)[before..], expected);
}

#[tokio::test]
async fn an_upload_is_synced_when_suspended_and_when_committed() {
    let store = Recorded::new();
    let writer = store.writer("/uploads/one", WriterMode::Create).await.unwrap();
    writer.suspend().await.unwrap();
    let mut writer = store.writer("/uploads/one", WriterMode::Append).await.unwrap();
    writer.write(vec!["abc".into()]).await.unwrap();
    writer.suspend().await.unwrap();
    let writer = store.writer("/uploads/one", WriterMode::Append).await.unwrap();
    writer
        .commit(to("/blobs/one/data", PutMode::Create))
        .await
        .unwrap();
    let expected = [
        "mkdir /uploads",
        "open /uploads/one",
        // Nothing was written yet, so there is nothing to sync.
        "open /uploads/one",
        "write 3",
        "sync",
        "sync /uploads",
        "sync /",
        "open /uploads/one",
        // It is as it was suspended, so its content is on the disk.
        "mkdir /blobs",
        "mkdir /blobs/one",
        "sync /blobs",
        "sync /",
        "rename /uploads/one /blobs/one/data",
        "sync /blobs/one",
    ];
    assert_eq!(log(&store.recorder), expected);
}

#[tokio::test]
async fn a_renamed_file_is_synced_in_both_directories() {
    let store = Recorded::new();
    store.put("/a/old", "x", false).await.unwrap();
    let before = store.recorder.log().len();
    store
        .driver
        .rename(&path("/a/old"), &path("/b/new"))
        .await
        .unwrap();
    let expected = [
        "open /a/old",
        "sync",
        "mkdir /b",
        "sync /",
        "rename /a/old /b/new",
        "sync /b",
        "sync /a",
    ];
    assert_eq!(log(&store.recorder)[before..], expected);
}

/// What a file may hold after each acknowledgement, `None` for not being there.
struct Expected {
    at: &'static str,
    contents: BTreeMap<&'static str, Vec<Option<&'static str>>>,
}

impl Expected {
    /// `allowed` has, for what was told last (`""`: nothing yet), what may be there.
    fn new(at: &'static str, allowed: &[(&'static str, &[Option<&'static str>])]) -> Self {
        let contents = allowed
            .iter()
            .map(|(label, contents)| (*label, contents.to_vec()));
        Self {
            at,
            contents: contents.collect(),
        }
    }

    fn check(&self, outcome: &Outcome) {
        let told = outcome.acknowledged.last().map_or("", String::as_str);
        let found = outcome.file(&path(self.at));
        let found = found.map(|content: &Bytes| std::str::from_utf8(content).unwrap());
        let allowed = &self.contents[told];
        assert!(
            allowed.contains(&found),
            "{}: {found:?} after {} operations, told {told:?}, lost {}",
            self.at,
            outcome.operations,
            outcome.lost
        );
    }
}

fn check_all(recorder: &Recorder, expected: &[Expected]) {
    let mut outcomes = 0;
    for outcome in power_failures(&recorder.log()) {
        for expected in expected {
            expected.check(&outcome);
        }
        outcomes += 1;
    }
    assert!(outcomes > recorder.log().len());
}

#[tokio::test]
async fn no_power_failure_loses_or_tears_a_put() {
    let store = Recorded::new();
    store.put("/a/b/file", "first", true).await.unwrap();
    store.recorder.acknowledge("first");
    store.put("/a/b/file", "second, longer", true).await.unwrap();
    store.recorder.acknowledge("second");
    store.put("/a/b/other", "unrelated", false).await.unwrap();
    check_all(
        &store.recorder,
        &[Expected::new(
            "/a/b/file",
            &[
                ("", &[None, Some("first")]),
                ("first", &[Some("first"), Some("second, longer")]),
                ("second", &[Some("second, longer")]),
            ],
        )],
    );
}

#[tokio::test]
async fn no_power_failure_loses_or_tears_an_upload() {
    let store = Recorded::new();
    store.put("/uploads/one/startedat", "now", false).await.unwrap();
    let mut writer = store
        .writer("/uploads/one/data", WriterMode::Create)
        .await
        .unwrap();
    writer.write(vec!["abc".into(), "def".into()]).await.unwrap();
    writer.suspend().await.unwrap();
    store.recorder.acknowledge("suspended");
    let mut writer = store
        .writer("/uploads/one/data", WriterMode::Append)
        .await
        .unwrap();
    writer.write(vec!["ghi".into()]).await.unwrap();
    writer
        .commit(to("/blobs/aa/data", PutMode::Create))
        .await
        .unwrap();
    store.recorder.acknowledge("committed");
    store.driver.delete(&path("/uploads/one")).await.unwrap();
    let whole = Some("abcdefghi");
    check_all(
        &store.recorder,
        &[Expected::new(
            "/blobs/aa/data",
            &[
                ("", &[None]),
                ("suspended", &[None, whole]),
                ("committed", &[whole]),
            ],
        )],
    );
    // What was suspended is under one of the two names, with whatever came after.
    for outcome in power_failures(&store.recorder.log()) {
        if outcome.has_acknowledged("suspended") {
            let upload = outcome.file(&path("/uploads/one/data"));
            let kept = upload.or(outcome.file(&path("/blobs/aa/data"))).unwrap();
            assert!(kept.starts_with(b"abcdef"), "{outcome:?}");
        }
    }
}

/// A store in which a name appeared and then its directory could not be synced.
async fn with_an_unsettled_name() -> Recorded {
    const STEPS_TO_THE_NAME: usize = 6;
    let store = Recorded::new();
    store.recorder.fail_after(STEPS_TO_THE_NAME, EIO);
    store.put("/a/file", "x", true).await.unwrap_err();
    store
}

fn check_told_is_kept(store: &Recorded) {
    store.recorder.acknowledge("told");
    let allowed: [(_, &[_]); 2] = [("", &[None, Some("x")]), ("told", &[Some("x")])];
    check_all(&store.recorder, &[Expected::new("/a/file", &allowed)]);
}

#[tokio::test]
async fn no_power_failure_takes_what_stat_told() {
    let store = with_an_unsettled_name().await;
    store.driver.stat(&path("/a/file")).await.unwrap();
    check_told_is_kept(&store);
}

#[tokio::test]
async fn no_power_failure_takes_what_somebody_read() {
    let store = with_an_unsettled_name().await;
    assert_eq!(store.get("/a/file").await.unwrap(), "x");
    check_told_is_kept(&store);
}

#[tokio::test]
async fn no_power_failure_takes_what_a_creator_met() {
    let store = with_an_unsettled_name().await;
    let mut writer = store.writer("/upload", WriterMode::Create).await.unwrap();
    writer.write(vec!["y".into()]).await.unwrap();
    let committed = writer.commit(to("/a/file", PutMode::Create)).await;
    assert_eq!(committed.unwrap_err().kind(), ErrorKind::AlreadyExists);
    check_told_is_kept(&store);
}

#[tokio::test]
async fn no_power_failure_loses_a_renamed_file() {
    let store = Recorded::new();
    store.put("/a/old", "x", true).await.unwrap();
    store.recorder.acknowledge("put");
    store
        .driver
        .rename(&path("/a/old"), &path("/b/new"))
        .await
        .unwrap();
    store.recorder.acknowledge("renamed");
    for outcome in power_failures(&store.recorder.log()) {
        let (old, new) = (outcome.file(&path("/a/old")), outcome.file(&path("/b/new")));
        let found = old.or(new).map(Bytes::as_ref);
        if outcome.has_acknowledged("put") {
            assert_eq!(found, Some(&b"x"[..]), "{outcome:?}");
        }
        if outcome.has_acknowledged("renamed") {
            assert!(old.is_none() && new.is_some(), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn the_model_finds_a_missing_sync() {
    // As a driver would behave that renames without syncing: the check itself must be able to fail.
    let store = Recorded::new();
    store.put("/file", "content", true).await.unwrap();
    store.recorder.acknowledge("put");
    let log = store.recorder.log();
    let is_lost = |log: &[Operation]| {
        power_failures(log).any(|outcome| {
            let found = outcome.file(&path("/file")).map(Bytes::as_ref);
            outcome.has_acknowledged("put") && found != Some(b"content")
        })
    };
    assert!(!is_lost(&log));
    for missing in 0..log.len() {
        let is_sync = matches!(
            log[missing],
            Operation::SyncFile { .. } | Operation::SyncDirectory { .. }
        );
        if is_sync {
            let mut without = log.clone();
            without.remove(missing);
            assert!(is_lost(&without), "{:?}", log[missing]);
        }
    }
}

/// What a failed deletion left may be built on like anything else.
#[tokio::test]
async fn a_directory_that_could_not_be_deleted_is_still_synced() {
    let store = Recorded::new();
    store.put("/a/b/first", "x", false).await.unwrap();
    store.recorder.fail_after(0, EIO);
    store.driver.delete(&path("/a/b")).await.unwrap_err();
    store.put("/a/b/second", "y", true).await.unwrap();
    let log = log(&store.recorder);
    assert!(log.iter().any(|operation| operation == "sync /a"), "{log:?}");
}
