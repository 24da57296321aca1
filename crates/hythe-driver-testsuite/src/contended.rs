use bytes::Bytes;
use hythe_driver::{CommitOptions, ErrorKind, PutMode, Result, WriterMode};

use crate::fixture::{Fixture, mode_after, path};
use crate::sample::{BATCH_BYTES, sample, write_all};

/// Enough for a part of any backend.
const LARGE_BYTES: usize = 40 * BATCH_BYTES;

fn to_blob() -> CommitOptions {
    CommitOptions {
        destination: Some(path("/blobs/one/data")),
        mode: PutMode::Create,
    }
}

/// A writer that claimed an upload and one that went on from its claim: the content is the second one's, or nobody's.
pub async fn two_writers_of_one_upload_do_not_mix(store: Fixture) {
    if !store.resumes_by_token("two_writers_of_one_upload_do_not_mix") {
        return;
    }
    let at = "/uploads/one/data";
    let (ours, theirs) = (sample(1, LARGE_BYTES), sample(2, LARGE_BYTES));
    let mut first = store.new_writer(at).await;
    let claim = first.claim(LARGE_BYTES as u64).await.unwrap();
    let claim = claim.expect("so much is claimed");
    write_all(&mut first, &theirs[..LARGE_BYTES / 2]).await;
    let mut second = store
        .other
        .writer(&path(at), WriterMode::Resume(claim))
        .await
        .unwrap();
    assert_eq!(second.size(), 0, "a claim leaves out what is written after it");
    let finished: Result<()> = async {
        let claim = second.claim(LARGE_BYTES as u64).await?;
        assert!(claim.is_some(), "every writer claims for itself");
        for (ours, theirs) in ours.chunks(BATCH_BYTES).zip(theirs.chunks(BATCH_BYTES)) {
            second.write(vec![Bytes::copy_from_slice(ours)]).await?;
            // Where parts can only follow each other, one of the two is refused.
            let _ = first.write(vec![Bytes::copy_from_slice(theirs)]).await;
        }
        let token = second.suspend().await?.expect("a token is needed");
        first.abandon(Some(token.clone())).await?;
        let writer = store.driver.writer(&path(at), WriterMode::Resume(token)).await?;
        writer.commit(to_blob()).await
    }
    .await;
    match finished {
        Ok(()) => assert!(store.get("/blobs/one/data").await == ours),
        Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidToken, "{error}"),
    }
}

/// A writer that is abandoned before anybody else went on leaves nothing.
pub async fn an_abandoned_writer_leaves_nothing(store: Fixture) {
    if !store.resumes_by_token("an_abandoned_writer_leaves_nothing") {
        return;
    }
    for length in [10, 2 * BATCH_BYTES, LARGE_BYTES] {
        let at = "/uploads/one/data";
        let mut writer = store.new_writer(at).await;
        writer.claim(length as u64).await.unwrap();
        write_all(&mut writer, &sample(3, length)).await;
        let mode = mode_after(writer).await;
        let writer = store.other.writer(&path(at), mode).await.unwrap();
        writer.abandon(None).await.unwrap();
        check_nothing_is_left(&store, at).await;
    }
}

/// Cancelling leaves neither files nor an upload that can be found.
pub async fn a_cancelled_upload_leaves_nothing(store: Fixture) {
    for length in [0, 10, 2 * BATCH_BYTES, LARGE_BYTES] {
        let at = "/uploads/one/data";
        let mut writer = store.new_writer(at).await;
        write_all(&mut writer, &sample(4, length)).await;
        let writer = store.reopen(at, writer).await;
        writer.cancel().await.unwrap();
        check_nothing_is_left(&store, at).await;
    }
}

/// An upload whose token was lost is continued, or at least removed, by drivers that can find it by its path.
pub async fn an_upload_is_found_by_its_path(store: Fixture) {
    let (at, content) = ("/uploads/one/data", sample(5, LARGE_BYTES));
    let mut writer = store.new_writer(at).await;
    write_all(&mut writer, &content).await;
    let lost = mode_after(writer).await;
    if matches!(lost, WriterMode::Append) {
        // It never needs a token.
        return;
    }
    let mut writer = match store.other.writer(&path(at), WriterMode::Append).await {
        Ok(writer) => writer,
        Err(error) => {
            let kinds = [ErrorKind::NotFound, ErrorKind::Unsupported];
            assert!(kinds.contains(&error.kind()), "{error}");
            return;
        }
    };
    let size = writer.size() as usize;
    assert!(size <= content.len(), "{size}");
    write_all(&mut writer, b"end").await;
    let writer = store.reopen(at, writer).await;
    writer.commit(to_blob()).await.unwrap();
    assert!(store.get("/blobs/one/data").await == [&content[..size], b"end"].concat());
}

async fn check_nothing_is_left(store: &Fixture, at: &str) {
    let append = store.writer(at, WriterMode::Append).await;
    let refused = append
        .map(|writer| writer.size())
        .expect_err("nothing is to be continued");
    let kinds = [ErrorKind::NotFound, ErrorKind::Unsupported];
    assert!(kinds.contains(&refused.kind()), "{refused}");
    let listed = store.list("/uploads/one").await;
    let is_empty = listed.map_or_else(|error| error.is_not_found(), |listed| listed.is_empty());
    assert!(is_empty, "files are left of {at}");
}
