//! What an upload costs on an object store.

use bytes::Bytes;
use hythe_driver::{
    CommitOptions, DriverPath, ErrorKind, FileWriter, PutMode, ResumeToken, StorageDriver, WriterMode,
};
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreDriver, ObjectStoreOptions};

const PART: usize = 1 << 20;

fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

fn bucket() -> ObjectStoreDriver {
    InMemoryDriver::object_store(ObjectStoreOptions {
        minimum_part_bytes: PART as u64,
        ..ObjectStoreOptions::default()
    })
}

async fn writer(driver: &ObjectStoreDriver) -> Box<dyn FileWriter> {
    driver
        .writer(&path("/uploads/one"), WriterMode::Create)
        .await
        .unwrap()
}

async fn reopen(driver: &ObjectStoreDriver, writer: Box<dyn FileWriter>) -> Box<dyn FileWriter> {
    let token = writer.suspend().await.unwrap().expect("a token is needed");
    let mode = WriterMode::Resume(token);
    driver.writer(&path("/uploads/one"), mode).await.unwrap()
}

async fn write(writer: &mut Box<dyn FileWriter>, length: usize) {
    writer.write(vec![Bytes::from(vec![7; length])]).await.unwrap();
}

fn to_blob(mode: PutMode) -> CommitOptions {
    CommitOptions {
        destination: Some(path("/blobs/blob")),
        mode,
    }
}

#[tokio::test]
async fn opening_and_suspending_nothing_costs_nothing() {
    let driver = bucket();
    let writer = reopen(&driver, writer(&driver).await).await;
    let writer = reopen(&driver, writer).await;
    assert_eq!(writer.size(), 0);
    writer.cancel().await.unwrap();
    assert_eq!(driver.operations().total(), 0);
}

#[tokio::test]
async fn a_small_upload_costs_one_put() {
    let driver = bucket();
    let mut writer = writer(&driver).await;
    for _ in 0..3 {
        write(&mut writer, 20_000).await;
        writer = reopen(&driver, writer).await;
    }
    writer.commit(to_blob(PutMode::Create)).await.unwrap();
    assert_eq!((driver.operations().put, driver.operations().total()), (1, 1));
    let content = driver.get_content(&path("/blobs/blob"), 60_000).await.unwrap();
    assert_eq!(content.len(), 60_000);
}

#[tokio::test]
async fn a_tail_too_large_for_the_token_is_put_beside_and_removed() {
    let driver = bucket();
    let mut writer = writer(&driver).await;
    write(&mut writer, 500_000).await;
    let writer = reopen(&driver, writer).await;
    writer.commit(to_blob(PutMode::Overwrite)).await.unwrap();
    let counts = driver.operations();
    assert_eq!(
        (counts.put, counts.get, counts.delete, counts.total()),
        (2, 1, 1, 4)
    );
    let left = driver.stat(&path("/uploads/one")).await;
    assert!(left.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_large_upload_costs_its_parts_and_four_calls() {
    let driver = bucket();
    let mut writer = writer(&driver).await;
    write(&mut writer, 3 * PART + 1).await;
    writer.commit(to_blob(PutMode::Overwrite)).await.unwrap();
    let counts = driver.operations();
    assert_eq!((counts.put_part, counts.total()), (4, 4 + 4));
    assert_eq!((counts.create_upload, counts.complete_upload), (1, 1));
    assert_eq!((counts.copy, counts.delete), (1, 1));
}

#[tokio::test]
async fn a_commit_that_failed_after_completing_can_be_repeated() {
    let driver = bucket();
    let mut writer = writer(&driver).await;
    write(&mut writer, 2 * PART + 5).await;
    let token = writer.suspend().await.unwrap().unwrap();
    let resume = async || {
        let mode = WriterMode::Resume(token.clone());
        driver.writer(&path("/uploads/one"), mode).await.unwrap()
    };
    // Completed, and then whoever did it was lost.
    let options = CommitOptions::default();
    resume().await.commit(options).await.unwrap();
    resume().await.commit(to_blob(PutMode::Overwrite)).await.unwrap();
    let content = driver.get_content(&path("/blobs/blob"), u64::MAX).await.unwrap();
    assert_eq!(content.len(), 2 * PART + 5);
}

#[tokio::test]
async fn a_repeated_commit_with_other_bytes_is_refused() {
    let driver = bucket();
    let mut writer = writer(&driver).await;
    write(&mut writer, 2 * PART).await;
    let token = writer.suspend().await.unwrap().unwrap();
    let resume = async || {
        let mode = WriterMode::Resume(token.clone());
        driver.writer(&path("/uploads/one"), mode).await.unwrap()
    };
    let mut first = resume().await;
    write(&mut first, 5).await;
    first.commit(CommitOptions::default()).await.unwrap();
    let mut second = resume().await;
    second.write(vec!["other".into()]).await.unwrap();
    let error = second.commit(to_blob(PutMode::Overwrite)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidToken);
    assert!(
        driver
            .stat(&path("/blobs/blob"))
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn a_tail_is_never_replaced_by_another_writer() {
    let driver = bucket();
    let mut first = writer(&driver).await;
    write(&mut first, 500_000).await;
    let token = first.suspend().await.unwrap().unwrap();
    let resume = async |token: &ResumeToken| {
        let mode = WriterMode::Resume(token.clone());
        driver.writer(&path("/uploads/one"), mode).await.unwrap()
    };
    let (mut second, mut third) = (resume(&token).await, resume(&token).await);
    second.write(vec!["second".into()]).await.unwrap();
    third.write(vec!["third".into()]).await.unwrap();
    let winner = second.suspend().await.unwrap().unwrap();
    let loser = third.suspend().await.unwrap().unwrap();
    resume(&loser).await.abandon(Some(winner.clone())).await.unwrap();
    resume(&winner)
        .await
        .commit(to_blob(PutMode::Create))
        .await
        .unwrap();
    let content = driver.get_content(&path("/blobs/blob"), u64::MAX).await.unwrap();
    assert_eq!(content, [vec![7; 500_000], b"second".to_vec()].concat());
    assert!(driver.stat(&path("/uploads")).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn deletion_by_names_costs_one_call_for_a_thousand() {
    let driver = bucket();
    let paths: Vec<_> = (0..1001).map(|number| path(&format!("/a/{number}"))).collect();
    driver.delete_files(&paths).await.unwrap();
    assert_eq!(driver.operations().delete, 2);
    driver.reset_operations();
    assert_eq!(driver.operations().total(), 0);
}
