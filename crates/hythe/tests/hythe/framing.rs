//! Messages that HTTP forbids, and connections that are used in unusual ways.

use hythe_testutil::RawConnection;
use hythe_testutil::raw::RawResponse;
use hythe_testutil::{Configuration, Content};

use crate::content::{blob, blob_path, check_blob, push_blob, start_upload, upload_size};
use crate::process::{Server, Setup};

async fn server() -> Server {
    Setup::with(&Configuration::inmemory()).serve().await
}

/// All answers on a connection that gets these bytes and then their end.
async fn answers(server: &Server, bytes: &[u8]) -> Vec<RawResponse> {
    let mut connection = server.connect().await;
    connection.send_if_open(bytes).await;
    // The server may have closed it already.
    let _ = connection.finish().await;
    let mut answers = Vec::new();
    while let Ok(Some(answer)) = connection.receive(false).await {
        answers.push(answer);
    }
    answers
}

fn statuses(answers: &[RawResponse]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

/// Would be answered with 200.
const NEXT: &str = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n";

/// A PUT that would store a blob, with these headers and this body, is refused, and what follows is not answered.
async fn check_forbidden(headers: &str, body: &str, expected: u16) {
    let server = server().await;
    let client = server.client();
    let blob = Content::blob("hello");
    let place = start_upload(&client, "a").await;
    let separator = if place.contains('?') { '&' } else { '?' };
    let request = format!(
        "PUT {place}{separator}digest={} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}{NEXT}",
        blob.digest
    );
    let answers = answers(&server, request.as_bytes()).await;
    assert_eq!(statuses(&answers), [expected], "{headers:?}");
    assert_eq!(answers[0].header("connection"), Some("close"), "{headers:?}");
    client
        .get(&blob_path("a", &blob))
        .await
        .unwrap()
        .expect_status(&[404])
        .unwrap();
    assert_eq!(upload_size(&client, &place).await, Some(0), "{headers:?}");
}

#[tokio::test]
async fn a_length_said_in_two_ways_is_refused() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "transfer-encoding: CHUNKED\r\nX: y\r\ncontent-length: 15\r\n",
    ] {
        check_forbidden(headers, chunks, 400).await;
    }
}

#[tokio::test]
async fn lengths_that_differ_or_are_none_are_refused() {
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
    ] {
        check_forbidden(headers, "hello", 400).await;
    }
}

#[tokio::test]
async fn other_transfer_codings_are_refused() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    check_forbidden("Transfer-Encoding: gzip, chunked\r\n", chunks, 501).await;
    check_forbidden(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        chunks,
        501,
    )
    .await;
    check_forbidden("Transfer-Encoding: chunked, gzip\r\n", chunks, 400).await;
    check_forbidden("Transfer-Encoding: identity\r\n", "hello", 400).await;
}

#[tokio::test]
async fn an_expectation_that_cannot_be_met_is_refused() {
    check_forbidden("Expect: miracles\r\nContent-Length: 5\r\n", "hello", 417).await;
}

#[tokio::test]
async fn a_length_said_in_two_ways_behind_other_requests_is_refused() {
    let server = server().await;
    let requests = format!(
        "{NEXT}POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
         PUT /v2/a/manifests/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{NEXT}"
    );
    assert_eq!(
        statuses(&answers(&server, requests.as_bytes()).await),
        [200, 202, 400]
    );
}

