//! Parts: how many at once, of which sizes, and what becomes of uploads that another registry began.

use bytes::Bytes;
use hythe_driver::{
    CommitOptions, DriverPath, ErrorKind, FileWriter, PutMode, PutOptions, StorageDriver, WriterMode,
};
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreDriver, ObjectStoreOptions};

const PART: usize = 100_000;

fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

fn bucket(options: ObjectStoreOptions) -> ObjectStoreDriver {
    InMemoryDriver::object_store(ObjectStoreOptions {
        minimum_part_bytes: PART as u64,
        ..options
    })
}

fn content(length: usize) -> Bytes {
    (0..length).map(|index| (index / 5) as u8).collect()
}

async fn open(driver: &ObjectStoreDriver, mode: WriterMode) -> Box<dyn FileWriter> {
    driver.writer(&path("/uploads/one"), mode).await.unwrap()
}

async fn commit(driver: &ObjectStoreDriver, writer: Box<dyn FileWriter>) -> Bytes {
    let options = CommitOptions {
        destination: Some(path("/blob")),
        mode: PutMode::Create,
    };
    writer.commit(options).await.unwrap();
    assert_eq!(driver.unfinished_uploads(), 0);
    let left = driver.stat(&path("/uploads")).await;
    assert!(left.unwrap_err().is_not_found());
    driver.get_content(&path("/blob"), u64::MAX).await.unwrap()
}

#[tokio::test]
async fn as_many_parts_are_sent_at_once_as_the_limit_and_the_budget_allow() {
    for (parts_in_flight, budget_parts, expected) in [(1, 9, 1), (4, 9, 4), (4, 2, 2), (4, 0, 1), (9, 9, 9)] {
        let driver = bucket(ObjectStoreOptions {
            parts_in_flight,
            budget_bytes: (budget_parts * PART) as u64,
            yields: 100,
            ..ObjectStoreOptions::default()
        });
        let content = content(20 * PART + 7);
        let mut writer = open(&driver, WriterMode::Create).await;
        for batch in content.chunks(PART / 3) {
            writer.write(vec![Bytes::copy_from_slice(batch)]).await.unwrap();
        }
        assert!(commit(&driver, writer).await == content);
        // Where the budget is smaller than a part, parts are sent one by one.
        let most = driver.most_parts_at_once();
        assert_eq!(most, expected, "{parts_in_flight} with memory for {budget_parts}");
    }
}

#[tokio::test]
async fn more_parts_than_allowed_are_folded() {
    let driver = bucket(ObjectStoreOptions {
        maximum_parts: 12,
        buffered_part_bytes: PART as u64,
        ..ObjectStoreOptions::default()
    });
    let content = content(50 * PART);
    let mut writer = open(&driver, WriterMode::Create).await;
    for batch in content.chunks(PART) {
        writer.write(vec![Bytes::copy_from_slice(batch)]).await.unwrap();
        let token = writer.suspend().await.unwrap().unwrap();
        writer = open(&driver, WriterMode::Resume(token)).await;
    }
    assert!(commit(&driver, writer).await == content);
    let operations = driver.operations();
    assert!(operations.copy_part > 0, "{operations:?}");
}

/// Where parts of any size are taken, a batch is not mistaken for as many parts as it has bytes.
#[tokio::test]
async fn nothing_is_folded_while_there_are_numbers_left() {
    let driver = InMemoryDriver::object_store(ObjectStoreOptions {
        minimum_part_bytes: 1,
        preferred_part_bytes: PART as u64,
        ..ObjectStoreOptions::default()
    });
    let content = content(100 * PART);
    let mut writer = open(&driver, WriterMode::Create).await;
    for batch in content.chunks(PART) {
        writer.write(vec![Bytes::copy_from_slice(batch)]).await.unwrap();
    }
    assert!(commit(&driver, writer).await == content);
    let operations = driver.operations();
    assert_eq!((operations.put_part, operations.complete_upload), (100, 1));
}

#[tokio::test]
async fn an_upload_of_another_registry_is_found_and_continued() {
    // Its last part is small, as distribution leaves it; or there is only the object that its folding makes.
    for sizes in [&[PART, PART][..], &[PART, 10], &[10], &[3 * PART, 10]] {
        for added in [0, 10, 3 * PART] {
            let driver = bucket(ObjectStoreOptions::default());
            let theirs = content(sizes.iter().sum());
            driver.begin_foreign_upload(&path("/uploads/one"), sizes, &theirs);
            let mut writer = open(&driver, WriterMode::Append).await;
            assert_eq!(writer.size(), theirs.len() as u64);
            let ours = Bytes::from(vec![9; added]);
            writer.write(vec![ours.clone()]).await.unwrap();
            let token = writer.suspend().await.unwrap().unwrap();
            let writer = open(&driver, WriterMode::Resume(token)).await;
            let stored = commit(&driver, writer).await;
            assert!(stored == [theirs, ours].concat(), "{sizes:?} and {added}");
        }
    }
}

