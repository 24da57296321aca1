//! Uploads that outlive the process.

use rustix::process::Signal;

use crate::content::{append, blob, check_blob, finish, push_image, start_upload, upload_size};
use crate::process::{Server, Setup, storage};

#[tokio::test]
async fn after_a_kill_what_was_acknowledged_is_there_and_uploads_go_on() {
    let (_root, configuration) = storage();
    let mut server = Setup::with(&configuration).serve().await;
    let client = server.client();
    let image = push_image(&client, "a", "latest").await;
    let blob = blob(2, 300_000);
    let place = start_upload(&client, "a").await;
    let place = append(&client, &place, &blob.bytes[..100_000]).await;
    // A chunk that the process does not live to see whole.
    let mut uploading = server.connect().await;
    let head = format!("PATCH {place} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    uploading.send(head.as_bytes()).await.unwrap();
    uploading.send(&blob.bytes[100_000..150_000]).await.unwrap();
    server.signal(Signal::KILL);
    server.until("it is gone", Server::exited).await;

    let server = Setup::with(&configuration).serve().await;
    let client = server.client();
    let pulled = client.get("/v2/a/manifests/latest").await.unwrap();
    pulled
        .expect_status(&[200])
        .unwrap()
        .expect_body(&image.bytes)
        .unwrap();
    check_blob(&client, "a", &crate::content::blob(1, 1000)).await;

    let path = place.split('?').next().unwrap();
    let size = upload_size(&client, path).await.unwrap();
    assert!((100_000..=150_000).contains(&size), "{size}");
    let finished = finish(&client, path, &blob.bytes[size..], &blob).await;
    finished.expect_status(&[201]).unwrap();
    check_blob(&client, "a", &blob).await;
}

#[tokio::test]
async fn an_upload_survives_many_restarts() {
    let (_root, configuration) = storage();
    let blob = blob(3, 50_000);
    let mut path = String::new();
    for (round, part) in blob.bytes.chunks(10_000).enumerate() {
        let server = Setup::with(&configuration).serve().await;
        let client = server.client();
        if round == 0 {
            path = start_upload(&client, "a").await;
        }
        // Each process drew another secret, and so does not know the state of the last one.
        let place = path.split('?').next().unwrap().to_owned();
        path = append(&client, &place, part).await;
        assert_eq!(server.terminate().await.0, Some(0));
    }
    let server = Setup::with(&configuration).serve().await;
    let place = path.split('?').next().unwrap();
    finish(&server.client(), place, &[], &blob)
        .await
        .expect_status(&[201])
        .unwrap();
    check_blob(&server.client(), "a", &blob).await;
}
