//! Time limits against clients that are slow, and patience with those that are not.

use hythe_testutil::Configuration;
use hythe_testutil::content::media_type;
use serde_json::json;

use crate::content::{append, blob, check_blob, finish, push_blob, start_upload, upload_size};
use crate::process::{Server, Setup};

async fn server(header: &str, progress: &str) -> Server {
    let configuration = Configuration::inmemory()
        .set(
            &["http", "timeouts"],
            json!({ "header": header, "progress": progress }),
        )
        .set(&["log", "level"], json!("debug"))
        .set(&["http", "h2c", "enabled"], json!(false));
    Setup::with(&configuration).serve().await
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server = server("200ms", "1m").await;
    for begun in ["", "GET /v2/ HTTP/1.1\r\nHost: a\r\n"] {
        let mut connection = server.connect().await;
        connection.send(begun.as_bytes()).await.unwrap();
        let answer = connection.receive(false).await.unwrap();
        assert!(answer.is_none_or(|answer| answer.status == 408), "{begun:?}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection_where_http_2_is_spoken() {
    let configuration = Configuration::inmemory()
        .set(&["http", "timeouts", "header"], json!("200ms"))
        .set(&["http", "h2c", "enabled"], json!(true));
    let server = Setup::with(&configuration).serve().await;
    for begun in ["", "PRI * HT", "GET /v2/ HTTP/1.1\r\nHost: a\r\n"] {
        let mut connection = server.connect().await;
        connection.send(begun.as_bytes()).await.unwrap();
        let answer = connection.receive(false).await.unwrap();
        assert!(answer.is_none_or(|answer| answer.status == 408), "{begun:?}");
    }
}

#[tokio::test]
async fn the_limit_for_heads_does_not_count_while_a_body_is_sent() {
    let server = server("200ms", "1m").await;
    let client = server.client();
    let blob = blob(1, 1000);
    let place = start_upload(&client, "a").await;
    let mut uploading = server.connect().await;
    let head = format!("PATCH {place} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    uploading.send(head.as_bytes()).await.unwrap();
    uploading.send(&blob.bytes[..500]).await.unwrap();
    // A connection that began later and says nothing is closed before the upload goes on.
    let mut silent = server.connect().await;
    assert!(silent.receive(false).await.unwrap().is_none());
    uploading.send(&blob.bytes[500..]).await.unwrap();
    let answer = uploading.receive(false).await.unwrap().unwrap();
    assert_eq!(answer.status, 202, "{}", answer.head);
}

#[tokio::test]
async fn a_body_that_stalls_ends_the_request_and_the_upload_survives() {
    let server = server("1m", "200ms").await;
    let client = server.client();
    let blob = blob(1, 1000);
    let place = start_upload(&client, "a").await;
    let mut connection = server.connect().await;
    let head = format!(
        "PATCH {place} HTTP/1.1\r\nHost: a\r\nContent-Type: {}\r\nContent-Length: 1000\r\n\r\n",
        media_type::OCTET_STREAM
    );
    connection.send(head.as_bytes()).await.unwrap();
    connection.send(&blob.bytes[..500]).await.unwrap();
    let answer = connection.receive(false).await.unwrap().unwrap();
    assert!((400..500).contains(&answer.status), "{}", answer.head);
    assert!(
        connection.receive(false).await.unwrap().is_none(),
        "it stays open"
    );

    assert_eq!(upload_size(&client, &place).await, Some(500));
    // The state in the first place says 0 bytes; a client asks for the new one.
    let place = client.get(&place).await.unwrap().location().unwrap();
    let place = append(&client, &place, &blob.bytes[500..900]).await;
    finish(&client, &place, &blob.bytes[900..], &blob)
        .await
        .expect_status(&[201])
        .unwrap();
    check_blob(&client, "a", &blob).await;
}

#[tokio::test]
async fn a_manifest_that_stalls_ends_the_request() {
    let server = server("1m", "200ms").await;
    let mut connection = server.connect().await;
    let request = format!(
        "PUT /v2/a/manifests/x HTTP/1.1\r\nHost: a\r\nContent-Type: {}\r\nContent-Length: 1000\r\n\r\n{{",
        media_type::OCI_IMAGE
    );
    connection.send(request.as_bytes()).await.unwrap();
    let answer = connection.receive(false).await.unwrap().unwrap();
    assert!((400..500).contains(&answer.status), "{}", answer.head);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_left() {
    let mut server = server("1m", "300ms").await;
    // More than the buffers of both sides hold.
    let blob = hythe_testutil::Content::blob(vec![7; 32 << 20]);
    push_blob(&server.client(), "a", &blob)
        .await
        .expect_status(&[201])
        .unwrap();
    let mut connection = server.connect().await;
    let request = format!("GET /v2/a/blobs/{} HTTP/1.1\r\nHost: a\r\n\r\n", blob.digest);
    connection.send(request.as_bytes()).await.unwrap();
    server.until_logged("took no byte of the response").await;
    assert!(connection.receive(false).await.is_err(), "the answer came whole");
}
