//! Every kind of request is lost, repeated, slowed down or cut off once, and nothing comes of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hythe_driver::{
    CommitOptions, Content, DriverPath, ErrorKind, ListOptions, PutMode, PutOptions, ReadRange,
    StorageDriver, WriterMode, collect,
};
use hythe_driver_azure::AzureDriver;
use hythe_testutil::proxy::{Dialect, Fault, Faults, Proxy};
use serde_json::json;

use crate::emulator;

const MIB: usize = 1 << 20;

fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

/// A driver behind a proxy. `None` without Azurite.
async fn fixture() -> Option<(AzureDriver, Proxy)> {
    let mut parameters = emulator::parameters()?;
    let endpoint = parameters["serviceurl"].as_str().unwrap().to_owned();
    let rest = endpoint.strip_prefix("http://").unwrap();
    let (address, account) = rest.split_once('/').unwrap();
    let upstream: SocketAddr = address.parse().unwrap();
    let proxy = Proxy::start(upstream, Dialect::Azure).await.unwrap();
    let through = format!("{}/{account}", proxy.endpoint());
    parameters.insert("serviceurl".to_owned(), json!(through));
    parameters.insert("retry_delay".to_owned(), json!("1ms"));
    parameters.insert("chunksize".to_owned(), json!(MIB));
    Some((emulator::driver(&parameters), proxy))
}

fn put(mode: PutMode) -> PutOptions {
    PutOptions { mode, durable: true }
}

/// One of everything that a driver does.
async fn everything(driver: &AzureDriver) {
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let folder = format!("/round-{}", ROUND.fetch_add(1, Ordering::Relaxed));
    let at = |name: &str| path(&format!("{folder}/{name}"));
    let create = driver
        .put_content(&at("file"), "first".into(), put(PutMode::Create))
        .await;
    let update = put(PutMode::Update(create.unwrap().unwrap()));
    driver
        .put_content(&at("file"), "second".into(), update)
        .await
        .unwrap();
    assert_eq!(driver.get_content(&at("file"), 100).await.unwrap(), "second");

    let content = Bytes::from(vec![7; 3 * MIB + 5]);
    let mut writer = driver.writer(&at("upload"), WriterMode::Create).await.unwrap();
    writer.write(vec![content.slice(..2 * MIB)]).await.unwrap();
    let token = writer.suspend().await.unwrap().unwrap();
    let mut writer = driver
        .writer(&at("upload"), WriterMode::Resume(token))
        .await
        .unwrap();
    writer.write(vec![content.slice(2 * MIB..)]).await.unwrap();
    let options = CommitOptions {
        destination: Some(at("blob")),
        mode: PutMode::Create,
    };
    writer.commit(options).await.unwrap();
    let read = driver.read(&at("blob"), ReadRange::From(1)).await.unwrap();
    let Content::Stream(stream) = read.content else {
        panic!("Azure gives streams");
    };
    let read = collect("azure", stream, u64::MAX).await.unwrap();
    assert!(read == content.slice(1..));

    driver.rename(&at("file"), &at("moved")).await.unwrap();
    let listed = driver.list(&path(&folder), ListOptions::default()).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|info| info.path.name()).collect();
    assert_eq!(names, ["blob", "moved"]);
    driver.delete_files(&[at("moved")]).await.unwrap();
    driver.delete(&path(&folder)).await.unwrap();
    let gone = driver.stat(&path(&folder)).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_may_fail_once() {
    let Some((driver, proxy)) = fixture().await else {
        return;
    };
    for fault in [Fault::DropRequest, Fault::LoseAnswer, Fault::CutAnswer(100_000)] {
        proxy.set_faults(Faults::none().once(fault));
        everything(&driver).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_service_is_asked_again() {
    let Some((driver, proxy)) = fixture().await else {
        return;
    };
    proxy.set_faults(Faults::none().once(Fault::SlowDown).only("Put Blob"));
    let put = driver
        .put_content(&path("/file"), "content".into(), put(PutMode::Create))
        .await;
    put.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stays_busy_is_throttled_and_says_when_to_come_again() {
    let Some(mut parameters) = emulator::parameters() else {
        return;
    };
    let endpoint = parameters["serviceurl"].as_str().unwrap().to_owned();
    let rest = endpoint.strip_prefix("http://").unwrap();
    let (address, account) = rest.split_once('/').unwrap();
    let proxy = Proxy::start(address.parse().unwrap(), Dialect::Azure)
        .await
        .unwrap();
    let through = format!("{}/{account}", proxy.endpoint());
    parameters.insert("serviceurl".to_owned(), json!(through));
    parameters.insert("max_retries".to_owned(), json!(-1));
    let driver = emulator::driver(&parameters);
    proxy.set_faults(Faults::none().every(Fault::SlowDown));
    let error = driver.get_content(&path("/file"), 10).await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    assert_eq!(error.retry_delay(), Some(std::time::Duration::from_secs(1)));
}

/// distribution 3.1.2 makes such mistakes into missing files.
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_configuration_is_told_without_the_key() {
    for (name, value, expected) in [
        ("container", "no-such-container", "ContainerNotFound"),
        ("accountkey", "d3Jvbmcta2V5", "the service answered 403"),
    ] {
        let Some(mut parameters) = emulator::parameters() else {
            return;
        };
        parameters.insert(name.to_owned(), json!(value));
        let driver = emulator::driver(&parameters);
        let error = driver.get_content(&path("/file"), 10).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(expected), "{cause}");
        assert!(!cause.contains("d3Jvbmcta2V5"), "{cause}");
        assert!(!error.is_not_found());
    }
}
