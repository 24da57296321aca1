//! Uploads: started, interrupted, continued, ended; alone and in competition.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future;
use hythe_digest::{Algorithm, Digest, EMPTY_SHA256};
use uuid::Uuid;

use super::Subject;
use super::content::{LIMIT, bytes, fails, start, start_with};
use crate::{BlobWriter, CreateOptions, Error, Repository, Result, ResumeOptions, Trust, UploadId};

/// The content arrives in pieces and comes out whole.
pub async fn an_upload_is_committed_and_read_back(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    let mut writer = start(&*repository).await;
    writer
        .write(vec![content.slice(..1), content.slice(1..400)])
        .await
        .unwrap();
    writer.write(vec![]).await.unwrap();
    writer
        .write(vec![Bytes::new(), content.slice(400..)])
        .await
        .unwrap();
    assert_eq!(writer.size(), 1000);

    let descriptor = writer.commit(&Digest::sha256(&content)).await.unwrap();

    assert_eq!(
        (descriptor.digest, descriptor.size),
        (Digest::sha256(&content), 1000)
    );
    is_stored(&*repository, &descriptor.digest, &content).await;
    is_stored(&*subject.repository_elsewhere("a"), &descriptor.digest, &content).await;
}

/// A new session has received nothing.
pub async fn an_upload_begins_empty(subject: &Subject) {
    let repository = subject.repository("a");
    let writer = start(&*repository).await;
    assert_eq!(writer.size(), 0);
    let status = repository.blobs().upload_status(&writer.id()).await.unwrap();
    assert_eq!(status.size, 0);
    assert_eq!(
        whole_seconds(status.started_at),
        whole_seconds(writer.started_at())
    );
}

/// Committing at once makes the blob of no bytes.
pub async fn an_empty_upload_makes_an_empty_blob(subject: &Subject) {
    let repository = subject.repository("a");
    let writer = start(&*repository).await;
    writer.commit(&EMPTY_SHA256).await.unwrap();
    is_stored(&*repository, &EMPTY_SHA256, &Bytes::new()).await;

    let resumed = start(&*repository).await;
    let id = resumed.id();
    resumed.suspend().await.unwrap();
    let resumed = resume(&*repository, &id).await.unwrap();
    resumed.commit(&EMPTY_SHA256).await.unwrap();
}

/// Larger than any part or buffer a storage may want.
pub async fn large_batches_are_taken(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 6 * 1024 * 1024 + 17);
    let mut writer = start(&*repository).await;
    writer
        .write(vec![
            content.slice(..5_500_000),
            content.slice(5_500_000..5_500_001),
        ])
        .await
        .unwrap();
    writer.write(vec![content.slice(5_500_001..)]).await.unwrap();
    let digest = Digest::sha256(&content);
    writer.commit(&digest).await.unwrap();
    is_stored(&*repository, &digest, &content).await;
}

/// At once, and before it is suspended.
pub async fn a_new_upload_is_found_by_another_process(subject: &Subject) {
    let writer = start(&*subject.repository("a")).await;
    let elsewhere = subject.repository_elsewhere("a");
    let status = elsewhere.blobs().upload_status(&writer.id()).await.unwrap();
    assert_eq!(status.size, 0);
}

/// It tells no more than was written.
pub async fn the_status_can_be_asked_while_writing(subject: &Subject) {
    let repository = subject.repository("a");
    let mut writer = start(&*repository).await;
    writer.write(vec![bytes(1, 100)]).await.unwrap();
    let status = repository.blobs().upload_status(&writer.id()).await.unwrap();
    assert!(status.size <= 100, "{status:?}");
}

/// With the bytes, the size and the start it had.
pub async fn a_suspended_upload_is_resumed(subject: &Subject) {
    let repository = subject.repository("a");
    is_resumed(&*repository, &*repository).await;
}

/// Nothing of a session is in the memory of the process that began it.
pub async fn a_suspended_upload_is_resumed_by_another_process(subject: &Subject) {
    is_resumed(&*subject.repository("a"), &*subject.repository_elsewhere("a")).await;
}

