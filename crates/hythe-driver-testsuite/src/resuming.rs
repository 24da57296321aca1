use std::future::Future;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hythe_driver::{CommitOptions, ErrorKind, FileWriter, ReadRange, ResumeToken, WriterMode};

use crate::fixture::{Fixture, assert_fails, mode_after, path};
use crate::sample::{BATCH_BYTES, MEBIBYTE, sample, write_all};

async fn check_chunks(store: &Fixture, chunk_bytes: usize) {
    let content = sample(1, 3 * chunk_bytes);
    let mut writer = store.new_writer("/uploads/one").await;
    for (index, chunk) in content.chunks(chunk_bytes).enumerate() {
        assert_eq!(writer.size(), (index * chunk_bytes) as u64);
        write_all(&mut writer, chunk).await;
        writer = store.reopen("/uploads/one", writer).await;
    }
    assert_eq!(writer.size(), content.len() as u64);
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(store.read("/uploads/one", ReadRange::Full).await == content);
}

/// Large chunks, each by another writer (distribution: `TestContinueStreamAppendLarge`).
pub async fn an_upload_continues_in_large_chunks(store: Fixture) {
    check_chunks(&store, 10 * MEBIBYTE).await;
}

/// Small chunks, each by another writer (distribution: `TestContinueStreamAppendSmall`).
pub async fn an_upload_continues_in_small_chunks(store: Fixture) {
    check_chunks(&store, 32).await;
}

/// Chunks around the sizes where drivers change their ways.
pub async fn an_upload_continues_in_chunks_of_odd_sizes(store: Fixture) {
    let minimum = store.driver.capabilities().minimum_part_bytes;
    let part = minimum.map_or(BATCH_BYTES, |bytes| bytes as usize);
    let sizes = [
        1,
        part - 1,
        part,
        part + 1,
        7,
        2 * part + 3,
        BATCH_BYTES,
        0,
        2 * part,
    ];
    let content = sample(2, sizes.iter().sum());
    let mut writer = store.new_writer("/uploads/one").await;
    let mut written = 0;
    for size in sizes {
        write_all(&mut writer, &content[written..written + size]).await;
        written += size;
        writer = store.reopen("/uploads/one", writer).await;
        assert_eq!(writer.size(), written as u64);
    }
    let options = CommitOptions {
        destination: Some(path("/final")),
        ..CommitOptions::default()
    };
    writer.commit(options).await.unwrap();
    assert!(store.read("/final", ReadRange::Full).await == content);
    assert_eq!(store.driver.delete(&path("/final")).await.ok(), Some(()));
}

/// An upload of which nothing came yet can be continued.
pub async fn an_empty_upload_continues(store: Fixture) {
    let writer = store.new_writer("/uploads/one").await;
    let mut writer = store.reopen("/uploads/one", writer).await;
    assert_eq!(writer.size(), 0);
    write_all(&mut writer, b"late").await;
    writer.commit(CommitOptions::default()).await.unwrap();
    assert_eq!(store.get("/uploads/one").await, b"late");
}

/// Suspending again and again changes nothing.
pub async fn suspending_without_writing_keeps_everything(store: Fixture) {
    let content = sample(3, 2 * BATCH_BYTES + 17);
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &content).await;
    for _ in 0..3 {
        writer = store.reopen("/uploads/one", writer).await;
        assert_eq!(writer.size(), content.len() as u64);
    }
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(store.get("/uploads/one").await == content);
}

/// A writer that is dropped keeps at least what was suspended before.
pub async fn a_dropped_writer_keeps_what_was_suspended(store: Fixture) {
    let content = sample(4, 2 * BATCH_BYTES);
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &content[..BATCH_BYTES]).await;
    let mode = mode_after(writer).await;
    let mut writer = store.writer("/uploads/one", mode.clone()).await.unwrap();
    write_all(&mut writer, &content[BATCH_BYTES..]).await;
    drop(writer);
    let writer = store.other.writer(&path("/uploads/one"), mode).await.unwrap();
    let size = writer.size() as usize;
    assert!(size >= BATCH_BYTES, "{size}");
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(store.get("/uploads/one").await == content[..size]);
}

/// A write that is dropped half-way leaves an upload that can be continued, with the batch or without it.
pub async fn a_dropped_write_leaves_the_upload_usable(store: Fixture) {
    let content = sample(5, 3 * BATCH_BYTES);
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &content[..BATCH_BYTES]).await;
    start_and_drop_write(&mut writer, &content[BATCH_BYTES..]);
    // What became of the dropped write is settled by the next call.
    writer.write(vec![]).await.unwrap();
    let size = writer.size() as usize;
    assert!(
        size == BATCH_BYTES || size == content.len(),
        "all of a batch or nothing: {size}"
    );
    write_all(&mut writer, b"end").await;
    writer.commit(CommitOptions::default()).await.unwrap();
    let expected = [&content[..size], b"end"].concat();
    assert!(store.get("/uploads/one").await == expected);
}

/// Dropping writer and write together does not hold the upload forever, nor tear it.
pub async fn a_writer_dropped_while_writing_lets_others_continue(store: Fixture) {
    let content = sample(6, 3 * BATCH_BYTES);
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &content[..BATCH_BYTES]).await;
    let mode = mode_after(writer).await;
    let mut writer = store.writer("/uploads/one", mode.clone()).await.unwrap();
    start_and_drop_write(&mut writer, &content[BATCH_BYTES..]);
    drop(writer);
    let writer = loop {
        match store.other.writer(&path("/uploads/one"), mode.clone()).await {
            Ok(writer) => break writer,
            // The thread that writes has not ended yet.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    let size = writer.size() as usize;
    assert!(size == BATCH_BYTES || size == content.len(), "{size}");
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(store.get("/uploads/one").await == content[..size]);
}

fn start_and_drop_write(writer: &mut Box<dyn FileWriter>, content: &[u8]) {
    let mut write = std::pin::pin!(writer.write(vec![Bytes::copy_from_slice(content)]));
    let mut cx = Context::from_waker(Waker::noop());
    match write.as_mut().poll(&mut cx) {
        Poll::Ready(written) => written.unwrap(),
        Poll::Pending => {}
    }
}

/// A token that no driver made is refused.
pub async fn a_damaged_token_is_invalid(store: Fixture) {
    for bytes in [&b""[..], b"{}", b"nonsense", &[0xff; 300]] {
        let mode = WriterMode::Resume(ResumeToken::new(Bytes::copy_from_slice(bytes)));
        let writer = store.writer("/uploads/one", mode).await;
        assert_fails(writer.map(|_| ()), ErrorKind::InvalidToken, "/uploads/one");
    }
}

/// A token is good for its own path only.
pub async fn a_token_of_another_path_is_invalid(store: Fixture) {
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &sample(7, 3 * BATCH_BYTES)).await;
    if let Some(token) = writer.suspend().await.unwrap() {
        let writer = store.writer("/uploads/two", WriterMode::Resume(token)).await;
        assert_fails(writer.map(|_| ()), ErrorKind::InvalidToken, "/uploads/two");
    }
}
