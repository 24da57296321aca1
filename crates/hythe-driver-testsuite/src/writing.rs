use bytes::Bytes;
use hythe_driver::{CommitOptions, ErrorKind, ReadRange, WriterMode};

use crate::fixture::{Fixture, assert_fails, path};
use crate::sample::{BATCH_BYTES, MEBIBYTE, for_each_piece, sample, write_all};

/// The size counts everything that was written.
pub async fn a_writer_counts_its_bytes(store: Fixture) {
    let mut writer = store.new_writer("/upload").await;
    assert_eq!(writer.size(), 0);
    writer.write(vec!["abc".into(), "de".into()]).await.unwrap();
    assert_eq!(writer.size(), 5);
    writer.write(vec![]).await.unwrap();
    writer.write(vec![Bytes::new()]).await.unwrap();
    assert_eq!(writer.size(), 5);
    let writer = store.reopen("/upload", writer).await;
    assert_eq!(writer.size(), 5);
    writer.cancel().await.unwrap();
}

/// A batch may have any number of pieces, empty ones too.
pub async fn a_batch_of_many_pieces_arrives_in_order(store: Fixture) {
    let content = sample(1, 9000);
    let mut pieces: Vec<Bytes> = content.chunks(3).map(Bytes::copy_from_slice).collect();
    pieces.insert(1500, Bytes::new());
    pieces.push(Bytes::new());
    let mut writer = store.new_writer("/upload").await;
    writer.write(pieces).await.unwrap();
    assert_eq!(writer.size(), 9000);
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(store.get("/upload").await == content);
}

/// An upload of no bytes makes an empty file.
pub async fn an_empty_upload_makes_an_empty_file(store: Fixture) {
    let writer = store.new_writer("/upload").await;
    let options = CommitOptions {
        destination: Some(path("/final/file")),
        ..CommitOptions::default()
    };
    writer.commit(options).await.unwrap();
    assert!(store.get("/final/file").await.is_empty());
    assert!(store.stat("/upload").await.unwrap_err().is_not_found());
}

/// An empty file made by a writer can be continued (distribution: `TestWriteZeroByteStreamThenAppend`).
pub async fn an_empty_committed_file_can_be_appended_to(store: Fixture) {
    if !store.appends("an_empty_committed_file_can_be_appended_to") {
        return;
    }
    let writer = store.new_writer("/a/file").await;
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(store.read("/a/file", ReadRange::Full).await.is_empty());
    check_append(&store, 0).await;
}

/// So can one that was put (distribution: `TestWriteZeroByteContentThenAppend`).
pub async fn an_empty_put_file_can_be_appended_to(store: Fixture) {
    if !store.appends("an_empty_put_file_can_be_appended_to") {
        return;
    }
    store.put("/a/file", "").await;
    check_append(&store, 0).await;
}

/// With the capability, a finished file is continued at its end.
pub async fn a_committed_file_can_be_appended_to(store: Fixture) {
    if !store.appends("a_committed_file_can_be_appended_to") {
        return;
    }
    let mut writer = store.new_writer("/a/file").await;
    write_all(&mut writer, &sample(2, 1000)).await;
    writer.commit(CommitOptions::default()).await.unwrap();
    check_append(&store, 1000).await;
}

async fn check_append(store: &Fixture, present: u64) {
    let mut expected = store.get("/a/file").await;
    let mut writer = store.writer("/a/file", WriterMode::Append).await.unwrap();
    assert_eq!(writer.size(), present);
    write_all(&mut writer, &sample(3, 32)).await;
    writer.commit(CommitOptions::default()).await.unwrap();
    expected.extend(sample(3, 32));
    assert!(store.read("/a/file", ReadRange::Full).await == expected);
}

/// There must be something to append to.
pub async fn appending_to_nothing_is_not_found(store: Fixture) {
    let append = store
        .writer("/missing/upload", WriterMode::Append)
        .await
        .map(|_| ());
    let expected = if store.driver.capabilities().append {
        ErrorKind::NotFound
    } else {
        append.as_ref().unwrap_err().kind()
    };
    assert!(matches!(expected, ErrorKind::NotFound | ErrorKind::Unsupported));
    assert_fails(append, expected, "/missing/upload");
    assert!(store.names("/").await.is_empty());
}

/// A directory cannot be written to, nor what is below a file.
pub async fn a_writer_needs_a_place_for_a_file(store: Fixture) {
    if !store.has_directories("a_writer_needs_a_place_for_a_file") {
        return;
    }
    store.put("/directory/file", "x").await;
    let writer = store.writer("/directory", WriterMode::Create).await;
    assert_fails(writer.map(|_| ()), ErrorKind::NotAFile, "/directory");
    let below = "/directory/file/below";
    let writer = store.writer(below, WriterMode::Create).await;
    assert_fails(writer.map(|_| ()), ErrorKind::NotADirectory, below);
}

/// Starting over discards what another writer left.
pub async fn create_discards_an_unfinished_upload(store: Fixture) {
    let mut writer = store.new_writer("/upload").await;
    write_all(&mut writer, &sample(4, 3 * BATCH_BYTES)).await;
    writer.suspend().await.unwrap();
    let mut writer = store.new_writer("/upload").await;
    assert_eq!(writer.size(), 0);
    write_all(&mut writer, b"new").await;
    writer.commit(CommitOptions::default()).await.unwrap();
    assert_eq!(store.get("/upload").await, b"new");
}

