//! Mounts: blobs that other repositories have.

use hythe_digest::{Algorithm, Digest};
use hythe_manifest::Descriptor;
use hythe_reference::RepositoryName;

use super::Subject;
use super::content::{LIMIT, bytes, digest_of_nothing_stored, fails, name, push, start};
use crate::{BlobCreated, CreateOptions, Error, Mount, Repository, Trust};

/// The blob is here as if it had been pushed.
pub async fn a_blob_is_mounted_from_another_repository(subject: &Subject) {
    let content = bytes(1, 100);
    let digest = push(&*subject.repository("source"), &content).await.digest;
    let target = subject.repository("target");

    let mounted = mount(&*target, &digest, &["source"]).await.expect("it is there");

    assert_eq!((mounted.digest, mounted.size), (digest, 100));
    for trust in [Trust::Cached, Trust::Stored] {
        let stat = target.blobs().stat(&digest, trust).await.unwrap();
        assert_eq!((stat.digest, stat.size), (digest, 100));
    }
    assert_eq!(target.blobs().get(&digest, LIMIT).await.unwrap(), content);
    subject
        .repository("source")
        .blobs()
        .delete(&digest)
        .await
        .unwrap();
    assert_eq!(target.blobs().get(&digest, LIMIT).await.unwrap(), content);
}

/// The first that has the blob is good enough.
pub async fn a_mount_looks_through_its_sources(subject: &Subject) {
    push(&*subject.repository("other"), &bytes(2, 100)).await;
    let digest = push(&*subject.repository("source"), &bytes(1, 100)).await.digest;
    let target = subject.repository("target");
    let sources = ["nothing-there", "other", "source"];
    assert!(mount(&*target, &digest, &sources).await.is_some());
    target.blobs().stat(&digest, Trust::Stored).await.unwrap();
}

/// Not an error: the client just has to send it.
pub async fn a_mount_of_an_unknown_blob_becomes_an_upload(subject: &Subject) {
    push(&*subject.repository("source"), &bytes(1, 100)).await;
    let target = subject.repository("target");
    let unknown = digest_of_nothing_stored();
    assert_eq!(mount(&*target, &unknown, &["source"]).await, None);
    assert_eq!(mount(&*target, &unknown, &["nothing-there"]).await, None);
    fails!(
        target.blobs().stat(&unknown, Trust::Stored).await,
        Error::BlobUnknown { .. }
    );
}

/// Stored somewhere is not enough: the caller must be allowed to read it there.
pub async fn a_mount_without_sources_becomes_an_upload(subject: &Subject) {
    let digest = push(&*subject.repository("source"), &bytes(1, 100)).await.digest;
    let target = subject.repository("target");
    assert_eq!(mount(&*target, &digest, &[]).await, None);
    assert_eq!(mount(&*target, &digest, &["nothing-there"]).await, None);
}

/// Also when a cache has just described it.
pub async fn a_mount_of_a_deleted_blob_becomes_an_upload(subject: &Subject) {
    let source = subject.repository("source");
    let digest = push(&*source, &bytes(1, 100)).await.digest;
    source.blobs().stat(&digest, Trust::Cached).await.unwrap();
    source.blobs().delete(&digest).await.unwrap();
    assert_eq!(
        mount(&*subject.repository("target"), &digest, &["source"]).await,
        None
    );
}

/// A repository may be its own source.
pub async fn a_blob_is_mounted_where_it_is(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = push(&*repository, &bytes(1, 100)).await.digest;
    assert!(mount(&*repository, &digest, &["a"]).await.is_some());
    repository.blobs().stat(&digest, Trust::Stored).await.unwrap();
}

/// And is read by that digest afterwards.
pub async fn a_blob_named_by_sha512_is_mounted(subject: &Subject) {
    let content = bytes(1, 100);
    let digest = Digest::of(Algorithm::Sha512, &content);
    let mut writer = start(&*subject.repository("source")).await;
    writer.write(vec![content.clone()]).await.unwrap();
    writer.commit(&digest).await.unwrap();

    let target = subject.repository("target");
    let mounted = mount(&*target, &digest, &["source"]).await.expect("it is there");

    assert_eq!(mounted.digest, digest);
    assert_eq!(target.blobs().get(&digest, LIMIT).await.unwrap(), content);
    target.blobs().stat(&digest, Trust::Stored).await.unwrap();
}

/// Hints, but no inventions: at most 32, each once, each a repository that had the blob.
pub async fn mount_candidates_are_few_and_true(subject: &Subject) {
    let content = bytes(1, 100);
    let unknown = digest_of_nothing_stored();
    assert_eq!(subject.registry.mount_candidates(&unknown), []);
    let names: Vec<RepositoryName> = (0..40).map(|number| name(&format!("r{number}"))).collect();
    let mut digest = unknown;
    for name in &names {
        digest = push(&*subject.registry.repository(name), &content).await.digest;
    }
    let mut candidates = subject.registry.mount_candidates(&digest);
    assert!(candidates.len() <= 32, "{candidates:?}");
    assert!(candidates.iter().all(|candidate| names.contains(candidate)));
    let all = candidates.len();
    candidates.sort();
    candidates.dedup();
    assert_eq!(candidates.len(), all);
}

/// What was mounted; `None` when an upload was started instead, which is cancelled.
async fn mount(repository: &dyn Repository, digest: &Digest, from: &[&str]) -> Option<Descriptor> {
    let options = CreateOptions {
        mount: Some(Mount {
            digest: *digest,
            from: from.iter().map(|source| name(source)).collect(),
        }),
        algorithm: None,
    };
    match repository.blobs().create(options).await.unwrap() {
        BlobCreated::Mounted(descriptor) => Some(descriptor),
        BlobCreated::Upload(writer) => {
            assert_eq!(writer.size(), 0);
            writer.cancel().await.unwrap();
            None
        }
    }
}
