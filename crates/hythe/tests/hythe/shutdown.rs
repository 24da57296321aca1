//! The end of the program.

use std::net::TcpStream;

use hythe_testutil::content::media_type;
use hythe_testutil::{Configuration, Content, RawConnection};
use rustix::process::Signal;
use serde_json::json;

use crate::content::{append, blob, check_blob, finish, push_blob, start_upload, upload_size};
use crate::process::{Server, Setup, storage};

/// Longer than anything in these tests may take.
const LONG: &str = "10m";

async fn server(configuration: &Configuration, drain: &str) -> Server {
    let configuration = configuration.clone().set(&["http", "draintimeout"], json!(drain));
    Setup::with(&configuration).serve().await
}

/// Begins to send a PATCH, and returns when the server has its bytes.
async fn half_a_patch(server: &Server, place: &str, bytes: &[u8], length: usize) -> RawConnection {
    let mut connection = server.connect().await;
    let head = format!(
        "PATCH {place} HTTP/1.1\r\nHost: a\r\nContent-Type: {}\r\nContent-Length: {length}\r\n\
         Expect: 100-continue\r\n\r\n",
        media_type::OCTET_STREAM
    );
    connection.send(head.as_bytes()).await.unwrap();
    let go_on = connection.receive(false).await.unwrap().unwrap();
    assert_eq!(go_on.status, 100);
    connection.send(bytes).await.unwrap();
    connection
}

#[tokio::test]
async fn an_idle_program_ends_at_once_with_success() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = server(&Configuration::inmemory(), LONG).await;
        // An idle connection does not hold it up.
        let mut idle = server.connect().await;
        idle.send(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert_eq!(idle.receive(false).await.unwrap().unwrap().status, 200);
        let mut unused = server.connect().await;
        server.signal(signal);
        let status = server.until("it ends", Server::exited).await;
        assert_eq!(status.code(), Some(0), "{}", server.log());
        assert!(
            server
                .log()
                .contains("stopping server gracefully. Draining connections for 600s")
        );
        assert!(idle.receive(false).await.unwrap().is_none());
        assert!(unused.receive(false).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_upload_under_way_is_finished() {
    let (_root, configuration) = storage();
    let mut server = server(&configuration, LONG).await;
    let blob = blob(1, 100_000);
    let place = start_upload(&server.client(), "a").await;
    let mut uploading = half_a_patch(&server, &place, &blob.bytes[..50_000], 100_000).await;
    server.signal(Signal::TERM);
    server.until_logged("stopping server gracefully").await;
    server
        .until("it accepts no more", |server| {
            TcpStream::connect(server.address()).is_err().then_some(())
        })
        .await;
    assert!(server.exited().is_none(), "it does not wait");

    uploading.send(&blob.bytes[50_000..]).await.unwrap();
    let answer = uploading.receive(false).await.unwrap().unwrap();
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("connection"), Some("close"));
    let status = server.until("it ends", Server::exited).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());

    let server = Setup::with(&configuration).serve().await;
    let finished = finish(&server.client(), path_of(&place), &[], &blob).await;
    finished.expect_status(&[201]).unwrap();
}

#[tokio::test]
async fn a_download_under_way_is_finished() {
    let (_root, configuration) = storage();
    let mut server = server(&configuration, LONG).await;
    // More than the buffers of both sides hold.
    let blob = Content::blob(vec![7; 16 << 20]);
    push_blob(&server.client(), "a", &blob)
        .await
        .expect_status(&[201])
        .unwrap();
    let mut downloading = server.connect().await;
    let request = format!("GET /v2/a/blobs/{} HTTP/1.1\r\nHost: a\r\n\r\n", blob.digest);
    downloading.send(request.as_bytes()).await.unwrap();
    server
        .until("the download is logged", |server| {
            server.access_log().contains("GET /v2/a/blobs/").then_some(())
        })
        .await;
    server.signal(Signal::TERM);
    server.until_logged("stopping server gracefully").await;
    let answer = downloading.receive(false).await.unwrap().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body == blob.bytes, "{} bytes", answer.body.len());
    let status = server.until("it ends", Server::exited).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

/// The transfer does not end, `stop` makes the program end with failure, and the upload has what came.
async fn check_cut_off(drain: &str, signals: usize) {
    let (_root, configuration) = storage();
    let mut server = server(&configuration, drain).await;
    let client = server.client();
    let blob = blob(1, 100_000);
    let place = start_upload(&client, "a").await;
    let place = append(&client, &place, &blob.bytes[..10_000]).await;
    let mut uploading = half_a_patch(&server, &place, &blob.bytes[10_000..50_000], 90_000).await;
    server.signal(Signal::TERM);
    server.until_logged("stopping server gracefully").await;
    for _ in 1..signals {
        server.signal(Signal::TERM);
    }
    let status = server.until("it ends", Server::exited).await;
    assert_eq!(status.code(), Some(1), "{}", server.log());
    assert!(
        server.log().contains("stopped with requests still running"),
        "{}",
        server.log()
    );
    assert!(
        server.access_log().contains("HTTP/1.1\" 499 0 "),
        "{}",
        server.access_log()
    );
    let log = server.log();
    let cut_off = log
        .lines()
        .find(|line| line.contains("the connection ended before the answer"));
    assert!(
        cut_off.is_some_and(|line| line.contains(" http.request.id=")),
        "{log}"
    );
    assert!(!matches!(uploading.receive(false).await, Ok(Some(answer)) if answer.status < 400));

    let server = Setup::with(&configuration).serve().await;
    let client = server.client();
    // The place without its state, which names a size that may be outdated.
    let place = path_of(&place);
    let size = upload_size(&client, place).await.unwrap();
    assert!((10_000..=50_000).contains(&size), "{size}");
    let finished = finish(&client, place, &blob.bytes[size..], &blob).await;
    finished.expect_status(&[201]).unwrap();
    check_blob(&client, "a", &blob).await;
}

fn path_of(place: &str) -> &str {
    place.split('?').next().unwrap_or(place)
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_uploads_are_kept() {
    check_cut_off(LONG, 2).await;
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_uploads_are_kept() {
    check_cut_off("200ms", 1).await;
}

#[tokio::test]
async fn the_drain_time_comes_from_a_variable_too() {
    let setup = Setup::with(&Configuration::inmemory()).variable("REGISTRY_HTTP_DRAINTIMEOUT", "7m");
    let (code, log, _) = setup.serve().await.terminate().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("Draining connections for 420s"), "{log}");
}
