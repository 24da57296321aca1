use hythe_testutil::{Algorithm, Content, Random};

use crate::server::{Server, storage};

const UNKNOWN: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn blob() -> Content {
    Content::blob(Random::new(1).bytes(2048))
}

#[tokio::test]
async fn a_blob_comes_back_as_it_was_put() {
    let server = Server::new();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for bytes in [&b""[..], b"{}", &blob().bytes] {
            let blob = Content::new("x/y", bytes.to_vec(), algorithm);
            let target = server.push_blob("a", &blob).await;
            for method in ["GET", "HEAD"] {
                let body = if method == "GET" { &blob.bytes[..] } else { b"" };
                let answer = server
                    .send(method, &target, &[], "")
                    .await
                    .expect(200)
                    .expect_body(body);
                answer
                    .expect_header("accept-ranges", "bytes")
                    .expect_header("cache-control", "max-age=31536000")
                    .expect_header("content-length", &blob.size().to_string())
                    .expect_header("content-type", "application/octet-stream")
                    .expect_header("docker-content-digest", &blob.digest)
                    .expect_header("etag", &format!("\"{}\"", blob.digest));
            }
        }
    }
}

#[tokio::test]
async fn a_blob_of_another_repository_is_unknown() {
    let server = Server::new();
    let blob = blob();
    server.push_blob("a", &blob).await;
    let target = format!("/v2/b/blobs/{}", blob.digest);
    let answer = server.get(&target).await.expect_error(404, "BLOB_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"], blob.digest);
    server.head(&target).await.expect(404).expect_body(b"");
}

#[tokio::test]
async fn malformed_digests_are_told_apart() {
    let server = Server::new();
    for (digest, detail) in [
        ("sha256:abc", "invalid checksum digest length"),
        ("md5:abc", "unsupported digest algorithm"),
        ("abc", "invalid checksum digest format"),
        (
            &format!("sha256:{}", "G".repeat(64)),
            "invalid checksum digest format",
        ),
    ] {
        for method in ["GET", "DELETE"] {
            let answer = server
                .send(method, &format!("/v2/a/blobs/{digest}"), &[], "")
                .await;
            let answer = answer.expect_error(400, "DIGEST_INVALID");
            assert_eq!(answer.json()["errors"][0]["detail"], detail, "{digest}");
        }
    }
}

#[tokio::test]
async fn one_range_is_answered_with_that_part() {
    let server = Server::new();
    let blob = blob();
    let target = server.push_blob("a", &blob).await;
    for (range, start, end) in [
        ("bytes=500-1499", 500, 1500),
        ("bytes=500-", 500, 2048),
        ("bytes=-500", 1548, 2048),
        ("bytes=2000-5000", 2000, 2048),
        ("bytes=0-0", 0, 1),
        ("bytes=-5000", 0, 2048),
        ("bytes= 1 - 2 ,", 1, 3),
    ] {
        for method in ["GET", "HEAD"] {
            let body = if method == "GET" {
                &blob.bytes[start..end]
            } else {
                b""
            };
            let answer = server
                .send(method, &target, &[("range", range)], "")
                .await
                .expect(206)
                .expect_body(body);
            answer
                .expect_header("content-range", &format!("bytes {start}-{}/2048", end - 1))
                .expect_header("content-length", &(end - start).to_string())
                .expect_header("docker-content-digest", &blob.digest);
        }
    }
}

#[tokio::test]
async fn ranges_that_make_no_sense_are_416_with_a_document() {
    let server = Server::new();
    let blob = blob();
    let target = server.push_blob("a", &blob).await;
    let get = async |range: &str| server.send("GET", &target, &[("range", range)], "").await;
    for range in ["bytes=5000-10000", "bytes=2048-"] {
        let answer = get(range).await.expect_error(416, "RANGE_INVALID");
        answer
            .expect_header("content-range", "bytes */2048")
            .expect_header("docker-content-digest", &blob.digest)
            .expect_no_header("etag");
    }
    for range in [
        "bytes=500-0",
        "bytes=a-b",
        "bytes",
        "lines=1-2",
        "bytes=--1",
        "bytes=1",
        "bytes=99999999999999999999-",
    ] {
        get(range).await.expect_error(416, "RANGE_INVALID");
    }
    get("bytes=").await.expect(200);
}

#[tokio::test]
async fn several_ranges_are_answered_in_parts() {
    let server = Server::new();
    let blob = blob();
    let target = server.push_blob("a", &blob).await;
    expect_parts(&server, &target, &blob).await;
}

