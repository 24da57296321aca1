use futures_util::future::join_all;
use hythe_driver::{CommitOptions, PutOptions, WriterMode};

use crate::fixture::{Fixture, path};
use crate::sample::{MEBIBYTE, sample, write_all};

/// Many uploads at once (distribution: `TestConcurrentFileStreams`).
pub async fn many_uploads_run_at_once(store: Fixture) {
    let uploads = (0..32_u64).map(|seed| {
        let driver = if seed % 2 == 0 {
            &store.driver
        } else {
            &store.other
        };
        let driver = driver.clone();
        tokio::spawn(async move {
            let content = sample(seed, MEBIBYTE + seed as usize);
            let at = path(&format!("/uploads/{seed}/data"));
            let mut writer = driver.writer(&at, WriterMode::Create).await.unwrap();
            write_all(&mut writer, &content).await;
            let destination = path(&format!("/blobs/{seed}/data"));
            let options = CommitOptions {
                destination: Some(destination.clone()),
                ..CommitOptions::default()
            };
            writer.commit(options).await.unwrap();
            let stored = driver.get_content(&destination, u64::MAX).await.unwrap();
            assert!(stored == content);
        })
    });
    for upload in join_all(uploads).await {
        upload.unwrap();
    }
}

/// Many replace one file at once; each succeeds and one of them is there in the end.
pub async fn many_put_one_file_at_once(store: Fixture) {
    let puts = (0..16_u64).map(|seed| {
        let driver = if seed % 2 == 0 {
            &store.driver
        } else {
            &store.other
        };
        let driver = driver.clone();
        tokio::spawn(async move {
            let content = sample(seed, 3000).into();
            let at = path("/a/b/file");
            let put = driver.put_content(&at, content, PutOptions::default());
            put.await.unwrap();
        })
    });
    for put in join_all(puts).await {
        put.unwrap();
    }
    let content = store.get("/a/b/file").await;
    assert!((0..16).any(|seed| sample(seed, 3000) == content));
    assert_eq!(store.names("/a/b").await, ["file"]);
}

/// Files are put into a directory while it is deleted: each put succeeds, and what it put is there or deleted.
pub async fn files_can_be_put_while_their_directory_is_deleted(store: Fixture) {
    const ROUNDS: u64 = 30;
    let putting = {
        let driver = store.driver.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let at = path(&format!("/a/b/{round}/file"));
                let put = driver.put_content(&at, sample(round, 100).into(), PutOptions::default());
                put.await.unwrap();
            }
        })
    };
    for _ in 0..ROUNDS {
        if let Err(error) = store.other.delete(&path("/a")).await {
            assert!(error.is_not_found(), "{error}");
        }
        tokio::task::yield_now().await;
    }
    putting.await.unwrap();
    store.put("/a/b/last/file", "x").await;
    assert_eq!(store.get("/a/b/last/file").await, b"x");
}
