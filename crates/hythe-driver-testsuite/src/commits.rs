use futures_util::future::join_all;
use hythe_driver::{CommitOptions, ErrorKind, FileWriter, PutMode, ReadRange, Result, WriterMode};

use crate::fixture::{Fixture, assert_fails, mode_after, path};
use crate::sample::{BATCH_BYTES, read_all, sample, write_all};

fn to(destination: &str, mode: PutMode) -> CommitOptions {
    CommitOptions {
        destination: Some(path(destination)),
        mode,
    }
}

async fn upload(store: &Fixture, at: &str, content: &[u8]) -> Box<dyn FileWriter> {
    let mut writer = store.new_writer(at).await;
    write_all(&mut writer, content).await;
    writer
}

/// The content is at the destination and nowhere else, however large it is.
pub async fn a_commit_appears_at_its_destination(store: Fixture) {
    for length in [10, BATCH_BYTES, 5 * BATCH_BYTES + 1] {
        let content = sample(1, length);
        let writer = upload(&store, "/uploads/one/data", &content).await;
        let destination = format!("/blobs/{length}/data");
        writer.commit(to(&destination, PutMode::Overwrite)).await.unwrap();
        assert!(store.read(&destination, ReadRange::Full).await == content);
        assert_eq!(store.stat(&destination).await.unwrap().size(), length as u64);
        let left = store.stat("/uploads/one/data").await;
        assert!(left.unwrap_err().is_not_found());
    }
}

/// Without a destination the content stays where it was written.
pub async fn a_commit_without_destination_stays(store: Fixture) {
    for mode in [PutMode::Overwrite, PutMode::Create] {
        let writer = upload(&store, "/a/file", b"content").await;
        let options = CommitOptions {
            destination: None,
            mode,
        };
        writer.commit(options).await.unwrap();
        assert_eq!(store.get("/a/file").await, b"content");
        store.delete("/a/file").await.unwrap();
    }
}

/// The path of the upload may be named as the destination.
pub async fn a_commit_to_its_own_path_stays(store: Fixture) {
    let writer = upload(&store, "/a/file", b"content").await;
    writer.commit(to("/a/file", PutMode::Overwrite)).await.unwrap();
    assert_eq!(store.get("/a/file").await, b"content");
}

/// A file at the destination is replaced.
pub async fn a_commit_replaces_its_destination(store: Fixture) {
    for length in [10, 5 * BATCH_BYTES] {
        store.put("/blob", "old").await;
        let writer = upload(&store, "/upload", &sample(2, length)).await;
        writer.commit(to("/blob", PutMode::Overwrite)).await.unwrap();
        assert!(store.get("/blob").await == sample(2, length));
    }
}

/// A file at the destination stays if asked to, and so does the upload.
pub async fn a_creating_commit_leaves_an_existing_file_alone(store: Fixture) {
    for length in [10, 5 * BATCH_BYTES] {
        store.put("/blob", "old").await;
        let writer = upload(&store, "/upload", &sample(3, length)).await;
        let mode = mode_after(writer).await;
        let writer = store.writer("/upload", mode.clone()).await.unwrap();
        let committed = writer.commit(to("/blob", PutMode::Create)).await;
        assert_fails(committed, ErrorKind::AlreadyExists, "/blob");
        assert_eq!(store.get("/blob").await, b"old");
        let writer = store.writer("/upload", mode).await.unwrap();
        assert_eq!(writer.size(), length as u64);
        writer.commit(to("/other", PutMode::Create)).await.unwrap();
        assert!(store.get("/other").await == sample(3, length));
        store.delete("/other").await.unwrap();
    }
}

/// Exactly one of several committers creates the file.
pub async fn one_of_many_committers_wins(store: Fixture) {
    const COMPETITORS: u64 = 16;
    let attempts = (0..COMPETITORS).map(|seed| {
        let driver = if seed % 2 == 0 {
            &store.driver
        } else {
            &store.other
        };
        let driver = driver.clone();
        tokio::spawn(async move {
            let at = path(&format!("/uploads/{seed}/data"));
            let mut writer = driver.writer(&at, WriterMode::Create).await.unwrap();
            write_all(&mut writer, &sample(seed, 5000)).await;
            writer.commit(to("/blobs/blob", PutMode::Create)).await
        })
    });
    let results: Vec<Result<()>> = join_all(attempts)
        .await
        .into_iter()
        .map(|joined| joined.unwrap())
        .collect();
    let winners: Vec<u64> = (0..COMPETITORS)
        .filter(|&seed| results[seed as usize].is_ok())
        .collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    }
    assert!(store.get("/blobs/blob").await == sample(winners[0], 5000));
}

/// The destination is there whole or not at all.
pub async fn a_commit_is_seen_whole(store: Fixture) {
    let content = sample(4, 8 * BATCH_BYTES);
    let driver = store.other.clone();
    let expected = content.clone();
    let (committed, mut is_committed) = tokio::sync::oneshot::channel::<()>();
    let watcher = tokio::spawn(async move {
        loop {
            let is_over = is_committed.try_recv().is_ok();
            match driver.read(&path("/blobs/blob"), ReadRange::Full).await {
                Ok(read) => assert!(read_all(read).await == expected),
                Err(error) => assert!(error.is_not_found() && !is_over, "{error}"),
            }
            if is_over {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    let writer = upload(&store, "/uploads/one/data", &content).await;
    writer
        .commit(to("/blobs/blob", PutMode::Overwrite))
        .await
        .unwrap();
    committed.send(()).unwrap();
    watcher.await.unwrap();
}

/// Where no file can be, none is made, and the upload stays.
pub async fn a_commit_needs_a_place_for_a_file(store: Fixture) {
    if !store.has_directories("a_commit_needs_a_place_for_a_file") {
        return;
    }
    store.put("/directory/file", "x").await;
    for (destination, mode, expected) in [
        ("/directory", PutMode::Overwrite, ErrorKind::NotAFile),
        ("/directory", PutMode::Create, ErrorKind::NotAFile),
        (
            "/directory/file/below",
            PutMode::Overwrite,
            ErrorKind::NotADirectory,
        ),
        ("/directory/file/below", PutMode::Create, ErrorKind::NotADirectory),
    ] {
        let writer = upload(&store, "/upload", b"content").await;
        let mode_after = mode_after(writer).await;
        let writer = store.writer("/upload", mode_after.clone()).await.unwrap();
        assert_fails(writer.commit(to(destination, mode)).await, expected, destination);
        let writer = store.writer("/upload", mode_after).await.unwrap();
        assert_eq!(writer.size(), 7);
    }
    assert_eq!(store.names("/").await, ["directory/", "upload"]);
}