/// Starting over discards a finished file.
pub async fn create_discards_a_finished_file(store: Fixture) {
    store.put("/file", sample(5, 1000)).await;
    let mut writer = store.new_writer("/file").await;
    assert_eq!(writer.size(), 0);
    write_all(&mut writer, b"new").await;
    writer.commit(CommitOptions::default()).await.unwrap();
    assert_eq!(store.get("/file").await, b"new");
}

/// Cancelling leaves nothing behind.
pub async fn cancel_removes_what_was_written(store: Fixture) {
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &sample(6, 3 * BATCH_BYTES)).await;
    writer.cancel().await.unwrap();
    assert!(store.stat("/uploads/one").await.unwrap_err().is_not_found());
    let append = store.writer("/uploads/one", WriterMode::Append).await;
    assert!(append.is_err());
}

/// Cancelling a continued upload removes what the earlier writers wrote too.
pub async fn cancel_removes_what_was_suspended(store: Fixture) {
    let mut writer = store.new_writer("/uploads/one").await;
    write_all(&mut writer, &sample(7, 3 * BATCH_BYTES)).await;
    let mut writer = store.reopen("/uploads/one", writer).await;
    write_all(&mut writer, &sample(8, 10)).await;
    writer.cancel().await.unwrap();
    assert!(store.stat("/uploads/one").await.unwrap_err().is_not_found());
    if store.driver.capabilities().directories {
        assert_eq!(store.names("/uploads").await, Vec::<String>::new());
    } else {
        assert!(store.names("/").await.is_empty());
    }
}

/// Cancelling before anything was written is no error.
pub async fn cancel_of_an_empty_upload_succeeds(store: Fixture) {
    store.new_writer("/upload").await.cancel().await.unwrap();
    assert!(store.stat("/upload").await.unwrap_err().is_not_found());
}

/// A path has one writer at a time, in all processes, where the backend can lock.
pub async fn a_second_writer_is_busy(store: Fixture) {
    if !store.appends("a_second_writer_is_busy") {
        return;
    }
    let mut first = store.new_writer("/upload").await;
    write_all(&mut first, b"one").await;
    for mode in [WriterMode::Append, WriterMode::Create] {
        let second = store.other.writer(&path("/upload"), mode).await;
        assert_fails(second.map(|_| ()), ErrorKind::Busy, "/upload");
    }
    write_all(&mut first, b"two").await;
    drop(first);
    let second = store
        .other
        .writer(&path("/upload"), WriterMode::Append)
        .await
        .unwrap();
    second.commit(CommitOptions::default()).await.unwrap();
    let content = store.get("/upload").await;
    assert!(b"onetwo".starts_with(&content));
}

/// Once its file is deleted, a writer can neither keep nor commit it.
pub async fn a_writer_notices_that_its_file_was_deleted(store: Fixture) {
    if !store.appends("a_writer_notices_that_its_file_was_deleted") {
        return;
    }
    for is_suspended in [true, false] {
        let mut writer = store.new_writer("/uploads/one").await;
        write_all(&mut writer, b"one").await;
        store.delete("/uploads").await.unwrap();
        let ended = if is_suspended {
            writer.suspend().await.map(|_| ())
        } else {
            let options = CommitOptions {
                destination: Some(path("/final")),
                ..CommitOptions::default()
            };
            writer.commit(options).await
        };
        assert_fails(ended, ErrorKind::NotFound, "/uploads/one");
        assert!(store.names("/").await.is_empty());
    }
}

/// A file as large as the disk lets us test (distribution: `TestWriteReadLargeStreams`, 5 GiB); how large is set in
/// bytes by `HYTHE_BIG_FILE_BYTES`.
pub async fn a_big_file_is_read_back(store: Fixture) {
    const DEFAULT_BYTES: u64 = 64 << 20;
    let wanted = std::env::var("HYTHE_BIG_FILE_BYTES");
    let wanted = wanted.map_or(DEFAULT_BYTES, |bytes| bytes.parse().expect("a number of bytes"));
    let block = sample(9, MEBIBYTE);
    let stamped = |index: u64| {
        let mut block = block.clone();
        block[..8].copy_from_slice(&index.to_be_bytes());
        block
    };
    let blocks = wanted.div_ceil(MEBIBYTE as u64);
    let mut writer = store.new_writer("/uploads/big").await;
    for index in 0..blocks {
        writer.write(vec![stamped(index).into()]).await.unwrap();
    }
    let options = CommitOptions {
        destination: Some(path("/big")),
        ..CommitOptions::default()
    };
    writer.commit(options).await.unwrap();
    let read = store.open("/big", ReadRange::Full).await.unwrap();
    assert_eq!(read.info.size(), blocks * MEBIBYTE as u64);
    let (mut index, mut expected) = (0, Vec::new());
    for_each_piece(read, |mut piece| {
        while !piece.is_empty() {
            if expected.is_empty() {
                expected = stamped(index);
                index += 1;
            }
            let length = piece.len().min(expected.len());
            assert!(piece[..length] == expected[..length], "block {index}");
            piece = &piece[length..];
            expected.drain(..length);
        }
    })
    .await;
    assert_eq!((index, expected.len()), (blocks, 0));
}
