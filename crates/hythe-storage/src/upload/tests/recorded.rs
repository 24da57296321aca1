use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{BlobWriter, Error, Result, ResumeOptions, UploadId};
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreDriver, ObjectStoreOptions};
use hythe_driver_layers::{Fault, Faulty};

use super::{ID, content, core_on, core_over, name, names, put, reopen, state};
use crate::core::Core;
use crate::links::{self, Link};
use crate::upload::take::take;
use crate::upload::writer::Upload;
use crate::upload::{create, resume, status};

/// A bucket with parts of at least so many bytes.
fn bucket(minimum_part_bytes: u64) -> (Arc<Core>, ObjectStoreDriver) {
    let driver = InMemoryDriver::object_store(ObjectStoreOptions {
        minimum_part_bytes,
        ..ObjectStoreOptions::default()
    });
    (core_over(driver.clone()), driver)
}

async fn resume_at(core: &Arc<Core>, id: &UploadId, expected: u64) -> Result<Box<Upload>> {
    let options = ResumeOptions {
        expected_size: Some(expected),
        mark: None,
    };
    resume(core, &name(), id, options).await.map(Box::new)
}

/// A session that is believed to be empty.
async fn resume_marked(core: &Arc<Core>, id: &UploadId, mark: Option<String>) -> Box<Upload> {
    let options = ResumeOptions {
        expected_size: Some(0),
        mark,
    };
    Box::new(resume(core, &name(), id, options).await.unwrap())
}

/// A session that received `content` in a request of its own.
async fn suspended(core: &Arc<Core>, content: Bytes) -> UploadId {
    let upload = Box::new(create(core, &name(), None).await.unwrap());
    let id = upload.id();
    upload.suspend().await.unwrap();
    let mut upload = resume_at(core, &id, 0).await.unwrap();
    upload.write(vec![content]).await.unwrap();
    upload.suspend().await.unwrap();
    id
}

#[tokio::test]
async fn a_small_upload_takes_few_requests() {
    let (core, driver) = bucket(5 << 20);
    let content = content(20_000);
    let digest = Digest::sha256(&content);
    let check = |step: &str, expected: u64| {
        assert_eq!(driver.operations().total(), expected, "{step}");
        driver.reset_operations();
    };

    let known = links::read(&core, &name(), &Link::Layer(digest)).await;
    assert_eq!(known.unwrap(), None);
    check("HEAD", 1);
    let upload = Box::new(create(&core, &name(), None).await.unwrap());
    let id = upload.id();
    let mark = upload.mark();
    assert!(mark.is_some());
    upload.suspend().await.unwrap();
    check("POST", 1);
    let mut upload = resume_marked(&core, &id, mark).await;
    upload.write(vec![content.clone()]).await.unwrap();
    upload.suspend().await.unwrap();
    check("PATCH", 1);
    let upload = resume_at(&core, &id, 20_000).await.unwrap();
    upload.commit(&digest).await.unwrap();
    // The record is read, and says who closes; content and link are put, the record is deleted.
    check("PUT", 5);
    assert_eq!(names(&core).await.len(), 2);
}

#[tokio::test]
async fn a_session_is_a_record() {
    let (core, _) = bucket(5 << 20);
    let upload = Box::new(create(&core, &name(), None).await.unwrap());
    let id = upload.id();
    let started_at = upload.started_at();
    upload.suspend().await.unwrap();
    assert_eq!(names(&core).await, [format!("_uploads/{id}/session")]);
    let empty = status(&core, &name(), &id).await.unwrap();
    assert_eq!((empty.size, empty.started_at), (0, started_at));

    let id = suspended(&core, content(100)).await;
    let of_session = |name: &String| name.contains(&id.to_string());
    let kept: Vec<_> = names(&core).await.into_iter().filter(of_session).collect();
    assert_eq!(kept, [format!("_uploads/{id}/session")]);
    let received = status(&core, &name(), &id).await.unwrap();
    assert_eq!((received.size, received.started_at), (100, started_at));
    reopen(&core, &id).await.unwrap().cancel().await.unwrap();
    assert!(!names(&core).await.iter().any(of_session));
}

#[tokio::test]
async fn of_two_first_writers_one_is_recorded() {
    for minimum_part_bytes in [10, 5 << 20] {
        let (core, driver) = bucket(minimum_part_bytes);
        let upload = Box::new(create(&core, &name(), None).await.unwrap());
        let id = upload.id();
        upload.suspend().await.unwrap();
        let mut first = resume_at(&core, &id, 0).await.unwrap();
        let mut second = resume_at(&core, &id, 0).await.unwrap();
        first.write(vec![content(100)]).await.unwrap();
        // Where these bytes are a part, the first has claimed the upload before it sent it.
        let written = second.write(vec![Bytes::from(vec![2; 50])]).await;

        first.suspend().await.unwrap();
        let (refused, at) = match written {
            Ok(()) => (second.suspend().await, 100),
            refused => (refused, 0),
        };

        assert!(
            matches!(refused, Err(Error::UploadOffset { size, .. }) if size == at),
            "{refused:?}"
        );
        let begun = driver.operations().create_upload;
        assert_eq!(driver.operations().abort_upload, begun.min(1), "of {begun}");
        let digest = Digest::sha256(&content(100));
        reopen(&core, &id).await.unwrap().commit(&digest).await.unwrap();
    }
}

