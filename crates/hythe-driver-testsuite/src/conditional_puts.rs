use bytes::Bytes;
use futures_util::future::join_all;
use hythe_driver::{ErrorKind, PutMode, PutOptions, Result, Version};

use crate::fixture::{Fixture, assert_fails, path};
use crate::sample::sample;

const COMPETITORS: u64 = 16;

/// A file that is there stays as it is.
pub async fn create_leaves_an_existing_file_alone(store: Fixture) {
    store.put("/a/file", "old").await;
    assert_fails(
        store.create("/a/file", b"new").await,
        ErrorKind::AlreadyExists,
        "/a/file",
    );
    assert_eq!(store.get("/a/file").await, b"old");
    assert_eq!(store.names("/a").await, ["file"]);
}

/// A file that is not there is made, also after it was deleted.
pub async fn create_makes_a_missing_file(store: Fixture) {
    store.create("/a/file", b"first").await.unwrap();
    store.delete("/a/file").await.unwrap();
    store.create("/a/file", b"second").await.unwrap();
    assert_eq!(store.get("/a/file").await, b"second");
}

/// Exactly one of several creators succeeds, and its content is there.
pub async fn one_of_many_creators_wins(store: Fixture) {
    for round in 0..4 {
        let at = format!("/race-{round}/file");
        let attempts = (0..COMPETITORS).map(|seed| {
            let driver = if seed % 2 == 0 {
                &store.driver
            } else {
                &store.other
            };
            let (driver, at) = (driver.clone(), path(&at));
            let options = PutOptions {
                mode: PutMode::Create,
                durable: true,
            };
            tokio::spawn(async move { driver.put_content(&at, sample(seed, 5000).into(), options).await })
        });
        let joined = join_all(attempts).await.into_iter();
        let results: Vec<_> = joined.map(|result| result.unwrap()).collect();
        let winners: Vec<u64> = (0..COMPETITORS)
            .filter(|&seed| results[seed as usize].is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "exactly one creator wins");
        for result in results {
            if let Err(error) = result {
                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
            }
        }
        assert!(store.get(&at).await == sample(winners[0], 5000));
    }
}

async fn update(store: &Fixture, at: &str, content: &[u8], version: Version) -> Result<Option<Version>> {
    let options = PutOptions {
        mode: PutMode::Update(version),
        durable: true,
    };
    let content = Bytes::copy_from_slice(content);
    store.driver.put_content(&path(at), content, options).await
}

async fn version_of(store: &Fixture, at: &str) -> Version {
    store
        .stat(at)
        .await
        .unwrap()
        .version
        .expect("files have versions")
}

/// The version that `put_content` returned, and the one that `stat` tells, can be updated.
pub async fn update_replaces_the_named_version(store: Fixture) {
    if !store.updates_conditionally("update_replaces_the_named_version") {
        return;
    }
    let at = path("/file");
    let put = store
        .driver
        .put_content(&at, "first".into(), PutOptions::default());
    let first = put.await.unwrap().expect("files have versions");
    assert_eq!(version_of(&store, "/file").await, first);
    let second = update(&store, "/file", b"second", first).await.unwrap();
    assert_eq!(Some(version_of(&store, "/file").await), second);
    assert_eq!(store.get("/file").await, b"second");
}

/// Another version is not replaced.
pub async fn update_leaves_another_version_alone(store: Fixture) {
    if !store.updates_conditionally("update_leaves_another_version_alone") {
        return;
    }
    store.put("/file", "first").await;
    let first = version_of(&store, "/file").await;
    store.put("/file", "second").await;
    let updated = update(&store, "/file", b"third", first.clone()).await;
    assert_fails(updated, ErrorKind::PreconditionFailed, "/file");
    assert_eq!(store.get("/file").await, b"second");
    store.delete("/file").await.unwrap();
    let updated = update(&store, "/file", b"third", first).await;
    assert_fails(updated, ErrorKind::PreconditionFailed, "/file");
    assert!(store.stat("/file").await.unwrap_err().is_not_found());
}

/// Exactly one of several who know the same version updates it.
pub async fn one_of_many_updaters_wins(store: Fixture) {
    if !store.updates_conditionally("one_of_many_updaters_wins") {
        return;
    }
    store.put("/file", "old").await;
    let version = version_of(&store, "/file").await;
    let attempts = (0..COMPETITORS).map(|seed| {
        let (driver, version) = (store.driver.clone(), version.clone());
        let options = PutOptions {
            mode: PutMode::Update(version),
            durable: true,
        };
        tokio::spawn(async move {
            let content = sample(seed, 100).into();
            driver.put_content(&path("/file"), content, options).await
        })
    });
    let results = join_all(attempts).await;
    let wins = results.iter().filter(|result| result.as_ref().unwrap().is_ok());
    assert_eq!(wins.count(), 1);
}

/// Who has no versions says so.
pub async fn update_without_the_capability_is_unsupported(store: Fixture) {
    if store.driver.capabilities().conditional_update {
        return;
    }
    store.put("/file", "old").await;
    let updated = update(&store, "/file", b"new", Version::new("1")).await;
    assert_fails(updated, ErrorKind::Unsupported, "/file");
    assert_eq!(store.get("/file").await, b"old");
}
