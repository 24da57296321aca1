//! Blobs: put, look at, open, delete.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use hythe_digest::{Digest, EMPTY_SHA256};

use super::Subject;
use super::content::{LIMIT, bytes, digest_of_nothing_stored, fails, push, read, start};
use crate::{BlobRange, Error, RedirectRequest, Repository, Trust};

/// What was put is described, opened and fetched as it was.
pub async fn a_blob_put_is_read_back(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    let put = repository.blobs().put(None, content.clone()).await.unwrap();
    assert_eq!(put.digest, Digest::sha256(&content));
    assert_eq!(put.size, 1000);
    for trust in [Trust::Cached, Trust::Stored] {
        let stat = repository.blobs().stat(&put.digest, trust).await.unwrap();
        assert_eq!((stat.digest, stat.size), (put.digest, 1000));
    }
    let blob = repository
        .blobs()
        .open(&put.digest, BlobRange::Full)
        .await
        .unwrap();
    assert_eq!((blob.descriptor.digest, blob.descriptor.size), (put.digest, 1000));
    assert_eq!(blob.range, 0..1000);
    assert_eq!(read(blob).await, content);
    assert_eq!(repository.blobs().get(&put.digest, LIMIT).await.unwrap(), content);
}

/// Content of no bytes is content.
pub async fn an_empty_blob_is_stored(subject: &Subject) {
    let repository = subject.repository("a");
    let put = repository.blobs().put(None, Bytes::new()).await.unwrap();
    assert_eq!((put.digest, put.size), (EMPTY_SHA256, 0));
    let blob = repository
        .blobs()
        .open(&EMPTY_SHA256, BlobRange::Full)
        .await
        .unwrap();
    assert_eq!(read(blob).await, Bytes::new());
    assert_eq!(
        repository.blobs().get(&EMPTY_SHA256, 0).await.unwrap(),
        Bytes::new()
    );
}

/// Content has one name, so it can come any number of times.
pub async fn putting_a_blob_again_is_no_error(subject: &Subject) {
    let repository = subject.repository("a");
    let first = repository.blobs().put(None, bytes(1, 10)).await.unwrap();
    let second = repository.blobs().put(None, bytes(1, 10)).await.unwrap();
    assert_eq!(first.digest, second.digest);
}

/// Nobody finds what was never stored.
pub async fn an_unknown_blob_is_unknown_to_every_reader(subject: &Subject) {
    is_unknown(&*subject.repository("a"), &digest_of_nothing_stored()).await;
    push(&*subject.repository("a"), &bytes(1, 10)).await;
    is_unknown(&*subject.repository("a"), &digest_of_nothing_stored()).await;
}

/// Membership counts: stored elsewhere is unknown here.
pub async fn a_blob_of_another_repository_is_unknown(subject: &Subject) {
    let digest = push(&*subject.repository("a"), &bytes(1, 10)).await.digest;
    is_unknown(&*subject.repository("b"), &digest).await;
    is_unknown(&*subject.repository("a/b"), &digest).await;
}

/// What one process stored another serves.
pub async fn a_blob_is_seen_by_another_process(subject: &Subject) {
    let content = bytes(1, 10);
    let digest = push(&*subject.repository("a"), &content).await.digest;
    let elsewhere = subject.repository_elsewhere("a");
    assert_eq!(elsewhere.blobs().get(&digest, LIMIT).await.unwrap(), content);
}

/// Ranges are cut at the end, and empty at the end when they begin behind it.
pub async fn ranges_of_a_blob_are_opened_exactly(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 2048);
    let digest = push(&*repository, &content).await.digest;
    for (range, expected) in [
        (BlobRange::Full, 0..2048),
        (BlobRange::From(500), 500..2048),
        (BlobRange::From(2047), 2047..2048),
        (BlobRange::From(2048), 2048..2048),
        (BlobRange::From(5000), 2048..2048),
        (
            BlobRange::Bounded {
                offset: 500,
                length: 1000,
            },
            500..1500,
        ),
        (
            BlobRange::Bounded {
                offset: 2000,
                length: u64::MAX,
            },
            2000..2048,
        ),
        (
            BlobRange::Bounded {
                offset: 5000,
                length: 1,
            },
            2048..2048,
        ),
        (BlobRange::Suffix(500), 1548..2048),
        (BlobRange::Suffix(5000), 0..2048),
    ] {
        let blob = repository.blobs().open(&digest, range).await.unwrap();
        assert_eq!(blob.range, expected, "{range:?}");
        assert_eq!(blob.descriptor.size, 2048, "{range:?}");
        let expected = usize::try_from(expected.start).unwrap()..usize::try_from(expected.end).unwrap();
        assert_eq!(read(blob).await, content.slice(expected), "{range:?}");
    }
}