#[tokio::test]
async fn of_two_that_end_one_session_with_other_bytes_one_wins() {
    let (core, _) = bucket(5 << 20);
    let id = suspended(&core, content(100)).await;
    let mut first = resume_at(&core, &id, 100).await.unwrap();
    let mut second = resume_at(&core, &id, 100).await.unwrap();
    first.write(vec![Bytes::from("first")]).await.unwrap();
    second.write(vec![Bytes::from("second")]).await.unwrap();
    let whole = |end: &[u8]| Digest::sha256(&[&content(100), end].concat());
    first.commit(&whole(b"first")).await.unwrap();
    let refused = second.commit(&whole(b"second")).await;
    assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
    assert_eq!(names(&core).await.len(), 2);
}

#[tokio::test]
async fn a_second_closer_is_told_that_the_session_is_gone() {
    for content in [Bytes::new(), content(100)] {
        let (core, _) = bucket(5 << 20);
        let id = suspended(&core, content.clone()).await;
        let first = reopen(&core, &id).await.unwrap();
        let second = reopen(&core, &id).await.unwrap();
        let digest = Digest::sha256(&content);
        first.commit(&digest).await.unwrap();
        let refused = second.commit(&digest).await;
        assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn who_fails_to_close_a_session_gives_it_back() {
    for minimum_part_bytes in [10, 5 << 20] {
        for failing in 1.. {
            let (_, driver) = bucket(minimum_part_bytes);
            let faulty = Arc::new(Faulty::new(Arc::new(driver)));
            let core = core_on(faulty.clone());
            let id = suspended(&core, content(100)).await;
            let digest = Digest::sha256(&content(100));
            let upload = reopen(&core, &id).await.unwrap();
            faulty.plan(Some(Fault::nth(failing)));
            let committed = upload.commit(&digest).await;
            let was_struck = faulty.struck().is_some();
            faulty.plan(None);
            if committed.is_err() {
                let again = reopen(&core, &id).await.unwrap().commit(&digest).await;
                assert!(again.is_ok(), "call {failing}: {again:?}");
                assert_eq!(names(&core).await.len(), 2, "call {failing}");
            }
            if !was_struck {
                break;
            }
        }
    }
}

#[tokio::test]
async fn nobody_writes_or_ends_what_another_one_closes() {
    let (core, _) = bucket(5 << 20);
    let id = suspended(&core, content(100)).await;
    let mut patch = reopen(&core, &id).await.unwrap();
    let upload = reopen(&core, &id).await.unwrap();
    let cancel = reopen(&core, &id).await.unwrap();
    let closer = reopen(&core, &id).await.unwrap();
    let record = core.layout.upload_session(&name(), &id);
    let taken = take(*upload).await.unwrap();

    patch.write(vec![content(1)]).await.unwrap();
    for refused in [
        patch.suspend().await,
        cancel.cancel().await,
        closer.commit(&Digest::sha256(&content(100))).await.map(|_| ()),
        reopen(&core, &id).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
    }
    assert_eq!(status(&core, &name(), &id).await.unwrap().size, 100);

    // Ten minutes later the one who took it is taken to be dead.
    drop(taken);
    let stored = core.driver.get_content(&record, 10_000).await.unwrap();
    let stored = String::from_utf8(stored.to_vec()).unwrap();
    put(&core, &record, stored.replace("1795284849}", "1795284249}")).await;
    let digest = Digest::sha256(&content(100));
    reopen(&core, &id).await.unwrap().commit(&digest).await.unwrap();
    assert_eq!(names(&core).await.len(), 2);
}

#[tokio::test]
async fn a_cancelled_session_does_not_come_back() {
    for minimum_part_bytes in [10, 5 << 20] {
        for received in [0, 100] {
            let (core, driver) = bucket(minimum_part_bytes);
            let id = suspended(&core, content(received)).await;
            let mut patch = reopen(&core, &id).await.unwrap();
            patch.write(vec![content(50)]).await.unwrap();
            reopen(&core, &id).await.unwrap().cancel().await.unwrap();
            let refused = patch.suspend().await;
            assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
            assert_eq!(names(&core).await.len(), 0);
            assert_eq!(driver.unfinished_uploads(), 0);
        }
    }
}

#[tokio::test]
async fn a_mark_of_what_is_not_so_any_more_is_refused_in_the_end() {
    for (minimum_part_bytes, length) in [(5 << 20, 0), (5 << 20, 50), (10, 50)] {
        let (core, driver) = bucket(minimum_part_bytes);
        let upload = Box::new(create(&core, &name(), None).await.unwrap());
        let (id, mark) = (upload.id(), upload.mark());
        upload.suspend().await.unwrap();

        let write = async |mark| {
            let mut upload = resume_marked(&core, &id, mark).await;
            upload.write(vec![content(length)]).await?;
            upload.suspend().await
        };
        write(mark.clone()).await.unwrap();
        if length > 0 {
            let refused = write(mark.clone()).await;
            let size = length as u64;
            assert!(
                matches!(refused, Err(Error::UploadOffset { size: at, .. }) if at == size),
                "{refused:?}"
            );
        }
        reopen(&core, &id).await.unwrap().cancel().await.unwrap();
        let refused = write(mark.clone()).await;
        assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
        let upload = resume_marked(&core, &id, mark).await;
        let refused = upload.commit(&Digest::sha256(b"")).await;
        assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
        assert_eq!(names(&core).await.len(), 0);
        assert_eq!(driver.unfinished_uploads(), 0);
    }
}

#[tokio::test]
async fn a_cancelled_session_of_the_original_does_not_come_back() {
    let (core, _) = bucket(5 << 20);
    let id = UploadId::parse(ID).unwrap();
    let started_at = core.layout.upload_started_at(&name(), &id);
    put(&core, &started_at, "2026-11-21T18:14:09Z").await;
    let mut patch = resume_at(&core, &id, 0).await.unwrap();
    reopen(&core, &id).await.unwrap().cancel().await.unwrap();
    patch.write(vec![content(50)]).await.unwrap();
    let refused = patch.suspend().await;
    assert!(matches!(refused, Err(Error::UploadUnknown { .. })), "{refused:?}");
    assert_eq!(names(&core).await.len(), 0);
}

#[tokio::test]
async fn an_algorithm_that_nobody_announced_is_computed_from_a_finished_file() {
    for minimum_part_bytes in [10, 5 << 20] {
        let (core, _) = bucket(minimum_part_bytes);
        let id = suspended(&core, content(100)).await;
        let wrong = Digest::of(Algorithm::Sha512, b"wrong");
        for _ in 0..2 {
            let refused = reopen(&core, &id).await.unwrap().commit(&wrong).await;
            assert!(
                matches!(refused, Err(Error::DigestMismatch { .. })),
                "{refused:?}"
            );
            assert_eq!(status(&core, &name(), &id).await.unwrap().size, 100);
        }
        // It was declared complete, so nothing can be added; it can be ended by any right digest.
        let mut upload = reopen(&core, &id).await.unwrap();
        let written = upload.write(vec![content(1)]).await;
        assert!(matches!(written, Err(Error::Unsupported)), "{written:?}");
        let digest = Digest::of(Algorithm::Sha384, &content(100));
        upload.commit(&digest).await.unwrap();
        let stored = core
            .driver
            .get_content(&core.layout.blob_data(&digest), 1000)
            .await;
        assert_eq!(stored.unwrap(), content(100));
        assert_eq!(names(&core).await.len(), 2);
    }
}

#[tokio::test]
async fn content_that_is_stored_is_used_again() {
    for minimum_part_bytes in [10, 5 << 20] {
        let (core, driver) = bucket(minimum_part_bytes);
        let digest = Digest::sha256(&content(100));
        put(&core, &core.layout.blob_data(&digest), content(100)).await;
        let id = suspended(&core, content(100)).await;
        reopen(&core, &id).await.unwrap().commit(&digest).await.unwrap();
        assert_eq!(names(&core).await.len(), 2);
        let operations = driver.operations();
        assert_eq!(
            operations.abort_upload, operations.create_upload,
            "{operations:?}"
        );
    }
}

#[tokio::test]
async fn an_upload_that_the_original_began_leaves_nothing_behind() {
    for content in [Bytes::new(), content(100)] {
        let (core, _) = bucket(5 << 20);
        let id = UploadId::parse(ID).unwrap();
        let layout = &core.layout;
        put(
            &core,
            &layout.upload_started_at(&name(), &id),
            "2026-11-21T18:14:09Z",
        )
        .await;
        let kept = layout.upload_hash_state(&name(), &id, Algorithm::Sha256, 0);
        put(&core, &kept, state(b"")).await;
        assert_eq!(status(&core, &name(), &id).await.unwrap().size, 0);
        let mut upload = resume_at(&core, &id, 0).await.unwrap();
        upload.write(vec![content.clone()]).await.unwrap();
        upload.suspend().await.unwrap();
        let digest = Digest::sha256(&content);
        reopen(&core, &id).await.unwrap().commit(&digest).await.unwrap();
        assert_eq!(names(&core).await.len(), 2);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_damage() {
    let (core, _) = bucket(5 << 20);
    let id = suspended(&core, content(100)).await;
    let record = core.layout.upload_session(&name(), &id);
    for damage in ["", "{}", "null", r#"{"version":2,"startedAt":"","size":0}"#] {
        put(&core, &record, damage).await;
        for found in [
            status(&core, &name(), &id).await.map(|_| ()),
            reopen(&core, &id).await.map(|_| ()),
        ] {
            assert!(matches!(found, Err(Error::Damaged { .. })), "{damage}: {found:?}");
        }
    }
}
