//! Over a file system, whose blobs leave the handlers as files.

use std::sync::Arc;

use hythe_driver_filesystem::{FilesystemDriver, FilesystemParameters};
use hythe_testutil::{Content, Random};

use crate::blob::expect_parts;
use crate::server::{Server, storage_over};

#[tokio::test]
async fn blobs_and_their_parts_are_sent_from_files() {
    let root = tempfile::tempdir().unwrap();
    let driver = FilesystemDriver::new(FilesystemParameters::at(root.path())).unwrap();
    let server = Server::over(&storage_over(Arc::new(driver), true), |_| {});
    let blob = Content::blob(Random::new(3).bytes(2048));
    let target = server.push_blob("a", &blob).await;

    server.get(&target).await.expect(200).expect_body(&blob.bytes);
    for (range, expected) in [("bytes=500-1499", 500..1500), ("bytes=-500", 1548..2048)] {
        let answer = server
            .send("GET", &target, &[("range", range)], "")
            .await
            .expect(206);
        answer.expect_body(&blob.bytes[expected]);
    }
    expect_parts(&server, &target, &blob).await;
}
