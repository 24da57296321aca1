//! Purging of uploads: by `startedat`, else by when something was last written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hythe_distribution::{BlobCreated, CreateOptions, Error, Namespace, Repository, UploadId};
use hythe_driver::{DriverPath, ErrorKind, PutOptions, StorageDriver};
use hythe_driver_inmemory::InMemoryDriver;
use hythe_driver_layers::{Fault, Faulty};
use hythe_reference::RepositoryName;
use hythe_storage::purge::{PurgeOptions, PurgeReport, PurgeSchedule, purge_once, run};
use hythe_storage::{Layout, Registry};
use tokio_util::sync::CancellationToken;

use crate::registries::{Standing, now, options, registry};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const IDS: [&str; 3] = [
    "0192f0c1-7b3a-7c4d-8e5f-0123456789ab",
    "3d2c7ae4-6a0e-4d6f-9c1f-1b7a4f0f6a11",
    // Other spellings of UUIDs were taken by older releases.
    "0192F0C17B3A7C4D8E5F0123456789AC",
];

fn week_old() -> PurgeOptions {
    PurgeOptions {
        older_than: 7 * DAY,
        dry_run: false,
    }
}

fn upload(repository: &str, id: &str) -> DriverPath {
    let root = Layout::default().repositories();
    DriverPath::parse(&format!("{root}/{repository}/_uploads/{id}")).unwrap()
}

async fn put(driver: &dyn StorageDriver, directory: &DriverPath, name: &str, content: &str) {
    let path = DriverPath::parse(&format!("{directory}/{name}")).unwrap();
    let content = Bytes::copy_from_slice(content.as_bytes());
    driver
        .put_content(&path, content, PutOptions::default())
        .await
        .unwrap();
}

async fn exists(driver: &dyn StorageDriver, path: &DriverPath) -> bool {
    match driver.stat(path).await {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("{error}"),
    }
}

fn removed(report: &PurgeReport) -> Vec<DriverPath> {
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    report.removed.clone()
}

/// The clock stands at 2026-11-21T18:14:09Z.
#[tokio::test]
async fn an_upload_goes_when_it_was_started_too_long_ago() {
    let check = async |started_at: &str, expected: bool| {
        let driver = InMemoryDriver::new();
        let upload = upload("a/b", IDS[0]);
        put(&driver, &upload, "startedat", started_at).await;
        put(&driver, &upload, "data", "content").await;
        put(&driver, &upload, "hashstates/sha256/7", "state").await;
        let report = purge_once(&driver, week_old(), &Standing(now())).await;
        let expected_removed = if expected { vec![upload.clone()] } else { vec![] };
        assert_eq!(removed(&report), expected_removed, "{started_at}");
        assert_eq!(exists(&driver, &upload).await, !expected, "{started_at}");
    };
    check("2026-11-14T18:14:08Z", true).await;
    check("2026-11-14T18:14:09Z", false).await;
    check("2026-11-21T18:14:09Z", false).await;
    check("2030-01-01T00:00:00Z", false).await;
    check("1999-01-01T00:00:00Z", true).await;
    check("2026-11-14T18:14:08.999999999Z", true).await;
    check("2026-11-14T19:14:08+01:00", true).await;
    check("2026-11-14T19:14:08-01:00", false).await;
}

#[tokio::test]
async fn without_a_readable_start_the_last_writing_counts() {
    for started_at in [None, Some(""), Some("yesterday"), Some("2026-11-14T18:14:08Z\n")] {
        let driver = InMemoryDriver::new();
        let upload = upload("a", IDS[0]);
        if let Some(content) = started_at {
            put(&driver, &upload, "startedat", content).await;
        }
        put(&driver, &upload, "hashstates/sha256/0", "state").await;
        let written = std::time::SystemTime::now();
        let young = purge_once(&driver, week_old(), &Standing(written + 6 * DAY)).await;
        assert_eq!(removed(&young), [], "{started_at:?}");
        let old = purge_once(&driver, week_old(), &Standing(written + 8 * DAY)).await;
        assert_eq!(removed(&old), std::slice::from_ref(&upload), "{started_at:?}");
        assert!(!exists(&driver, &upload).await);
    }
}

