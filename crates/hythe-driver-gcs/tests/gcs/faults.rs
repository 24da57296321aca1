//! Whatever request fails, and however, nothing is lost and nothing is mixed.

use bytes::Bytes;
use hythe_driver::{
    CommitOptions, ErrorKind, FileWriter, PutMode, PutOptions, ReadRange, Result, ResumeToken, StorageDriver,
    WriterMode, collect,
};
use hythe_driver_gcs::GcsDriver;
use hythe_driver_gcs::testing::{Fault, Service};

use crate::support::{SMALL_CHUNK, driver_with, imitated, path, with};

const CHUNK: usize = SMALL_CHUNK as usize;

fn content(length: usize) -> Bytes {
    (0..length).map(|index| (index / 7 % 251) as u8).collect()
}

async fn open(driver: &GcsDriver, token: Option<&ResumeToken>) -> Result<Box<dyn FileWriter>> {
    let mode = token.cloned().map_or(WriterMode::Create, WriterMode::Resume);
    driver.writer(&path("/uploads/one/data"), mode).await
}

/// Pushes in steps, each by a writer of its own, and each again until it succeeds.
async fn push(driver: &GcsDriver, content: &Bytes, ends: &[usize]) {
    let mut token = None;
    for &end in ends {
        let send = async || {
            let mut writer = open(driver, token.as_ref()).await?;
            let start = writer.size() as usize;
            writer.write(vec![content.slice(start..end)]).await?;
            writer.suspend().await
        };
        token = repeat(send).await;
    }
    let commit = async || {
        let options = CommitOptions {
            destination: Some(path("/blobs/blob")),
            mode: PutMode::Overwrite,
        };
        open(driver, token.as_ref()).await?.commit(options).await
    };
    repeat(commit).await;
}