/// A session for every piece, the processes taking turns, pieces of sizes around the blocks of the hashes.
pub async fn an_upload_is_resumed_for_every_piece(subject: &Subject) {
    let processes = [subject.repository("a"), subject.repository_elsewhere("a")];
    let content = bytes(1, 1000);
    let writer = start(&*processes[0]).await;
    let id = writer.id();
    writer.suspend().await.unwrap();
    let mut received = 0;
    for (turn, length) in [1, 63, 64, 65, 127, 128, 129, 0, 423].into_iter().enumerate() {
        let options = ResumeOptions {
            expected_size: Some(received as u64),
            ..ResumeOptions::default()
        };
        let process = &processes[turn % 2];
        let mut writer = process.blobs().resume(&id, options).await.unwrap();
        writer
            .write(vec![content.slice(received..received + length)])
            .await
            .unwrap();
        received += length;
        assert_eq!(writer.size(), received as u64);
        writer.suspend().await.unwrap();
    }
    let writer = resume(&*processes[0], &id).await.unwrap();
    let digest = Digest::sha256(&content);
    writer.commit(&digest).await.unwrap();
    is_stored(&*processes[1], &digest, &content).await;
}

/// As a client does that only asks where it stands.
pub async fn an_upload_resumed_without_writing_keeps_its_bytes(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 300);
    let id = suspended(&*repository, &content).await;
    for _ in 0..3 {
        let writer = resume(&*repository, &id).await.unwrap();
        assert_eq!(writer.size(), 300);
        writer.suspend().await.unwrap();
    }
    let digest = Digest::sha256(&content);
    resume(&*repository, &id)
        .await
        .unwrap()
        .commit(&digest)
        .await
        .unwrap();
    is_stored(&*repository, &digest, &content).await;
}

/// The size lets the client go on from where it really is. Nothing changes.
pub async fn resuming_at_a_wrong_size_is_refused_with_the_size(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 300);
    let id = suspended(&*repository, &content).await;
    for wrong in [0, 299, 301, u64::MAX] {
        let options = ResumeOptions {
            expected_size: Some(wrong),
            ..ResumeOptions::default()
        };
        fails!(
            repository.blobs().resume(&id, options).await,
            Error::UploadOffset { size: 300, .. }
        );
    }
    let digest = Digest::sha256(&content);
    resume(&*repository, &id)
        .await
        .unwrap()
        .commit(&digest)
        .await
        .unwrap();
}

/// In a repository that has uploads, and in one that has nothing.
pub async fn an_unknown_upload_is_unknown(subject: &Subject) {
    let unknown = UploadId::new(Uuid::from_u128(0x0192_f0c1_7b3a_7c4d_8e5f_0123_4567_89ab));
    is_unknown(&*subject.repository("a"), &unknown).await;
    start(&*subject.repository("a")).await.suspend().await.unwrap();
    is_unknown(&*subject.repository("a"), &unknown).await;
}

/// Its name means nothing in another one.
pub async fn an_upload_belongs_to_its_repository(subject: &Subject) {
    let id = suspended(&*subject.repository("a"), &bytes(1, 10)).await;
    is_unknown(&*subject.repository("b"), &id).await;
    is_unknown(&*subject.repository("a/b"), &id).await;
}

/// What was written since may be there or not, but no other bytes.
pub async fn a_dropped_writer_keeps_what_was_suspended(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    let id = suspended(&*repository, &content.slice(..300)).await;
    let mut writer = resume(&*repository, &id).await.unwrap();
    writer.write(vec![content.slice(300..)]).await.unwrap();
    drop(writer);

    let writer = resume(&*repository, &id).await.unwrap();
    let kept = usize::try_from(writer.size()).unwrap();
    assert!(kept >= 300, "{kept} of 300 suspended bytes are left");
    let kept = content.slice(..kept);
    let digest = Digest::sha256(&kept);
    writer.commit(&digest).await.unwrap();
    is_stored(&*repository, &digest, &kept).await;
}

