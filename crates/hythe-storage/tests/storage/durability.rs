//! Power failures during pushes: whatever was acknowledged is there afterwards, whatever the disk had not been told to
//! keep.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use hythe_distribution::{BlobCreated, CreateOptions, Error, Namespace, ResumeOptions};
use hythe_driver::StorageDriver;
use hythe_driver_filesystem::testing::{Outcome, Recorder, power_failures};
use hythe_driver_filesystem::{FilesystemDriver, FilesystemParameters};
use hythe_reference::RepositoryName;
use hythe_storage::Registry;

use crate::ledger::{Client, Ledger};
use crate::registries;

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

/// A registry whose every change of the file system is recorded.
fn recorded() -> (Registry, Recorder, tempfile::TempDir) {
    let directory = registries::directory();
    let recorder = Recorder::new();
    let parameters = FilesystemParameters::at(directory.path());
    let driver = FilesystemDriver::recorded(parameters, recorder.clone()).unwrap();
    let driver: Arc<dyn StorageDriver> = Arc::new(driver);
    (registries::registry(&driver), recorder, directory)
}

/// Everything that a power failure at any time could leave, each different state once.
fn outcomes(recorder: &Recorder) -> Vec<Outcome> {
    let log = recorder.log();
    let mut seen = HashSet::new();
    power_failures(&log)
        .filter(|outcome| seen.insert((outcome.acknowledged.len(), outcome.files.clone())))
        .collect()
}

/// A registry that is started on what was left.
fn after(outcome: &Outcome) -> (Registry, tempfile::TempDir) {
    let directory = registries::directory();
    outcome.write_to(directory.path()).unwrap();
    let driver = FilesystemDriver::new(FilesystemParameters::at(directory.path())).unwrap();
    let driver: Arc<dyn StorageDriver> = Arc::new(driver);
    (registries::registry(&driver), directory)
}

fn context(outcome: &Outcome) -> String {
    format!("after {} operations, lost: {}", outcome.operations, outcome.lost)
}

#[tokio::test]
async fn a_power_failure_during_a_push_loses_nothing_acknowledged() {
    let (registry, recorder, _directory) = recorded();
    let mut ledger = Ledger::default();
    let layers = [1_u8, 2].map(|seed| Bytes::from(vec![seed; 500]));
    let acknowledged = |label: &str| recorder.acknowledge(label);
    let mut client = Client {
        repository: registry.repository(&name("a/b")),
        ledger: &mut ledger,
        acknowledged: &acknowledged,
    };
    client.push_image(1, &layers[..1], "v1").await.unwrap();
    client.push_image(2, &layers[1..], "v1").await.unwrap();
    let mut other = Client {
        repository: registry.repository(&name("c")),
        ledger: &mut ledger,
        acknowledged: &acknowledged,
    };
    other.mount_blob(&layers[0], &name("a/b")).await.unwrap();

    let outcomes = outcomes(&recorder);
    assert!(outcomes.len() > 300, "{} states", outcomes.len());
    for outcome in outcomes {
        let (registry, _directory) = after(&outcome);
        let acknowledged = outcome.acknowledged.len();
        ledger
            .check_first(acknowledged, &registry, &context(&outcome))
            .await;
    }
}

/// An unfinished upload may be lost, but what is left of it has every byte that its client was told of, and no
/// other bytes become the blob.
#[tokio::test]
async fn a_power_failure_during_an_upload_leaves_what_was_told_or_nothing() {
    let (registry, recorder, _directory) = recorded();
    let content = Bytes::from(
        (0..3000_u32)
            .map(|number| (number % 251) as u8)
            .collect::<Vec<u8>>(),
    );
    let repository = registry.repository(&name("a"));
    let created = repository.blobs().create(CreateOptions::default()).await.unwrap();
    let BlobCreated::Upload(writer) = created else {
        panic!("{created:?}")
    };
    let id = writer.id();
    writer.suspend().await.unwrap();
    for end in [1000_usize, 2000, 3000] {
        let options = ResumeOptions::default();
        let mut writer = repository.blobs().resume(&id, options).await.unwrap();
        writer.write(vec![content.slice(end - 1000..end)]).await.unwrap();
        writer.suspend().await.unwrap();
        recorder.acknowledge(end.to_string());
    }

    for outcome in outcomes(&recorder) {
        let (registry, _directory) = after(&outcome);
        let told: usize = outcome.acknowledged.last().map_or(0, |end| end.parse().unwrap());
        let repository = registry.repository(&name("a"));
        let mut writer = match repository.blobs().resume(&id, ResumeOptions::default()).await {
            Ok(writer) => writer,
            // When it was started is not told to survive.
            Err(Error::UploadUnknown { .. }) => continue,
            Err(error) => panic!("{}: {error:?}", context(&outcome)),
        };
        let kept = usize::try_from(writer.size()).unwrap();
        assert!(kept >= told, "{}: {kept} of {told} bytes", context(&outcome));
        // Beyond what was told there may be anything; the digest finds out.
        writer.write(vec![content.slice(kept..)]).await.unwrap();
        let digest = hythe_digest::Digest::sha256(&content);
        match writer.commit(&digest).await {
            Ok(_) => {
                let stored = repository.blobs().get(&digest, 10_000).await.unwrap();
                assert_eq!(stored, content, "{}", context(&outcome));
            }
            Err(Error::DigestMismatch { .. }) if kept > told => {}
            Err(error) => panic!("{}: {error:?}", context(&outcome)),
        }
    }
}