#[tokio::test]
async fn hosts_and_targets_are_checked() {
    let server = server().await;
    let check = async |request: &str, expected: u16| {
        let answers = answers(&server, request.as_bytes()).await;
        assert_eq!(statuses(&answers), [expected], "{request:?}");
        if expected == 400 && answers[0].header("x-request-id").is_some() {
            let document: serde_json::Value = serde_json::from_slice(&answers[0].body).unwrap();
            assert_eq!(document["errors"][0]["code"], "UNSUPPORTED");
        }
    };
    check("GET /v2/ HTTP/1.1\r\n\r\n", 400).await;
    check("GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400).await;
    check("GET /v2/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400).await;
    check("GET v2 HTTP/1.1\r\nHost: a\r\n\r\n", 400).await;
    check("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400).await;
    check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404).await;
    check("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 404).await;
    check("GET http://a/v2/ HTTP/1.1\r\nHost: b\r\n\r\n", 200).await;
    check("GET /v2/\r\n\r\n", 400).await;
    check("GET /v2/ HTTP/3.0\r\nHost: a\r\n\r\n", 400).await;
}

#[tokio::test]
async fn http_1_0_is_answered_in_kind_and_needs_no_host() {
    let server = server().await;
    let answers = answers(&server, b"GET /v2/ HTTP/1.0\r\n\r\n").await;
    assert_eq!(statuses(&answers), [200]);
    assert!(
        answers[0].head.starts_with("HTTP/1.0 200 OK\r\n"),
        "{}",
        answers[0].head
    );
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = server().await;
    for (target, header) in [
        ("v2/".to_owned(), format!("X: {}\r\n", "x".repeat(10 << 20))),
        ("v2/".to_owned(), "X: y\r\n".repeat(1000)),
        ("v".repeat(1 << 20), String::new()),
    ] {
        let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\n{header}\r\n");
        let answers = answers(&server, request.as_bytes()).await;
        assert_eq!(statuses(&answers), [431]);
    }
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let server = server().await;
    let missing = "GET /v2/a/tags/list HTTP/1.1\r\nHost: a\r\n\r\n";
    let requests = [NEXT, missing, NEXT, missing, NEXT].concat();
    let answers = answers(&server, requests.as_bytes()).await;
    assert_eq!(statuses(&answers), [200, 404, 200, 404, 200]);
}

#[tokio::test]
async fn a_refused_body_is_not_asked_for() {
    let server = server().await;
    let request = "PUT /v2/a/manifests/x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\
                   Content-Type: application/vnd.oci.image.manifest.v1+json\r\nExpect: 100-continue\r\n\r\n";
    let mut connection = server.connect().await;
    connection.send(request.as_bytes()).await.unwrap();
    let answer = connection.receive(false).await.unwrap().unwrap();
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_body_that_is_wanted_is_asked_for() {
    let server = server().await;
    let blob = Content::blob("hello");
    let mut connection = server.connect().await;
    let request = format!(
        "POST /v2/a/blobs/uploads/?digest={} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        blob.digest
    );
    connection.send(request.as_bytes()).await.unwrap();
    let go_on = connection.receive(false).await.unwrap().unwrap();
    assert_eq!(go_on.status, 100);
    connection.send(b"hello").await.unwrap();
    let answer = connection.receive(false).await.unwrap().unwrap();
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn the_answer_to_a_refused_body_arrives_while_it_is_still_sent() {
    let server = server().await;
    let mut connection = server.connect().await;
    let head = "PATCH /v2/a/blobs/uploads/0192f0c1-7b3a-7c4d-8e5f-0123456789ab HTTP/1.1\r\nHost: a\r\n\
                Content-Length: 20000000\r\n\r\n";
    connection.send(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        connection.send_if_open(&piece).await;
    }
    let answer = connection.receive(false).await.unwrap().unwrap();
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_body_where_none_belongs_is_not_taken_for_a_request() {
    let server = server().await;
    let blob = blob(1, 100);
    push_blob(&server.client(), "a", &blob)
        .await
        .expect_status(&[201])
        .unwrap();
    let path = blob_path("a", &blob);
    let mut connection: RawConnection = server.connect().await;
    let request = format!(
        "HEAD {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{NEXT}GET {path} HTTP/1.1\r\nHost: a\r\n\r\n",
        NEXT.len()
    );
    connection.send(request.as_bytes()).await.unwrap();
    let head = connection.receive(true).await.unwrap().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("100")));
    let get = connection.receive(false).await.unwrap().unwrap();
    assert_eq!((get.status, get.body.as_slice()), (200, &blob.bytes[..]));
    check_blob(&server.client(), "a", &blob).await;
}