/// The client may try again with the right one.
pub async fn a_wrong_digest_leaves_the_upload(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    let mut writer = start(&*repository).await;
    writer.write(vec![content.clone()]).await.unwrap();
    let id = writer.id();
    let wrong = Digest::sha256(b"something else");
    fails!(writer.commit(&wrong).await, Error::DigestMismatch { expected } if expected == wrong);
    survives(&*repository, &id, &content).await;
}

/// Also after an interruption, and any number of times.
pub async fn a_wrong_digest_of_a_resumed_upload_leaves_it(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    let id = suspended(&*repository, &content).await;
    for wrong in [
        Digest::sha256(b"something else"),
        Digest::sha256(&content[..999]),
        EMPTY_SHA256,
    ] {
        let writer = resume(&*subject.repository_elsewhere("a"), &id).await.unwrap();
        fails!(writer.commit(&wrong).await, Error::DigestMismatch { .. });
    }
    survives(&*repository, &id, &content).await;
}

/// Where the content may have to be read again to tell.
pub async fn a_wrong_sha512_digest_leaves_the_upload(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    let mut writer = start(&*repository).await;
    writer.write(vec![content.clone()]).await.unwrap();
    let id = writer.id();
    let wrong = Digest::of(Algorithm::Sha512, b"something else");
    fails!(writer.commit(&wrong).await, Error::DigestMismatch { expected } if expected == wrong);
    survives(&*repository, &id, &content).await;
}

/// The session ends with the commit.
pub async fn a_committed_upload_is_unknown(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 10);
    let id = suspended(&*repository, &content).await;
    let writer = resume(&*repository, &id).await.unwrap();
    writer.commit(&Digest::sha256(&content)).await.unwrap();
    is_unknown(&*repository, &id).await;
    is_unknown(&*subject.repository_elsewhere("a"), &id).await;
}

/// A fresh one, with bytes and without.
pub async fn a_cancelled_upload_is_unknown(subject: &Subject) {
    let repository = subject.repository("a");
    for content in [Bytes::new(), bytes(1, 1000)] {
        let mut writer = start(&*repository).await;
        let id = writer.id();
        writer.write(vec![content.clone()]).await.unwrap();
        writer.cancel().await.unwrap();
        is_unknown(&*repository, &id).await;
        fails!(
            repository
                .blobs()
                .stat(&Digest::sha256(&content), Trust::Stored)
                .await,
            Error::BlobUnknown { .. }
        );
    }
}

/// By another process than the one that began it.
pub async fn a_suspended_upload_can_be_cancelled(subject: &Subject) {
    let repository = subject.repository("a");
    let id = suspended(&*repository, &bytes(1, 1000)).await;
    let writer = resume(&*subject.repository_elsewhere("a"), &id).await.unwrap();
    writer.cancel().await.unwrap();
    is_unknown(&*repository, &id).await;
}

/// The other is told that there is no such upload, or not in the state it believes; never anything worse.
pub async fn of_two_closers_one_wins(subject: &Subject) {
    let processes = [subject.repository("a"), subject.repository_elsewhere("a")];
    let content = bytes(1, 1000);
    let digest = Digest::sha256(&content);
    let id = suspended(&*processes[0], &content).await;
    let close = async |repository: &dyn Repository| resume(repository, &id).await?.commit(&digest).await;

    let (first, second) = future::join(close(&*processes[0]), close(&*processes[1])).await;

    let winners = [&first, &second]
        .into_iter()
        .filter(|result| result.is_ok())
        .count();
    assert!(winners >= 1, "nobody won: {first:?}, {second:?}");
    for result in [first, second] {
        if let Err(error) = result {
            assert!(
                matches!(error, Error::UploadUnknown { .. } | Error::UploadOffset { .. }),
                "{error:?}"
            );
        }
    }
    is_unknown(&*processes[0], &id).await;
    is_stored(&*processes[1], &digest, &content).await;
}