/// Asks for three parts of a blob of 2048 bytes.
pub(crate) async fn expect_parts(server: &Server, target: &str, blob: &Content) {
    let headers = [("range", "bytes=0-1, 10-12, -3")];
    let answer = server
        .send("GET", target, &headers, "")
        .await
        .expect(206)
        .expect_no_header("content-range");
    let content_type = answer.header("content-type").unwrap();
    let boundary = content_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let mut expected = Vec::new();
    for (line, start, end) in [("", 0, 2), ("\r\n", 10, 13), ("\r\n", 2045, 2048)] {
        let head = format!(
            "{line}--{boundary}\r\nContent-Range: bytes {start}-{}/2048\r\nContent-Type: application/octet-stream\r\n\r\n",
            end - 1
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&blob.bytes[start..end]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let answer = answer.expect_body(&expected);
    let length = answer.header("content-length").unwrap().to_owned();
    server
        .send("HEAD", target, &headers, "")
        .await
        .expect(206)
        .expect_header("content-length", &length);
}

#[tokio::test]
async fn more_than_there_is_in_parts_is_the_whole() {
    let server = Server::new();
    let blob = blob();
    let target = server.push_blob("a", &blob).await;
    let many: Vec<_> = (0..65).map(|number| format!("{number}-{number}")).collect();
    for range in [
        "bytes=0-2000,0-2000".to_owned(),
        format!("bytes={}", many.join(",")),
    ] {
        server
            .send("GET", &target, &[("range", &range)], "")
            .await
            .expect(200)
            .expect_body(&blob.bytes);
    }
}

#[tokio::test]
async fn an_empty_blob_has_no_parts() {
    let server = Server::new();
    let target = server.push_blob("a", &Content::blob("")).await;
    server
        .send("GET", &target, &[("range", "bytes=0-9")], "")
        .await
        .expect(200)
        .expect_body(b"");
}

#[tokio::test]
async fn conditions_are_heeded() {
    let server = Server::new();
    let blob = blob();
    let target = server.push_blob("a", &blob).await;
    let etag = format!("\"{}\"", blob.digest);
    let send = async |headers: &[(&str, &str)]| server.send("GET", &target, headers, "").await;

    for value in [&etag, "*", &format!("W/{etag}"), &format!("\"x\", {etag}")] {
        let answer = send(&[("if-none-match", value), ("range", "bytes=0-1")])
            .await
            .expect(304)
            .expect_body(b"");
        answer
            .expect_header("etag", &etag)
            .expect_header("cache-control", "max-age=31536000")
            .expect_no_header("content-length");
    }
    send(&[("if-none-match", &blob.digest)]).await.expect(200);
    send(&[("if-match", &etag)]).await.expect(200);
    let answer = send(&[("if-match", "\"x\"")]).await.expect(412).expect_body(b"");
    answer
        .expect_header("content-length", "0")
        .expect_header("etag", &etag)
        .expect_no_header("cache-control");

    send(&[("if-range", &etag), ("range", "bytes=0-1")])
        .await
        .expect(206)
        .expect_body(&blob.bytes[..2]);
    send(&[("if-range", "\"x\""), ("range", "bytes=0-1")])
        .await
        .expect(200)
        .expect_body(&blob.bytes);

    let unknown = format!("/v2/a/blobs/{UNKNOWN}");
    server
        .send("GET", &unknown, &[("if-none-match", "*")], "")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_deleted_blob_is_gone_at_once() {
    let server = Server::new();
    let target = server.push_blob("a", &blob()).await;
    server.get(&target).await.expect(200);
    server
        .delete(&target)
        .await
        .expect(202)
        .expect_body(b"")
        .expect_header("content-length", "0");
    server.get(&target).await.expect(404);
    server.head(&target).await.expect(404);
    let answer = server.delete(&target).await.expect_error(404, "BLOB_UNKNOWN");
    assert!(answer.json()["errors"][0].get("detail").is_none());
}

#[tokio::test]
async fn nothing_is_deleted_where_deletion_is_off() {
    let server = Server::over(&storage(false), |_| {});
    let target = server.push_blob("a", &blob()).await;
    server.delete(&target).await.expect_error(405, "UNSUPPORTED");
    server
        .delete(&format!("/v2/a/blobs/{UNKNOWN}"))
        .await
        .expect_error(405, "UNSUPPORTED");
    server.get(&target).await.expect(200);
}
