//! What goes wrong on the way to the service, and a service that is not there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hythe_driver::{
    CommitOptions, Content, DriverPath, ErrorKind, FileInfo, ListOptions, PutMode, PutOptions, ReadRange,
    Result, StorageDriver, WalkControl, WalkOptions, WalkVisitor, WriterMode,
};
use hythe_driver_s3::S3Driver;
use hythe_testutil::Proxy;
use hythe_testutil::proxy::{Dialect, Fault, Faults};
use serde_json::json;

use crate::emulator::{Bucket, Emulator, fresh_root, open};

const MIB: usize = 1 << 20;

fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

fn sample(length: usize) -> Bytes {
    let bytes = (0..length).map(|index| (index / 7 + index * index / 3) as u8);
    bytes.collect()
}

struct Disturbed {
    proxy: Proxy,
    driver: S3Driver,
    bucket: Bucket,
    root: String,
}

/// A driver that reaches the server through a proxy.
async fn disturbed(emulator: Emulator) -> Option<Disturbed> {
    let bucket = emulator.bucket()?;
    let upstream: SocketAddr = bucket.endpoint.strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = Proxy::start(upstream, Dialect::S3).await.unwrap();
    let root = fresh_root();
    let mut parameters = bucket.parameters(&root);
    parameters.insert("regionendpoint".to_owned(), json!(proxy.endpoint()));
    Some(Disturbed {
        driver: open(&parameters).await,
        proxy,
        bucket,
        root,
    })
}

async fn put(driver: &S3Driver, at: &str, content: Bytes, mode: PutMode) -> Result<()> {
    let options = PutOptions { mode, durable: true };
    driver.put_content(&path(at), content, options).await.map(|_| ())
}

async fn read(driver: &S3Driver, at: &str, range: ReadRange) -> Result<Bytes> {
    let Content::Stream(stream) = driver.read(&path(at), range).await?.content else {
        panic!("not a stream");
    };
    hythe_driver::collect("test", stream, u64::MAX).await
}

/// An upload in parts, suspended and resumed once, and committed elsewhere.
async fn upload(driver: &S3Driver, content: &Bytes) -> Result<()> {
    let at = path("/uploads/one/data");
    let middle = content.len() / 2;
    let mut writer = driver.writer(&at, WriterMode::Create).await?;
    writer.write(vec![content.slice(..middle)]).await?;
    let token = writer.suspend().await?.unwrap();
    let mut writer = driver.writer(&at, WriterMode::Resume(token)).await?;
    writer.write(vec![content.slice(middle..)]).await?;
    let options = CommitOptions {
        destination: Some(path("/blobs/data")),
        mode: PutMode::Overwrite,
    };
    writer.commit(options).await
}