/// The limit counts bytes and includes itself.
pub async fn more_than_the_limit_is_too_large(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 100);
    let digest = push(&*repository, &content).await.digest;
    assert_eq!(repository.blobs().get(&digest, 100).await.unwrap(), content);
    fails!(
        repository.blobs().get(&digest, 99).await,
        Error::TooLarge { limit: 99 }
    );
}

/// Whoever sends a client elsewhere can still tell it digest and size.
pub async fn a_redirect_describes_the_blob(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = push(&*repository, &bytes(1, 100)).await.digest;
    let redirect = repository.blobs().redirect_url(&digest, &get_request()).await;
    if let Some((descriptor, _)) = redirect.unwrap() {
        assert_eq!((descriptor.digest, descriptor.size), (digest, 100));
    }
}

/// Also when a cache has just answered.
pub async fn a_deleted_blob_is_unknown_at_once(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = push(&*repository, &bytes(1, 10)).await.digest;
    for trust in [Trust::Cached, Trust::Stored] {
        repository.blobs().stat(&digest, trust).await.unwrap();
    }
    repository.blobs().delete(&digest).await.unwrap();
    is_unknown(&*repository, &digest).await;
    is_unknown(&*subject.repository_elsewhere("a"), &digest).await;
}

/// Only the link goes.
pub async fn a_deleted_blob_stays_in_other_repositories(subject: &Subject) {
    let content = bytes(1, 10);
    let digest = push(&*subject.repository("a"), &content).await.digest;
    push(&*subject.repository("b"), &content).await;
    subject.repository("a").blobs().delete(&digest).await.unwrap();
    assert_eq!(
        subject.repository("b").blobs().get(&digest, LIMIT).await.unwrap(),
        content
    );
}

/// Deleting is nothing for ever.
pub async fn a_deleted_blob_can_be_put_again(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 10);
    let digest = push(&*repository, &content).await.digest;
    repository.blobs().delete(&digest).await.unwrap();
    let mut writer = start(&*repository).await;
    writer.write(vec![content.clone()]).await.unwrap();
    writer.commit(&digest).await.unwrap();
    assert_eq!(repository.blobs().get(&digest, LIMIT).await.unwrap(), content);
}

/// Never stored, stored elsewhere, or deleted before.
pub async fn deleting_an_unknown_blob_says_so(subject: &Subject) {
    let repository = subject.repository("a");
    let unknown = digest_of_nothing_stored();
    fails!(repository.blobs().delete(&unknown).await, Error::BlobUnknown { digest } if digest == unknown);

    let elsewhere = push(&*subject.repository("b"), &bytes(1, 10)).await.digest;
    fails!(
        repository.blobs().delete(&elsewhere).await,
        Error::BlobUnknown { .. }
    );

    let here = push(&*repository, &bytes(2, 10)).await.digest;
    repository.blobs().delete(&here).await.unwrap();
    fails!(repository.blobs().delete(&here).await, Error::BlobUnknown { .. });
}

/// Whoever reads reads to the end.
pub async fn an_open_blob_survives_its_deletion(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 100_000);
    let digest = push(&*repository, &content).await.digest;
    let blob = repository.blobs().open(&digest, BlobRange::Full).await.unwrap();
    repository.blobs().delete(&digest).await.unwrap();
    assert_eq!(read(blob).await, content);
}

/// Unsupported before anything is looked up, so it does not tell what is there.
pub async fn with_deletion_off_no_blob_goes(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 10);
    let digest = push(&*repository, &content).await.digest;
    for digest in [digest, digest_of_nothing_stored()] {
        fails!(repository.blobs().delete(&digest).await, Error::Unsupported);
    }
    assert_eq!(repository.blobs().get(&digest, LIMIT).await.unwrap(), content);
}

async fn is_unknown(repository: &dyn Repository, digest: &Digest) {
    let blobs = repository.blobs();
    for trust in [Trust::Cached, Trust::Stored] {
        fails!(blobs.stat(digest, trust).await, Error::BlobUnknown { digest: named } if named == *digest);
    }
    fails!(
        blobs.open(digest, BlobRange::Full).await,
        Error::BlobUnknown { .. }
    );
    fails!(blobs.get(digest, LIMIT).await, Error::BlobUnknown { .. });
    let redirect = blobs.redirect_url(digest, &get_request()).await;
    assert!(
        matches!(redirect, Ok(None) | Err(Error::BlobUnknown { .. })),
        "{redirect:?}"
    );
}

fn get_request() -> RedirectRequest {
    RedirectRequest {
        method: Method::GET,
        client: None,
        wants_suffix: false,
        minimum_bytes: 0,
        valid_for: Duration::from_secs(60),
    }
}
