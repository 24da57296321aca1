//! Every request of an upload fails once: the upload then goes on from its last token, and in the end its content
//! is whole.

use bytes::Bytes;
use hythe_driver::{
    CommitOptions, DriverPath, ErrorKind, FileWriter, PutMode, Result, ResumeToken, StorageDriver, WriterMode,
};
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreDriver, ObjectStoreOptions};

const PART: usize = 400_000;

fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

fn bucket() -> ObjectStoreDriver {
    InMemoryDriver::object_store(ObjectStoreOptions {
        minimum_part_bytes: PART as u64,
        ..ObjectStoreOptions::default()
    })
}

fn content(length: usize) -> Bytes {
    (0..length).map(|index| (index / 7) as u8).collect()
}

/// A client that sends chunks, asks where the upload stands after each failure, and goes on from there.
struct Client<'a> {
    driver: &'a ObjectStoreDriver,
    token: Option<ResumeToken>,
}

impl Client<'_> {
    async fn open(&self) -> Result<Box<dyn FileWriter>> {
        let mode = self.token.clone().map_or(WriterMode::Create, WriterMode::Resume);
        self.driver.writer(&path("/uploads/one"), mode).await
    }

    async fn send(&mut self, content: &Bytes, end: usize) -> Result<()> {
        let mut writer = self.open().await?;
        let start = writer.size() as usize;
        writer.write(vec![content.slice(start..end)]).await?;
        self.token = writer.suspend().await?;
        Ok(())
    }

    async fn commit(&self, mode: PutMode) -> Result<()> {
        let options = CommitOptions {
            destination: Some(path("/blobs/blob")),
            mode,
        };
        self.open().await?.commit(options).await
    }

    /// Sends everything, each step again until it succeeds, and counts the failures.
    async fn push(&mut self, content: &Bytes, ends: &[usize]) -> usize {
        let mut failures = 0;
        for &end in ends {
            while let Err(error) = self.send(content, end).await {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                failures += 1;
            }
        }
        while let Err(error) = self.commit(PutMode::Overwrite).await {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            failures += 1;
        }
        failures
    }
}

async fn check_every_request(ends: &[usize]) {
    let content = content(*ends.last().unwrap());
    for successes in 0.. {
        let driver = bucket();
        driver.fail_after(successes, ErrorKind::Unavailable);
        let mut client = Client {
            driver: &driver,
            token: None,
        };
        let failures = client.push(&content, ends).await;
        let is_past_the_end = driver.operations().total() <= successes;
        driver.fail_after(u64::MAX, ErrorKind::Unavailable);
        let stored = driver.get_content(&path("/blobs/blob"), u64::MAX).await;
        assert!(stored.unwrap() == content, "request {successes} failed");
        if is_past_the_end {
            assert_eq!(failures, 0);
            return;
        }
    }
}

#[tokio::test]
async fn a_small_upload_survives_the_failure_of_any_request() {
    check_every_request(&[10, 20_000]).await;
}

#[tokio::test]
async fn an_upload_with_a_large_tail_survives_the_failure_of_any_request() {
    check_every_request(&[300_000, 320_000, 380_000]).await;
}

#[tokio::test]
async fn an_upload_in_parts_survives_the_failure_of_any_request() {
    check_every_request(&[100, PART, 3 * PART + 5, 3 * PART + 300_000]).await;
}

#[tokio::test]
async fn a_batch_that_failed_in_its_second_part_is_not_kept_in_half() {
    let driver = bucket();
    let mut writer = driver
        .writer(&path("/uploads/one"), WriterMode::Create)
        .await
        .unwrap();
    writer.write(vec![content(100)]).await.unwrap();
    // Begin, first part, and then the second fails.
    driver.fail_after(2, ErrorKind::Throttled);
    let error = writer.write(vec![content(3 * PART)]).await.unwrap_err();
    assert_eq!((error.kind(), writer.size()), (ErrorKind::Throttled, 100));
    writer.write(vec!["other".into()]).await.unwrap();
    let options = CommitOptions {
        destination: Some(path("/blobs/blob")),
        ..CommitOptions::default()
    };
    writer.commit(options).await.unwrap();
    let stored = driver.get_content(&path("/blobs/blob"), 1000).await.unwrap();
    assert_eq!(stored, [&content(100)[..], b"other"].concat());
    // The upload that was begun in vain is gone: nothing is left to delete.
    let left = driver.delete(&path("/uploads")).await.unwrap_err();
    assert!(left.is_not_found());
}

#[tokio::test]
async fn a_cancelled_upload_leaves_nothing() {
    for length in [10, 300_000, 2 * PART + 300_000] {
        let driver = bucket();
        let mut client = Client {
            driver: &driver,
            token: None,
        };
        client.send(&content(length), length).await.unwrap();
        client.open().await.unwrap().cancel().await.unwrap();
        let left = driver.delete(&path("/uploads")).await.unwrap_err();
        assert!(left.is_not_found(), "{length}");
    }
}
