//! Blobs from a disk, sent by the kernel or read, to clients of all kinds.

use std::fs::{self, OpenOptions};

use hythe_testutil::{Configuration, Content, RawConnection, Request};
use serde_json::json;

use crate::content::{blob, blob_path, push_blob};
use crate::process::{Server, Setup, find, storage};

/// Longer than any buffer on the way.
const LONG: usize = 16 << 20;

async fn serve_blob(configuration: &Configuration, blob: &Content) -> Server {
    let server = Setup::with(configuration).serve().await;
    push_blob(&server.client(), "a", blob)
        .await
        .expect_status(&[201])
        .unwrap();
    server
}

async fn ask(server: &Server, blob: &Content) -> RawConnection {
    let mut connection = server.connect().await;
    connection.send(request("GET", blob).as_bytes()).await.unwrap();
    connection
}

fn request(method: &str, blob: &Content) -> String {
    format!("{method} {} HTTP/1.1\r\nHost: a\r\n\r\n", blob_path("a", blob))
}

#[tokio::test]
async fn ranges_around_the_length_from_which_the_kernel_sends() {
    let (_root, configuration) = storage();
    let blob = blob(1, 300_000);
    let server = serve_blob(&configuration, &blob).await;
    let client = server.client();
    for (first, length) in [
        (0, 131_071),
        (0, 131_072),
        (1, 131_073),
        (299_999, 1),
        (7, 299_993),
        (0, 300_000),
    ] {
        let range = format!("bytes={first}-{}", first + length - 1);
        let request = Request::get(blob_path("a", &blob)).header("range", &range);
        let answer = client.send(request).await.unwrap();
        answer
            .expect_status(&[206])
            .unwrap()
            .expect_body(&blob.bytes[first..first + length])
            .unwrap();
    }
}

#[tokio::test]
async fn several_ranges_in_one_answer() {
    let (_root, configuration) = storage();
    let blob = blob(1, 1_000_000);
    let server = serve_blob(&configuration, &blob).await;
    let request =
        Request::get(blob_path("a", &blob)).header("range", "bytes=0-199999,300000-300009,400000-899999");
    let answer = server.client().send(request).await.unwrap();
    answer.expect_status(&[206]).unwrap();
    let mut rest = &answer.body[..];
    for part in [0..200_000, 300_000..300_010, 400_000..900_000] {
        let head_end = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let (body, behind) = rest[head_end..].split_at(part.len());
        assert!(body == &blob.bytes[part.clone()], "{part:?}");
        rest = behind;
    }
}

#[tokio::test]
async fn pipelined_requests_for_blobs_and_heads_of_them() {
    let (_root, configuration) = storage();
    let blob = blob(1, 400_000);
    let server = serve_blob(&configuration, &blob).await;
    let mut connection = server.connect().await;
    let methods = ["GET", "HEAD", "GET", "GET", "HEAD", "GET"];
    let requests: String = methods.iter().map(|method| request(method, &blob)).collect();
    connection.send(requests.as_bytes()).await.unwrap();
    for method in methods {
        let answer = connection.receive(method == "HEAD").await.unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), Some("400000"));
        assert!(method == "HEAD" || answer.body == blob.bytes);
    }
    let (code, _, access_log) = server.terminate().await;
    assert_eq!(code, Some(0));
    for (line_end, expected) in [("HTTP/1.1\" 200 400000 ", 4), ("HTTP/1.1\" 200 0 ", 2)] {
        assert_eq!(access_log.matches(line_end).count(), expected, "{access_log}");
    }
}

#[tokio::test]
async fn a_blob_that_became_shorter_breaks_its_connection_and_is_logged() {
    let (root, configuration) = storage();
    let blob = blob(1, LONG);
    let mut server = serve_blob(&configuration, &blob).await;
    let stored = find(root.path(), "data");
    let stored = stored
        .iter()
        .find(|path| fs::metadata(path).unwrap().len() == LONG as u64);
    let stored = OpenOptions::new().write(true).open(stored.unwrap()).unwrap();
    let mut downloading = ask(&server, &blob).await;
    server
        .until("the download is logged", |server| {
            server.access_log().contains("GET /v2/a/blobs/").then_some(())
        })
        .await;
    stored.set_len(50_000).unwrap();
    let answer = downloading.receive(false).await;
    assert!(answer.is_err(), "it came whole, or not at all");
    server.until_logged("shorter than announced").await;
    let answer = server.client().get("/v2/").await.unwrap();
    answer.expect_status(&[200]).unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_its_blob_is_left() {
    let (_root, configuration) = storage();
    let configuration = configuration
        .set(&["http", "timeouts", "progress"], json!("300ms"))
        .set(&["log", "level"], json!("debug"));
    let blob = blob(1, LONG);
    let mut server = serve_blob(&configuration, &blob).await;
    let mut connection = ask(&server, &blob).await;
    server.until_logged("took no byte of the response").await;
    assert!(connection.receive(false).await.is_err(), "the answer came whole");
}

#[tokio::test]
async fn clients_that_do_not_read_take_no_memory() {
    let (_root, configuration) = storage();
    let blob = blob(1, LONG);
    let mut server = serve_blob(&configuration, &blob).await;
    let before = resident_kibibytes(&server);
    let mut stalled = Vec::new();
    for _ in 0..64 {
        stalled.push(ask(&server, &blob).await);
    }
    server
        .until("all downloads have begun", |server| {
            let begun = server.access_log().matches("GET /v2/a/blobs/").count();
            (begun == 64).then_some(())
        })
        .await;
    for connection in &mut stalled[..8] {
        let answer = connection.receive(false).await.unwrap().unwrap();
        assert!(answer.body == blob.bytes, "{} bytes", answer.body.len());
    }
    let grown = resident_kibibytes(&server) - before;
    // A buffer of 128 KiB for each would be 8 MiB.

    assert!(grown < 6 * 1024, "{grown} KiB for 64 clients");
}

/// The memory that is resident now.
fn resident_kibibytes(server: &Server) -> i64 {
    let path = format!("/proc/{}/status", server.id().as_raw_nonzero());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}