#[tokio::test]
async fn an_object_at_the_path_is_continued() {
    for size in [0, 10, PART, 3 * PART] {
        for added in [0, 10, 3 * PART] {
            let driver = bucket(ObjectStoreOptions::default());
            let (at, theirs) = (path("/uploads/one"), content(size));
            let put = driver.put_content(&at, theirs.clone(), PutOptions::default());
            put.await.unwrap();
            let mut writer = open(&driver, WriterMode::Append).await;
            assert_eq!(writer.size(), size as u64);
            let ours = Bytes::from(vec![9; added]);
            writer.write(vec![ours.clone()]).await.unwrap();
            let stored = commit(&driver, writer).await;
            assert!(stored == [theirs, ours].concat(), "{size} and {added}");
        }
    }
}

#[tokio::test]
async fn nothing_at_the_path_is_not_found() {
    let driver = bucket(ObjectStoreOptions::default());
    let opened = driver.writer(&path("/uploads/one"), WriterMode::Append).await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_found_upload_can_be_cancelled() {
    let driver = bucket(ObjectStoreOptions::default());
    driver.begin_foreign_upload(&path("/uploads/one"), &[PART, 10], &content(PART + 10));
    open(&driver, WriterMode::Append).await.cancel().await.unwrap();
    assert_eq!(driver.unfinished_uploads(), 0);
}

#[tokio::test]
async fn tokens_stay_small_where_marks_are_made_up() {
    let driver = bucket(ObjectStoreOptions {
        derives_marks: true,
        ..ObjectStoreOptions::default()
    });
    let mut writer = open(&driver, WriterMode::Create).await;
    for _ in 0..200 {
        writer.write(vec![content(PART)]).await.unwrap();
    }
    let token = writer.suspend().await.unwrap().unwrap();
    assert!(token.as_bytes().len() < 400, "{}", token.as_bytes().len());
    let writer = open(&driver, WriterMode::Resume(token)).await;
    assert_eq!(commit(&driver, writer).await.len(), 200 * PART);
}

/// A claim names the upload and leaves out what was written since; who goes on from it uses other part numbers.
#[tokio::test]
async fn two_writers_of_one_claim_do_not_mix() {
    for derives_marks in [false, true] {
        let driver = bucket(ObjectStoreOptions {
            derives_marks,
            ..ObjectStoreOptions::default()
        });
        let mut first = open(&driver, WriterMode::Create).await;
        let claim = first.claim(3 * PART as u64).await.unwrap().unwrap();
        assert_eq!(first.claim(3 * PART as u64).await.unwrap(), None);
        let mut second = open(&driver, WriterMode::Resume(claim)).await;
        assert_eq!(second.size(), 0);
        second.claim(3 * PART as u64).await.unwrap().unwrap();
        for _ in 0..3 {
            first.write(vec![Bytes::from(vec![1; PART])]).await.unwrap();
            second.write(vec![Bytes::from(vec![2; PART])]).await.unwrap();
        }
        first.write(vec![Bytes::from(vec![1; PART / 2])]).await.unwrap();
        let kept = second.suspend().await.unwrap().unwrap();
        let lost = first.suspend().await.unwrap().unwrap();
        let lost = open(&driver, WriterMode::Resume(lost)).await;
        lost.abandon(Some(kept.clone())).await.unwrap();
        let winner = open(&driver, WriterMode::Resume(kept)).await;
        assert!(commit(&driver, winner).await == vec![2; 3 * PART]);
    }
}

#[tokio::test]
async fn a_small_upload_claims_nothing() {
    let driver = bucket(ObjectStoreOptions::default());
    let mut writer = open(&driver, WriterMode::Create).await;
    assert_eq!(writer.claim(1000).await.unwrap(), None);
    assert_eq!(driver.operations().total(), 0);
}

#[tokio::test]
async fn a_completion_without_an_answer_is_recognised() {
    for requests in 0..12 {
        let driver = bucket(ObjectStoreOptions::default());
        let content = content(3 * PART + 5);
        let mut writer = open(&driver, WriterMode::Create).await;
        writer.write(vec![content.clone()]).await.unwrap();
        let token = writer.suspend().await.unwrap().unwrap();
        driver.lose_answer_after(requests, ErrorKind::Unavailable);
        let options = CommitOptions {
            destination: Some(path("/blob")),
            mode: PutMode::Overwrite,
        };
        let committed = open(&driver, WriterMode::Resume(token.clone())).await;
        if committed.commit(options.clone()).await.is_err() {
            let again = open(&driver, WriterMode::Resume(token)).await;
            again.commit(options).await.unwrap();
        }
        driver.lose_answer_after(u64::MAX, ErrorKind::Unavailable);
        assert!(driver.get_content(&path("/blob"), u64::MAX).await.unwrap() == content);
        assert_eq!(driver.unfinished_uploads(), 0);
    }
}
