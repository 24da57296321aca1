use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{BlobWriter, Error, UploadId};
use hythe_driver::{DriverPath, WriterMode};
use hythe_driver_inmemory::InMemoryDriver;

use super::{ID, content, files, name, names, put, reopen, state};
use crate::core::Core;
use crate::options::RegistryOptions;
use crate::upload::{create, status};

fn core() -> Arc<Core> {
    super::core_over(InMemoryDriver::new())
}

/// An upload as distribution v3 leaves it between two requests.
async fn begun_by_the_original(core: &Core, data: &[u8], states: &[(&str, Vec<u8>)]) -> UploadId {
    let id = UploadId::parse(ID).unwrap();
    let layout = &core.layout;
    put(
        core,
        &layout.upload_started_at(&name(), &id),
        "2026-11-21T18:14:09Z",
    )
    .await;
    let path = layout.upload_data(&name(), &id);
    let mut writer = core.driver.writer(&path, WriterMode::Create).await.unwrap();
    writer.write(vec![Bytes::copy_from_slice(data)]).await.unwrap();
    writer.suspend().await.unwrap();
    for (offset, state) in states {
        let directory = layout.upload_hash_states(&name(), &id);
        let path = DriverPath::parse(&format!("{directory}/sha256/{offset}")).unwrap();
        put(core, &path, state).await;
    }
    id
}

#[tokio::test]
async fn a_new_session_has_the_files_of_the_original() {
    let core = core();
    let upload = Box::new(create(&core, &name(), None).await.unwrap());
    let id = upload.id();
    upload.suspend().await.unwrap();
    assert_eq!(
        files(&core).await,
        [
            (format!("_uploads/{id}/data"), Bytes::new()),
            (
                format!("_uploads/{id}/startedat"),
                Bytes::from("2026-11-21T18:14:09Z")
            ),
        ]
    );
}

#[tokio::test]
async fn a_suspended_session_has_the_files_of_the_original() {
    let core = core();
    let mut upload = Box::new(create(&core, &name(), None).await.unwrap());
    let id = upload.id();
    upload.write(vec![content(100)]).await.unwrap();
    upload.suspend().await.unwrap();
    assert_eq!(
        files(&core).await,
        [
            (format!("_uploads/{id}/data"), content(100)),
            (
                format!("_uploads/{id}/hashstates/sha256/100"),
                Bytes::from(state(&content(100)))
            ),
            (
                format!("_uploads/{id}/startedat"),
                Bytes::from("2026-11-21T18:14:09Z")
            ),
        ]
    );
}

#[tokio::test]
async fn a_finished_upload_leaves_content_and_link() {
    for algorithm in Algorithm::ALL {
        let core = core();
        let mut upload = Box::new(create(&core, &name(), Some(algorithm)).await.unwrap());
        upload.write(vec![content(100)]).await.unwrap();
        let digest = Digest::of(algorithm, &content(100));
        let stored = upload.commit(&digest).await.unwrap();
        assert_eq!((stored.digest, stored.size), (digest, 100));
        let hex = digest.hex();
        assert_eq!(
            files(&core).await,
            [
                (
                    format!("blobs/{algorithm}/{}/{hex}/data", &hex[..2]),
                    content(100)
                ),
                (
                    format!("_layers/{algorithm}/{hex}/link"),
                    Bytes::from(digest.to_string())
                ),
            ]
        );
    }
}

#[tokio::test]
async fn an_upload_that_is_removed_while_it_is_written_is_unknown() {
    let core = core();
    let mut upload = Box::new(create(&core, &name(), None).await.unwrap());
    upload.write(vec![content(10)]).await.unwrap();
    let directory = core.layout.upload(&name(), &upload.id());
    core.driver.delete(&directory).await.unwrap();
    let written = upload.write(vec![content(10)]).await;
    assert!(matches!(written, Err(Error::UploadUnknown { .. })), "{written:?}");
}