async fn repeat<T>(step: impl AsyncFn() -> Result<T>) -> T {
    for _ in 0..3 {
        match step().await {
            Ok(done) => return done,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
    }
    panic!("it does not succeed");
}

#[tokio::test]
async fn an_upload_survives_any_fault_of_any_request() {
    let content = content(3 * CHUNK + 5);
    let ends = [100, CHUNK + 10, 3 * CHUNK + 5];
    for fault in [
        Fault::Refuse(503, None),
        Fault::Refuse(429, Some(0)),
        Fault::Drop,
        Fault::Lose,
        Fault::LoseAs(500),
        Fault::Cut(3),
        Fault::TakeLess,
    ] {
        for number in 1.. {
            let (driver, service) = imitated().await;
            service.plan([(number, fault)]);
            push(&driver, &content, &ends).await;
            let is_past_the_end = service.requests() < number;
            let stored = driver.get_content(&path("/blobs/blob"), u64::MAX).await.unwrap();
            assert!(
                stored == content,
                "{fault:?} of request {number}: {:?}",
                service.log()
            );
            assert_eq!(service.objects().len(), 1, "{fault:?} of request {number}");
            if is_past_the_end {
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_lasts_is_told_with_the_delay_that_was_asked_for() {
    let (driver, service) = imitated().await;
    service.plan((1..100).map(|number| (number, Fault::Refuse(503, None))));
    let error = driver.get_content(&path("/a"), 10).await.unwrap_err();
    assert_eq!((error.kind(), service.requests()), (ErrorKind::Unavailable, 5));
    service.plan([(1, Fault::Refuse(429, Some(77)))]);
    let error = driver.get_content(&path("/a"), 10).await.unwrap_err();
    assert_eq!((error.kind(), service.requests()), (ErrorKind::Throttled, 1));
    assert_eq!(error.retry_delay().unwrap().as_secs(), 77);
}

#[tokio::test]
async fn a_conditional_put_recognises_itself() {
    for fault in [Fault::Lose, Fault::LoseAs(503), Fault::Cut(1)] {
        let (driver, service) = imitated().await;
        let create = PutOptions {
            mode: PutMode::Create,
            durable: true,
        };
        service.plan([(1, fault)]);
        driver
            .put_content(&path("/a"), "ours".into(), create.clone())
            .await
            .unwrap();
        let error = driver
            .put_content(&path("/a"), "ours".into(), create)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
}

#[tokio::test]
async fn a_read_that_breaks_off_goes_on_where_it_broke() {
    let (driver, service) = imitated().await;
    let content = content(300_000);
    driver
        .put_content(&path("/a"), content.clone(), PutOptions::default())
        .await
        .unwrap();
    for range in [ReadRange::Full, ReadRange::From(7), ReadRange::Suffix(200_001)] {
        service.plan([
            (1, Fault::Cut(70_000)),
            (2, Fault::Cut(100)),
            (3, Fault::Refuse(500, None)),
        ]);
        let read = driver.read(&path("/a"), range).await.unwrap();
        let wanted = range.resolve(300_000);
        assert_eq!(read.range, wanted);
        let hythe_driver::Content::Stream(stream) = read.content else {
            panic!("a stream");
        };
        let read = collect("gcs", stream, u64::MAX).await.unwrap();
        assert!(
            read == content[wanted.start as usize..wanted.end as usize],
            "{range:?}"
        );
    }
}

#[tokio::test]
async fn a_read_that_was_replaced_meanwhile_fails_rather_than_mixes() {
    let (driver, service) = imitated().await;
    driver
        .put_content(&path("/a"), content(300_000), PutOptions::default())
        .await
        .unwrap();
    service.plan([(1, Fault::Cut(70_000))]);
    let read = driver.read(&path("/a"), ReadRange::Full).await.unwrap();
    driver
        .put_content(&path("/a"), Bytes::from(vec![9; 300_000]), PutOptions::default())
        .await
        .unwrap();
    let hythe_driver::Content::Stream(stream) = read.content else {
        panic!("a stream");
    };
    let read = collect("gcs", stream, u64::MAX).await;
    assert!(read.is_err(), "{:?}", service.log());
}

#[tokio::test]
async fn what_a_dead_writer_sent_is_not_kept() {
    for further in [0, 10, CHUNK, 2 * CHUNK + 3] {
        let (driver, service) = imitated().await;
        let mut writer = open(&driver, None).await.unwrap();
        writer.write(vec![content(CHUNK + 7)]).await.unwrap();
        let token = writer.suspend().await.unwrap();
        let mut dead = open(&driver, token.as_ref()).await.unwrap();
        dead.write(vec![Bytes::from(vec![1; 2 * CHUNK])]).await.unwrap();
        drop(dead);
        let mut writer = open(&driver, token.as_ref()).await.unwrap();
        let ours = Bytes::from(vec![2; further]);
        writer.write(vec![ours.clone()]).await.unwrap();
        let options = CommitOptions {
            destination: Some(path("/blob")),
            mode: PutMode::Create,
        };
        writer.commit(options).await.unwrap();
        let stored = driver.get_content(&path("/blob"), u64::MAX).await.unwrap();
        assert!(stored == [content(CHUNK + 7), ours].concat(), "{further}");
        assert_eq!(service.sessions_open(), 0);
        assert_eq!(service.objects().len(), 1, "{further}");
    }
}

#[tokio::test]
async fn what_another_process_sent_to_the_session_is_never_published() {
    let (driver, service) = imitated().await;
    let other = driver_with(&with(service.parameters(), "chunksize", SMALL_CHUNK));
    let mut writer = open(&driver, None).await.unwrap();
    writer.write(vec![content(CHUNK)]).await.unwrap();
    let token = writer.suspend().await.unwrap();
    let mut dead = open(&other, token.as_ref()).await.unwrap();
    dead.write(vec![Bytes::from(vec![1; CHUNK])]).await.unwrap();
    drop(dead);
    let mut writer = open(&driver, token.as_ref()).await.unwrap();
    writer.write(vec![Bytes::from(vec![2; 2 * CHUNK])]).await.unwrap();
    let options = CommitOptions {
        destination: Some(path("/blob")),
        mode: PutMode::Create,
    };
    let error = writer.commit(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidToken);
    assert!(driver.stat(&path("/blob")).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_cancelled_upload_leaves_no_session() {
    let (driver, service) = imitated().await;
    let mut writer = open(&driver, None).await.unwrap();
    writer.write(vec![content(2 * CHUNK + 1)]).await.unwrap();
    let token = writer.suspend().await.unwrap();
    open(&driver, token.as_ref())
        .await
        .unwrap()
        .cancel()
        .await
        .unwrap();
    assert_eq!((service.sessions_open(), service.sessions_cancelled()), (0, 1));
    assert_eq!(service.objects(), []);
}

#[tokio::test]
async fn a_deleted_directory_leaves_no_session() {
    let (driver, service) = imitated().await;
    for name in ["one", "two"] {
        let at = path(&format!("/uploads/{name}/data"));
        let mut writer = driver.writer(&at, WriterMode::Create).await.unwrap();
        writer.write(vec![content(2 * CHUNK + 1)]).await.unwrap();
        // As when the process is killed.
        drop(writer);
        assert!(driver.stat(&at).await.unwrap_err().is_not_found());
        assert!(driver.get_content(&at, 100).await.unwrap_err().is_not_found());
    }
    driver.delete(&path("/uploads")).await.unwrap();
    assert_eq!((service.sessions_open(), service.sessions_cancelled()), (0, 2));
    assert_eq!(service.objects(), []);
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let service = Service::start().await.unwrap();
    let driver = driver_with(&with(service.parameters(), "bucket", "elsewhere"));
    let error = driver
        .put_content(&path("/a"), "x".into(), PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("\"elsewhere\"") && cause.contains("does not exist"),
        "{cause}"
    );
}

#[tokio::test]
async fn a_service_that_is_away_is_unavailable_and_its_return_is_noticed() {
    let service = Service::start().await.unwrap();
    let parameters = service.parameters();
    let driver = driver_with(&parameters);
    service.plan((1..6).map(|number| (number, Fault::Drop)));
    let error = driver.stat(&path("/a")).await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    assert!(driver.stat(&path("/a")).await.unwrap_err().is_not_found());
}
