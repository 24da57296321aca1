use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use hythe_driver::{CommitOptions, ErrorKind, PutOptions, ReadRange};

use crate::fixture::{Fixture, assert_fails, path};
use crate::sample::{MEBIBYTE, read_all, sample, write_all};

async fn check_stream(store: &Fixture, content: &[u8]) {
    let mut writer = store.new_writer("/directory/file").await;
    write_all(&mut writer, content).await;
    writer.commit(CommitOptions::default()).await.unwrap();
    let read = store.read("/directory/file", ReadRange::Full).await;
    assert!(read == content, "{} bytes", content.len());
}

/// One byte through a writer (distribution: `TestWriteReadStreams1`).
pub async fn one_written_byte_is_read_back(store: Fixture) {
    check_stream(&store, b"a").await;
}

/// Text through a writer (distribution: `TestWriteReadStreams2`).
pub async fn written_text_is_read_back(store: Fixture) {
    check_stream(&store, "ütf-8".as_bytes()).await;
}

/// Some bytes through a writer (distribution: `TestWriteReadStreams3`).
pub async fn some_written_bytes_are_read_back(store: Fixture) {
    check_stream(&store, &sample(1, 32)).await;
}

/// A mebibyte through a writer (distribution: `TestWriteReadStreams4`).
pub async fn a_written_mebibyte_is_read_back(store: Fixture) {
    check_stream(&store, &sample(2, MEBIBYTE)).await;
}

/// Bytes that are no text through a writer (distribution: `TestWriteReadStreamsNonUTF8`).
pub async fn written_bytes_that_are_no_text_are_read_back(store: Fixture) {
    check_stream(&store, &[0x80; 4]).await;
}

/// Ranges begin and end where they say (distribution: `TestReaderWithOffset`).
pub async fn a_range_is_read_exactly(store: Fixture) {
    let content = sample(3, 96);
    store.put("/file", &content).await;
    let bounded = |offset, length| ReadRange::Bounded { offset, length };
    for (range, expected) in [
        (ReadRange::Full, 0..96),
        (ReadRange::From(0), 0..96),
        (ReadRange::From(32), 32..96),
        (ReadRange::From(64), 64..96),
        (ReadRange::From(95), 95..96),
        (bounded(0, 1), 0..1),
        (bounded(31, 2), 31..33),
        (bounded(90, 100), 90..96),
        (bounded(10, 0), 10..10),
        (ReadRange::Suffix(1), 95..96),
        (ReadRange::Suffix(96), 0..96),
        (ReadRange::Suffix(1000), 0..96),
    ] {
        let read = store.open("/file", range).await.unwrap();
        assert_eq!(read.range, expected, "{range:?}");
        let expected = &content[expected.start as usize..expected.end as usize];
        assert_eq!(read_all(read).await, expected, "{range:?}");
    }
}

/// Beyond the end there are no bytes, and that is no error.
pub async fn a_range_beyond_the_end_is_empty(store: Fixture) {
    store.put("/file", sample(4, 96)).await;
    for range in [
        ReadRange::From(96),
        ReadRange::From(u64::MAX),
        ReadRange::Bounded {
            offset: 97,
            length: u64::MAX,
        },
        ReadRange::Suffix(0),
    ] {
        let read = store.open("/file", range).await.unwrap();
        assert_eq!(read.range, 96..96, "{range:?}");
        assert!(read_all(read).await.is_empty(), "{range:?}");
    }
}

/// An empty file has no bytes in any range.
pub async fn every_range_of_an_empty_file_is_empty(store: Fixture) {
    store.put("/file", "").await;
    for range in [ReadRange::Full, ReadRange::From(1), ReadRange::Suffix(5)] {
        let read = store.open("/file", range).await.unwrap();
        assert_eq!((read.info.size(), read.range.clone()), (0, 0..0), "{range:?}");
        assert!(read_all(read).await.is_empty());
    }
}

/// What is told about the file is about all of it.
pub async fn a_read_tells_the_size_of_the_whole_file(store: Fixture) {
    store.put("/a/file", sample(5, 5000)).await;
    let read = store.open("/a/file", ReadRange::Suffix(10)).await.unwrap();
    assert_eq!(read.info.size(), 5000);
    assert_eq!(read.info.path, path("/a/file"));
    assert!(!read.info.is_directory());
}