#[tokio::test]
async fn a_cancelled_upload_leaves_nothing() {
    let core = core();
    let mut upload = Box::new(create(&core, &name(), Some(Algorithm::Sha512)).await.unwrap());
    let id = upload.id();
    upload.write(vec![content(100)]).await.unwrap();
    upload.suspend().await.unwrap();
    reopen(&core, &id).await.unwrap().cancel().await.unwrap();
    assert_eq!(names(&core).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_of_the_original_is_finished_whatever_its_hash_states_say() {
    let whole = content(300);
    let mut of_other_bytes = state(&content(100));
    of_other_bytes[0] = b'x';
    for states in [
        vec![],
        vec![("0", state(b""))],
        vec![("0", state(b"")), ("100", state(&whole[..100]))],
        vec![("100", of_other_bytes)],
        vec![("100", b"gob".to_vec())],
        vec![("100", state(&whole[..99]))],
        vec![("0x64", state(&whole[..100])), ("not-a-number", Vec::new())],
    ] {
        let core = core();
        let id = begun_by_the_original(&core, &whole[..100], &states).await;
        let found = status(&core, &name(), &id).await.unwrap();
        assert_eq!(found.size, 100);
        let mut upload = reopen(&core, &id).await.unwrap();
        upload.write(vec![whole.slice(100..)]).await.unwrap();
        let digest = Digest::sha256(&whole);
        upload.commit(&digest).await.unwrap();
        let stored = core
            .driver
            .get_content(&core.layout.blob_data(&digest), 1000)
            .await;
        assert_eq!(stored.unwrap(), whole, "{states:?}");
    }
}

#[tokio::test]
async fn a_session_without_start_time_is_unknown() {
    let core = core();
    let id = begun_by_the_original(&core, b"data", &[]).await;
    let started_at = core.layout.upload_started_at(&name(), &id);
    core.driver.delete(&started_at).await.unwrap();
    let unknown = |error| matches!(error, Error::UploadUnknown { .. });
    assert!(unknown(reopen(&core, &id).await.unwrap_err()));
    assert!(unknown(status(&core, &name(), &id).await.unwrap_err()));

    put(&core, &started_at, "2026-11-21T18:14:09Z\n").await;
    assert!(matches!(reopen(&core, &id).await, Err(Error::Damaged { .. })));
}

#[tokio::test]
async fn one_writer_at_a_time_writes_a_session() {
    let core = core();
    let mut first = Box::new(create(&core, &name(), None).await.unwrap());
    first.write(vec![content(100)]).await.unwrap();
    let id = first.id();
    let second = reopen(&core, &id).await;
    assert!(
        matches!(second, Err(Error::UploadOffset { size: 100, .. })),
        "{second:?}"
    );
    first.commit(&Digest::sha256(&content(100))).await.unwrap();
    assert!(matches!(
        reopen(&core, &id).await,
        Err(Error::UploadUnknown { .. })
    ));
}

#[tokio::test]
async fn content_that_is_stored_is_used_again_and_damaged_content_is_replaced() {
    let digest = Digest::sha256(&content(100));
    for before in [content(100), content(99), Bytes::new()] {
        let core = core();
        put(&core, &core.layout.blob_data(&digest), &before).await;
        let mut upload = Box::new(create(&core, &name(), None).await.unwrap());
        upload.write(vec![content(100)]).await.unwrap();
        upload.commit(&digest).await.unwrap();
        let files = files(&core).await;
        assert_eq!(files.len(), 2, "{files:?}");
        assert_eq!(files[0].1, content(100));
    }
}

#[tokio::test]
async fn an_upload_whose_link_could_not_be_made_is_committed_again() {
    let core = core();
    let mut upload = Box::new(create(&core, &name(), None).await.unwrap());
    let id = upload.id();
    upload.write(vec![content(100)]).await.unwrap();
    let digest = Digest::sha256(&content(100));
    // A directory where the link must be.
    let link = core.layout.layer_link(&name(), &digest);
    put(&core, &link.join("obstacle").unwrap(), "").await;
    let failed = upload.commit(&digest).await;
    assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");

    assert_eq!(status(&core, &name(), &id).await.unwrap().size, 100);
    let other = Digest::sha256(b"other");
    let mismatch = reopen(&core, &id).await.unwrap().commit(&other).await;
    assert!(
        matches!(mismatch, Err(Error::DigestMismatch { .. })),
        "{mismatch:?}"
    );
    let mut upload = reopen(&core, &id).await.unwrap();
    let written = upload.write(vec![content(1)]).await;
    assert!(matches!(written, Err(Error::UploadUnknown { .. })), "{written:?}");

    core.driver.delete(&link).await.unwrap();
    let stored = reopen(&core, &id).await.unwrap().commit(&digest).await.unwrap();
    assert_eq!((stored.digest, stored.size), (digest, 100));
    let expected = [core.layout.blob_data(&digest), link].map(|path| path.to_string());
    let left = names(&core).await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        expected
            .iter()
            .zip(&left)
            .all(|(path, name)| path.ends_with(name))
    );
}

#[tokio::test]
async fn content_that_the_session_did_not_receive_is_not_linked() {
    let core = core();
    let secret = Digest::sha256(b"of another repository");
    put(&core, &core.layout.blob_data(&secret), "of another repository").await;
    let id = begun_by_the_original(&core, b"", &[("100", state(&content(100)))]).await;
    let data = core.layout.upload_data(&name(), &id);
    core.driver.delete(&data).await.unwrap();
    for digest in [
        secret,
        Digest::of(Algorithm::Sha512, b"x"),
        Digest::sha256(&content(100)),
    ] {
        let upload = reopen(&core, &id).await.unwrap();
        upload.commit(&digest).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_write_that_was_abandoned_does_not_falsify_the_digest() {
    let core = core();
    let mut upload = Box::new(create(&core, &name(), None).await.unwrap());
    let large = content(1024 * 1024);
    // The hashing runs on another thread, so the future is not finished at its first poll.
    let _ = upload.write(vec![large.clone()]).now_or_never();
    let arrived = upload.size() as usize;
    upload.write(vec![Bytes::from("end")]).await.unwrap();
    let expected = [&large[..arrived], b"end"].concat();
    upload.commit(&Digest::sha256(&expected)).await.unwrap();
}

#[tokio::test]
async fn without_resumable_digests_no_state_is_kept_nor_needed() {
    let options = RegistryOptions {
        resumable_digests: false,
        ..RegistryOptions::default()
    };
    let core = Arc::new(Core::new(Arc::new(InMemoryDriver::new()), options));
    let mut upload = Box::new(create(&core, &name(), None).await.unwrap());
    let id = upload.id();
    upload.write(vec![content(100)]).await.unwrap();
    upload.suspend().await.unwrap();
    assert_eq!(names(&core).await.len(), 2);
    let digest = Digest::sha256(&content(100));
    reopen(&core, &id).await.unwrap().commit(&digest).await.unwrap();
}