#[tokio::test]
async fn only_uploads_go() {
    let driver = InMemoryDriver::new();
    let long_ago = "2001-01-01T00:00:00Z";
    for id in IDS {
        put(&driver, &upload("a", id), "startedat", long_ago).await;
        put(&driver, &upload("a/b", id), "startedat", long_ago).await;
        // A repository may be named like an upload.
        put(
            &driver,
            &upload(&id.to_lowercase(), IDS[0]),
            "startedat",
            long_ago,
        )
        .await;
    }
    let others = [
        upload("a", "no-uuid"),
        DriverPath::parse(&format!("{}/a/{}", Layout::default().repositories(), IDS[0])).unwrap(),
        DriverPath::parse(&format!(
            "{}/a/_manifests/{}",
            Layout::default().repositories(),
            IDS[0]
        ))
        .unwrap(),
        DriverPath::parse(&format!(
            "{}/a/_layers/_uploads/{}",
            Layout::default().repositories(),
            IDS[0]
        ))
        .unwrap(),
        DriverPath::parse(&format!("{}/_uploads/{}", Layout::default().blobs(), IDS[0])).unwrap(),
    ];
    for other in &others {
        put(&driver, other, "startedat", long_ago).await;
    }
    let report = purge_once(&driver, week_old(), &Standing(now())).await;
    assert_eq!(removed(&report).len(), 9);
    for other in &others {
        assert!(exists(&driver, other).await, "{other}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_and_removes_nothing() {
    let driver = InMemoryDriver::new();
    let upload = upload("a", IDS[0]);
    put(&driver, &upload, "startedat", "2001-01-01T00:00:00Z").await;
    let options = PurgeOptions {
        dry_run: true,
        ..week_old()
    };
    let report = purge_once(&driver, options, &Standing(now())).await;
    assert_eq!(removed(&report), std::slice::from_ref(&upload));
    assert!(exists(&driver, &upload).await);
}

#[tokio::test]
async fn an_empty_registry_has_nothing_to_purge() {
    let report = purge_once(&InMemoryDriver::new(), week_old(), &Standing(now())).await;
    assert_eq!(removed(&report), []);
    let before_the_age = Standing(std::time::SystemTime::UNIX_EPOCH);
    let options = PurgeOptions {
        older_than: Duration::MAX,
        dry_run: false,
    };
    let report = purge_once(&InMemoryDriver::new(), options, &before_the_age).await;
    assert_eq!(removed(&report), []);
}

/// Whatever fails, the others go, and the next look gets the rest.
#[tokio::test]
async fn an_error_does_not_end_the_look() {
    let driver = Faulty::new(Arc::new(InMemoryDriver::new()));
    let uploads = [upload("a", IDS[0]), upload("b", IDS[0]), upload("c", IDS[0])];
    let fill = async || {
        for upload in &uploads {
            put(&driver, upload, "startedat", "2001-01-01T00:00:00Z").await;
        }
    };
    fill().await;
    driver.plan(None);
    purge_once(&driver, week_old(), &Standing(now())).await;
    let calls = driver.calls();
    assert!(calls > 6, "{calls}");
    for failing in 1..=calls {
        fill().await;
        driver.plan(Some(Fault::nth(failing)));
        let report = purge_once(&driver, week_old(), &Standing(now())).await;
        assert_eq!(report.errors.len(), 1, "call {failing}: {:?}", driver.struck());
        // The first call lists the repositories; any other is about one of them.
        let expected = if failing == 1 { 0 } else { 2 };
        assert_eq!(
            report.removed.len(),
            expected,
            "call {failing}: {:?}",
            driver.struck()
        );
        driver.plan(None);
        purge_once(&driver, week_old(), &Standing(now())).await;
        for upload in &uploads {
            assert!(
                !exists(&driver, upload).await,
                "{upload} is left after call {failing} failed"
            );
        }
    }
}

/// A purged upload is an unknown one, also in the middle of its life.
#[tokio::test]
async fn a_purged_upload_is_unknown_to_its_client() {
    let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
    let registry = registry(&driver);
    let (id, repository) = begin(&registry).await;
    let report = purge_once(&*driver, week_old(), &Standing(now() + 8 * DAY)).await;
    assert_eq!(removed(&report), [upload("a", &id.to_string())]);
    let status = repository.blobs().upload_status(&id).await;
    assert!(matches!(status, Err(Error::UploadUnknown { .. })), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_again_and_again_until_told_to_stop() {
    let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
    let registry = Registry::new(driver.clone(), options());
    let schedule = PurgeSchedule {
        first_after: Duration::from_secs(600),
        interval: DAY,
    };
    let stop = CancellationToken::new();
    let clock = Arc::new(Standing(now() + 8 * DAY));
    let task = tokio::spawn(run(
        driver.clone(),
        week_old(),
        schedule,
        clock,
        Arc::new(()),
        stop.clone(),
    ));

    for wait in [schedule.first_after, schedule.interval, schedule.interval] {
        let (id, _) = begin(&registry).await;
        let upload = upload("a", &id.to_string());
        // The clock of the runtime is paused and jumps when everybody waits.
        tokio::time::sleep(wait.saturating_sub(Duration::from_secs(1))).await;
        assert!(exists(&*driver, &upload).await, "purged too early");
        tokio::time::sleep(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
        assert!(!exists(&*driver, &upload).await, "not purged in time");
    }
    stop.cancel();
    task.await.unwrap();
}

/// An upload with some bytes, suspended.
async fn begin(registry: &Registry) -> (UploadId, Arc<dyn Repository>) {
    let repository = registry.repository(&RepositoryName::parse("a").unwrap());
    let created = repository.blobs().create(CreateOptions::default()).await.unwrap();
    let BlobCreated::Upload(mut writer) = created else {
        panic!("{created:?}")
    };
    writer.write(vec![Bytes::from_static(b"content")]).await.unwrap();
    let id = writer.id();
    writer.suspend().await.unwrap();
    (id, repository)
}