async fn everything_works_with(fault: Fault) {
    let Some(store) = disturbed(Emulator::Versitygw).await else {
        return;
    };
    let content = sample(17 * MIB);
    store.proxy.set_faults(Faults::none().once(fault));
    upload(&store.driver, &content).await.unwrap();
    assert!(read(&store.driver, "/blobs/data", ReadRange::Full).await.unwrap() == content);
    put(&store.driver, "/a/new", Bytes::from_static(b"x"), PutMode::Create)
        .await
        .unwrap();
    let other = put(&store.driver, "/a/new", Bytes::from_static(b"y"), PutMode::Create).await;
    assert_eq!(other.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.driver.stat(&path("/a/new")).await.unwrap().size(), 1);
    assert_eq!(
        store
            .driver
            .list(&path("/"), ListOptions::default())
            .await
            .unwrap()
            .len(),
        2
    );
    store
        .driver
        .rename(&path("/a/new"), &path("/a/old"))
        .await
        .unwrap();
    store
        .driver
        .delete_files(&[path("/a/old"), path("/blobs/data")])
        .await
        .unwrap();
    store.proxy.set_faults(Faults::none());
    for at in ["/a", "/blobs", "/uploads"] {
        // The id of an upload may be lost with the answer to its beginning. It has no parts.
        if fault == Fault::LoseAnswer {
            let _ = store.driver.delete(&path(at)).await;
        }
        // Nothing is left, and no upload is open: both would be found.
        assert!(
            store.driver.delete(&path(at)).await.unwrap_err().is_not_found(),
            "{at}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_get_lost_once_are_sent_again() {
    everything_works_with(Fault::DropRequest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_get_lost_once_are_no_failure() {
    everything_works_with(Fault::LoseAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_arrive_late_are_no_failure() {
    everything_works_with(Fault::Delay(Duration::from_millis(20))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_asks_for_patience_once_gets_it() {
    let Some(store) = disturbed(Emulator::Minio).await else {
        return;
    };
    store.proxy.set_faults(Faults::none().once(Fault::SlowDown));
    put(&store.driver, "/a", sample(10), PutMode::Overwrite)
        .await
        .unwrap();
    assert_eq!(store.proxy.counts()["PutObject"] % 2, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_gone_on_with() {
    let Some(store) = disturbed(Emulator::Minio).await else {
        return;
    };
    let content = sample(3 * MIB + 11);
    put(&store.driver, "/file", content.clone(), PutMode::Overwrite)
        .await
        .unwrap();
    store.proxy.forget();
    let cut = Faults::none().once(Fault::CutAnswer(MIB)).only("GetObject");
    store.proxy.set_faults(cut);
    assert!(read(&store.driver, "/file", ReadRange::Full).await.unwrap() == content);
    assert!(store.proxy.counts()["GetObject"] > 1);
    let range = ReadRange::Bounded {
        offset: 100,
        length: 2 * MIB as u64,
    };
    assert!(read(&store.driver, "/file", range).await.unwrap() == content[100..100 + 2 * MIB]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_always_is_an_error_and_no_short_file() {
    let Some(store) = disturbed(Emulator::Minio).await else {
        return;
    };
    put(&store.driver, "/file", sample(MIB), PutMode::Overwrite)
        .await
        .unwrap();
    let cut = Faults::none().every(Fault::CutAnswer(10)).only("GetObject");
    store.proxy.set_faults(cut);
    let error = read(&store.driver, "/file", ReadRange::Full).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.path(), Some(&path("/file")));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("of 1048576"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_replaced_while_it_is_read_is_never_mixed() {
    let Some(store) = disturbed(Emulator::Minio).await else {
        return;
    };
    let put_file = async |content| {
        let driver = store.bucket.driver(&store.root).await;
        put(&driver, "/file", content, PutMode::Overwrite).await.unwrap();
    };
    put_file(sample(3 * MIB)).await;
    let cut = Faults::none().once(Fault::CutAnswer(MIB)).only("GetObject");
    store.proxy.set_faults(cut);
    let opened = store.driver.read(&path("/file"), ReadRange::Full).await.unwrap();
    put_file(Bytes::from(vec![7; 3 * MIB])).await;
    let Content::Stream(stream) = opened.content else {
        panic!("not a stream");
    };
    let collected = hythe_driver::collect("test", stream, u64::MAX).await;
    assert_eq!(collected.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[derive(Default)]
struct Names(Vec<String>);

#[async_trait::async_trait]
impl WalkVisitor for Names {
    async fn visit(&mut self, info: FileInfo) -> Result<WalkControl> {
        self.0.push(info.path.to_string());
        Ok(WalkControl::Descend)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_in_the_middle_of_a_walk_is_asked_for_again() {
    let Some(store) = disturbed(Emulator::Versitygw).await else {
        return;
    };
    let driver = Arc::new(store.bucket.driver(&store.root).await);
    let puts = (0..1005).map(|number| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            let at = format!("/many/{number:04}");
            put(&driver, &at, Bytes::from_static(b"x"), PutMode::Overwrite).await
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
    let walk = async || {
        let mut names = Names::default();
        let walked = store
            .driver
            .walk(&path("/many"), WalkOptions::default(), &mut names)
            .await;
        walked.map(|()| names.0.len())
    };
    store
        .proxy
        .set_faults(Faults::none().once(Fault::DropRequest).only("ListObjectsV2"));
    assert_eq!(walk().await.unwrap(), 1005);
    store
        .proxy
        .set_faults(Faults::none().every(Fault::DropRequest).only("ListObjectsV2"));
    let error = walk().await.unwrap_err();
    assert_eq!(
        (error.operation(), error.kind()),
        ("walk", ErrorKind::Unavailable)
    );
    store.proxy.set_faults(Faults::none());
    driver.delete(&path("/many")).await.unwrap();
    assert!(walk().await.unwrap_err().is_not_found());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_comes_late_is_used_when_it_is_there() {
    let Some(store) = disturbed(Emulator::Minio).await else {
        return;
    };
    store.proxy.set_faults(Faults::none().every(Fault::DropRequest));
    let mut parameters = store.bucket.parameters(&store.root);
    parameters.insert("regionendpoint".to_owned(), json!(store.proxy.endpoint()));
    let driver = open(&parameters).await;
    let error = put(&driver, "/a", sample(1), PutMode::Create).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    store.proxy.set_faults(Faults::none());
    put(&driver, "/a", sample(1), PutMode::Create).await.unwrap();
    let again = put(&driver, "/a", sample(1), PutMode::Create).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_does_not_use_up_later_retries() {
    let Some(store) = disturbed(Emulator::Minio).await else {
        return;
    };
    store.proxy.set_faults(Faults::none().every(Fault::DropRequest));
    let at = path("/a");
    let outage = (0..150).map(|_| store.driver.stat(&at));
    for stat in futures_util::future::join_all(outage).await {
        assert_eq!(stat.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    store.proxy.set_faults(Faults::none().once(Fault::DropRequest));
    put(&store.driver, "/a", sample(1), PutMode::Overwrite)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_said_plainly() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let parameters = json!({
        "regionendpoint": format!("http://{address}"), "bucket": "b", "accesskey": "k", "secretkey": "hush",
    });
    let driver = open(parameters.as_object().unwrap()).await;
    let error = driver.get_content(&path("/a"), 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("Connection refused") && !cause.contains("hush"),
        "{cause}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_wrongly_is_named() {
    for emulator in [Emulator::Minio, Emulator::Versitygw] {
        let Some(bucket) = emulator.bucket() else { continue };
        let check = async |name: &str, value: &str, kind: ErrorKind, hint: &str| {
            let mut parameters = bucket.parameters("/r");
            parameters.insert(name.to_owned(), json!(value));
            let driver = open(&parameters).await;
            let error = driver.get_content(&path("/a"), 1).await.unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(error.kind(), kind, "{cause}");
            assert!(cause.contains(hint) && !cause.contains("testsecret"), "{cause}");
        };
        check(
            "secretkey",
            "wrongsecret",
            ErrorKind::PermissionDenied,
            "check secretkey",
        )
        .await;
        check(
            "accesskey",
            "nobody",
            ErrorKind::PermissionDenied,
            "check accesskey",
        )
        .await;
        check("bucket", "missing", ErrorKind::Unavailable, "does not exist").await;
        if emulator == Emulator::Versitygw {
            check("region", "eu-west-1", ErrorKind::Other, "check region").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_leaves_nothing_to_pay_for() {
    let Some(bucket) = Emulator::Versitygw.bucket() else {
        return;
    };
    let driver = bucket.driver(&fresh_root()).await;
    let at = path("/uploads/one/data");
    for is_cancelled in [true, false] {
        let mut writer = driver.writer(&at, WriterMode::Create).await.unwrap();
        writer.write(vec![sample(12 * MIB)]).await.unwrap();
        let token = writer.suspend().await.unwrap().unwrap();
        if is_cancelled {
            let writer = driver.writer(&at, WriterMode::Resume(token)).await.unwrap();
            writer.cancel().await.unwrap();
        } else {
            driver.delete(&path("/uploads/one")).await.unwrap();
        }
        assert!(driver.delete(&path("/uploads")).await.unwrap_err().is_not_found());
    }
}