/// A missing file, from any offset (distribution: `TestReadNonexistentStream`).
pub async fn reading_a_missing_file_is_not_found(store: Fixture) {
    for range in [ReadRange::Full, ReadRange::From(64)] {
        let read = store.open("/missing/file", range).await;
        assert_fails(read, ErrorKind::NotFound, "/missing/file");
    }
}

/// A directory cannot be read.
pub async fn reading_a_directory_is_not_a_file(store: Fixture) {
    if !store.has_directories("reading_a_directory_is_not_a_file") {
        return;
    }
    store.put("/directory/file", "x").await;
    for at in ["/directory", "/"] {
        let read = store.open(at, ReadRange::Full).await;
        assert_fails(read, ErrorKind::NotAFile, at);
    }
}

/// Who has opened a file reads what it was then, though it is replaced.
pub async fn a_reader_keeps_its_version_when_the_file_is_replaced(store: Fixture) {
    let old = sample(6, MEBIBYTE);
    store.put("/file", &old).await;
    let read = store.open("/file", ReadRange::Full).await.unwrap();
    store.put("/file", sample(7, 100)).await;
    assert!(read_all(read).await == old);
}

/// The same when a writer starts over at its path.
pub async fn a_reader_keeps_its_version_when_the_file_is_written_anew(store: Fixture) {
    let old = sample(6, MEBIBYTE);
    store.put("/file", &old).await;
    let read = store.open("/file", ReadRange::Full).await.unwrap();
    let mut writer = store.new_writer("/file").await;
    write_all(&mut writer, b"new").await;
    writer.commit(CommitOptions::default()).await.unwrap();
    assert!(read_all(read).await == old);
    assert_eq!(store.get("/file").await, b"new");
}

/// The same when it is deleted.
pub async fn a_reader_keeps_its_version_when_the_file_is_deleted(store: Fixture) {
    let old = sample(8, MEBIBYTE);
    store.put("/a/b/file", &old).await;
    let read = store.open("/a/b/file", ReadRange::From(1)).await.unwrap();
    store.delete("/a").await.unwrap();
    assert!(read_all(read).await == old[1..]);
}

/// Readers see the old content or the new, never a mixture and never nothing.
pub async fn readers_see_a_replaced_file_whole(store: Fixture) {
    const VERSIONS: u64 = 40;
    let versions: Arc<Vec<Vec<u8>>> = Arc::new(
        (0..VERSIONS)
            .map(|seed| sample(seed, 20_000 + seed as usize))
            .collect(),
    );
    store.put("/file", &versions[0]).await;
    let is_done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (driver, versions, is_done) = (store.other.clone(), versions.clone(), is_done.clone());
            tokio::spawn(async move {
                while !is_done.load(Ordering::Relaxed) {
                    let content = driver.get_content(&path("/file"), u64::MAX).await.unwrap();
                    assert!(versions.iter().any(|version| *version == content));
                    let read = driver.read(&path("/file"), ReadRange::Full).await.unwrap();
                    let content = read_all(read).await;
                    assert!(versions.contains(&content));
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let at = path("/file");
    for version in versions.iter() {
        let content = version.clone().into();
        let put = store.driver.put_content(&at, content, PutOptions::default());
        put.await.unwrap();
    }
    is_done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Many read one file at once (distribution: `TestConcurrentStreamReads`).
pub async fn many_read_one_file_at_once(store: Fixture) {
    let content = Arc::new(sample(9, 10 * MEBIBYTE));
    let mut writer = store.new_writer("/file").await;
    write_all(&mut writer, &content).await;
    writer.commit(CommitOptions::default()).await.unwrap();
    let readers = (0..10_usize).map(|index| {
        let (driver, content) = (store.driver.clone(), content.clone());
        let offset = (index * 7_654_321) % content.len();
        tokio::spawn(async move {
            let range = ReadRange::From(offset as u64);
            let read = driver.read(&path("/file"), range).await.unwrap();
            assert!(read_all(read).await == content[offset..]);
        })
    });
    for reader in join_all(readers).await {
        reader.unwrap();
    }
}