/// Two that write at once: the loser is refused when it opens, or when it ends. What is stored is one's, whole.
pub async fn of_two_writers_one_wins(subject: &Subject) {
    let processes = [subject.repository("a"), subject.repository_elsewhere("a")];
    let id = suspended(&*processes[0], &bytes(1, 100)).await;
    let contents = [2, 3].map(|seed| [bytes(1, 100), bytes(seed, 100)].concat());
    let write = async |turn: usize| {
        let mut writer = resume(&*processes[turn], &id).await?;
        writer
            .write(vec![Bytes::copy_from_slice(&contents[turn][100..])])
            .await?;
        writer.commit(&Digest::sha256(&contents[turn])).await
    };

    let results = future::join(write(0), write(1)).await;

    let mut winners = 0;
    for (turn, result) in [results.0, results.1].into_iter().enumerate() {
        match result {
            Ok(descriptor) => {
                winners += 1;
                let content = Bytes::copy_from_slice(&contents[turn]);
                is_stored(&*processes[0], &descriptor.digest, &content).await;
            }
            // A mismatch where one found the other's bytes behind its own first look.
            Err(Error::UploadUnknown { .. } | Error::UploadOffset { .. } | Error::DigestMismatch { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners, 1, "one of two writers wins");
    is_unknown(&*processes[0], &id).await;
}

/// In one repository and in two: the second finds the content there.
pub async fn one_blob_can_be_uploaded_twice(subject: &Subject) {
    let content = bytes(1, 1000);
    let digest = Digest::sha256(&content);
    for name in ["a", "a", "b"] {
        let repository = subject.repository(name);
        let mut writer = start(&*repository).await;
        let id = writer.id();
        writer.write(vec![content.clone()]).await.unwrap();
        writer.commit(&digest).await.unwrap();
        is_unknown(&*repository, &id).await;
        is_stored(&*repository, &digest, &content).await;
    }
}

/// The blob is found by the digest it was given, and described by it.
pub async fn every_algorithm_names_an_upload(subject: &Subject) {
    let repository = subject.repository("a");
    for algorithm in Algorithm::ALL {
        let content = bytes(1, 1000);
        let digest = Digest::of(algorithm, &content);
        let id = suspended(&*repository, &content).await;
        let writer = resume(&*repository, &id).await.unwrap();
        let descriptor = writer.commit(&digest).await.unwrap();
        assert_eq!(descriptor.digest, digest);
        is_stored(&*repository, &digest, &content).await;
    }
}

/// So that nothing has to be read twice.
pub async fn an_announced_algorithm_names_an_upload(subject: &Subject) {
    let repository = subject.repository("a");
    for algorithm in Algorithm::ALL {
        let content = bytes(1, 1000);
        let digest = Digest::of(algorithm, &content);
        let mut writer = start_with(&*repository, announced(algorithm)).await;
        writer.write(vec![content.clone()]).await.unwrap();
        writer.commit(&digest).await.unwrap();
        is_stored(&*repository, &digest, &content).await;
    }
}

/// Announced is not promised.
pub async fn an_announced_algorithm_binds_nobody(subject: &Subject) {
    let repository = subject.repository("a");
    for (announcement, used) in [
        (Algorithm::Sha512, Algorithm::Sha256),
        (Algorithm::Sha256, Algorithm::Sha512),
        (Algorithm::Sha512, Algorithm::Sha384),
    ] {
        let content = bytes(1, 1000);
        let digest = Digest::of(used, &content);
        let mut writer = start_with(&*repository, announced(announcement)).await;
        writer.write(vec![content.clone()]).await.unwrap();
        writer.commit(&digest).await.unwrap();
        is_stored(&*repository, &digest, &content).await;
    }
}

/// Several interruptions, then a wrong digest, then the right one.
pub async fn an_announced_algorithm_survives_suspending(subject: &Subject) {
    let repository = subject.repository("a");
    let content = bytes(1, 1000);
    for algorithm in [Algorithm::Sha384, Algorithm::Sha512] {
        let digest = Digest::of(algorithm, &content);
        let writer = start_with(&*repository, announced(algorithm)).await;
        let id = writer.id();
        writer.suspend().await.unwrap();
        for piece in [content.slice(..400), content.slice(400..)] {
            let mut writer = resume(&*subject.repository_elsewhere("a"), &id).await.unwrap();
            writer.write(vec![piece]).await.unwrap();
            writer.suspend().await.unwrap();
        }
        let wrong = Digest::of(algorithm, b"something else");
        let writer = resume(&*repository, &id).await.unwrap();
        fails!(writer.commit(&wrong).await, Error::DigestMismatch { .. });
        let writer = resume(&*repository, &id).await.unwrap();
        writer.commit(&digest).await.unwrap();
        is_stored(&*repository, &digest, &content).await;
    }
}

/// An upload is nobody's content yet.
pub async fn with_deletion_off_an_upload_can_be_cancelled(subject: &Subject) {
    let repository = subject.repository("a");
    let id = suspended(&*repository, &bytes(1, 10)).await;
    resume(&*repository, &id).await.unwrap().cancel().await.unwrap();
    is_unknown(&*repository, &id).await;
}

fn announced(algorithm: Algorithm) -> CreateOptions {
    CreateOptions {
        algorithm: Some(algorithm),
        ..CreateOptions::default()
    }
}

/// A session that has received `content` and is not being written.
async fn suspended(repository: &dyn Repository, content: &Bytes) -> UploadId {
    let mut writer = start(repository).await;
    writer.write(vec![content.clone()]).await.unwrap();
    let id = writer.id();
    writer.suspend().await.unwrap();
    id
}

async fn resume(repository: &dyn Repository, id: &UploadId) -> Result<Box<dyn BlobWriter>> {
    repository.blobs().resume(id, ResumeOptions::default()).await
}

async fn is_resumed(beginning: &dyn Repository, continuing: &dyn Repository) {
    let content = bytes(1, 1000);
    let mut writer = start(beginning).await;
    let (id, started_at) = (writer.id(), writer.started_at());
    writer.write(vec![content.slice(..300)]).await.unwrap();
    writer.suspend().await.unwrap();

    let status = continuing.blobs().upload_status(&id).await.unwrap();
    assert_eq!(status.size, 300);
    let expected = ResumeOptions {
        expected_size: Some(300),
        ..ResumeOptions::default()
    };
    let mut writer = continuing.blobs().resume(&id, expected).await.unwrap();
    assert_eq!((writer.id(), writer.size()), (id, 300));
    assert_eq!(whole_seconds(writer.started_at()), whole_seconds(started_at));
    writer.write(vec![content.slice(300..)]).await.unwrap();
    assert_eq!(writer.size(), 1000);
    let digest = Digest::sha256(&content);
    writer.commit(&digest).await.unwrap();
    is_stored(beginning, &digest, &content).await;
}

/// After a wrong digest the session is there with all its bytes, and ends well with the right one.
async fn survives(repository: &dyn Repository, id: &UploadId, content: &Bytes) {
    let status = repository.blobs().upload_status(id).await.unwrap();
    assert_eq!(status.size, content.len() as u64);
    let digest = Digest::sha256(content);
    fails!(
        repository.blobs().stat(&digest, Trust::Stored).await,
        Error::BlobUnknown { .. }
    );
    let writer = resume(repository, id).await.unwrap();
    assert_eq!(writer.size(), content.len() as u64);
    writer.commit(&digest).await.unwrap();
    is_stored(repository, &digest, content).await;
}

async fn is_unknown(repository: &dyn Repository, id: &UploadId) {
    let blobs = repository.blobs();
    fails!(blobs.upload_status(id).await, Error::UploadUnknown { id: named } if named == *id);
    let opened = resume(repository, id).await;
    fails!(opened, Error::UploadUnknown { id: named } if named == *id);
}

async fn is_stored(repository: &dyn Repository, digest: &Digest, content: &Bytes) {
    for trust in [Trust::Cached, Trust::Stored] {
        let stat = repository.blobs().stat(digest, trust).await.unwrap();
        assert_eq!((stat.digest, stat.size), (*digest, content.len() as u64));
    }
    assert_eq!(&repository.blobs().get(digest, LIMIT).await.unwrap(), content);
}

/// The storage layout of distribution v3 keeps whole seconds.
fn whole_seconds(time: SystemTime) -> Duration {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Duration::from_secs(since.as_secs())
}
