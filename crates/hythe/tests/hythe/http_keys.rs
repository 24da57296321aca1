//! The keys of `http`, from the file and from variables.

use hythe_testutil::{Configuration, Request};
use serde_json::json;

use crate::content::{blob, check_blob, finish, push_blob, push_image, start_upload};
use crate::process::{Setup, both_ways, storage};

#[tokio::test]
async fn a_prefix_is_before_all_routes() {
    for server in both_ways(
        &Configuration::inmemory(),
        &["http", "prefix"],
        json!("/registry/"),
    )
    .await
    {
        let client = server.client();
        client.get("/v2/").await.unwrap().expect_status(&[404]).unwrap();
        client
            .get("/registry/v2/")
            .await
            .unwrap()
            .expect_status(&[200])
            .unwrap();
        let started = client
            .send(Request::post("/registry/v2/a/blobs/uploads/"))
            .await
            .unwrap();
        started.expect_status(&[202]).unwrap();
        assert!(
            started
                .location()
                .unwrap()
                .starts_with("/registry/v2/a/blobs/uploads/")
        );
        let slash = client.get("/registry/v2/a/tags/list/").await.unwrap();
        slash.expect_status(&[301]).unwrap();
        slash
            .expect_header("location", "/registry/v2/a/tags/list")
            .unwrap();
    }
}

#[tokio::test]
async fn a_host_is_in_every_location() {
    let configuration = Configuration::inmemory();
    for server in both_ways(
        &configuration,
        &["http", "host"],
        json!("https://registry.example.com"),
    )
    .await
    {
        let started = server
            .client()
            .send(Request::post("/v2/a/blobs/uploads/"))
            .await
            .unwrap();
        let location = started.header("location").unwrap();
        assert!(
            location.starts_with("https://registry.example.com/v2/a/blobs/uploads/"),
            "{location}"
        );
    }
}

#[tokio::test]
async fn locations_are_relative_when_told() {
    for server in both_ways(&Configuration::inmemory(), &["http", "relativeurls"], json!(true)).await {
        let started = server
            .client()
            .send(Request::post("/v2/a/blobs/uploads/"))
            .await
            .unwrap();
        let location = started.header("location").unwrap();
        assert!(location.starts_with("/v2/a/blobs/uploads/"), "{location}");
    }
}

#[tokio::test]
async fn locations_are_where_the_client_asked_otherwise() {
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    let started = server
        .client()
        .send(Request::post("/v2/a/blobs/uploads/"))
        .await
        .unwrap();
    let expected = format!("http://{}/v2/a/blobs/uploads/", server.address());
    assert!(started.header("location").unwrap().starts_with(&expected));
}

#[tokio::test]
async fn headers_are_added_to_answers() {
    let header = json!({ "X-Content-Type-Options": ["nosniff"], "X-Several": ["a", "b"] });
    for server in both_ways(&Configuration::inmemory(), &["http", "headers"], header).await {
        for (path, status) in [("/v2/", 200), ("/v2/a/tags/list", 404)] {
            let answer = server.client().get(path).await.unwrap();
            answer.expect_status(&[status]).unwrap();
            answer.expect_header("x-content-type-options", "nosniff").unwrap();
            assert_eq!(answer.header_values("x-several"), ["a", "b"]);
        }
    }
}

#[tokio::test]
async fn registries_that_share_a_secret_and_a_folder_share_uploads() {
    let (_root, configuration) = storage();
    let [one, other] = both_ways(&configuration, &["http", "secret"], json!("correct horse")).await;
    let blob = blob(7, 3000);
    let place = start_upload(&one.client(), "a").await;
    let place = crate::content::append(&other.client(), &place, &blob.bytes[..1000]).await;
    let place = crate::content::append(&one.client(), &place, &blob.bytes[1000..2500]).await;
    let finished = finish(&other.client(), &place, &blob.bytes[2500..], &blob).await;
    finished.expect_status(&[201]).unwrap();
    check_blob(&one.client(), "a", &blob).await;
}

#[tokio::test]
async fn a_state_signed_with_another_secret_is_refused() {
    let (_root, configuration) = storage();
    let secret = |secret: &str| configuration.clone().set(&["http", "secret"], json!(secret));
    let one = Setup::with(&secret("one")).serve().await;
    let other = Setup::with(&secret("other")).serve().await;
    let blob = blob(7, 3000);
    let place = start_upload(&one.client(), "a").await;
    let refused = finish(&other.client(), &place, &blob.bytes, &blob).await;
    refused.expect_status(&[400, 404]).unwrap();
    // Where it began, the upload goes on.
    let finished = finish(&one.client(), &place, &blob.bytes, &blob).await;
    finished.expect_status(&[201]).unwrap();
}

#[tokio::test]
async fn a_random_secret_is_told() {
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    assert!(
        server.log().contains("No HTTP secret provided"),
        "{}",
        server.log()
    );
    let configured = Configuration::inmemory().set(&["http", "secret"], json!("x"));
    let server = Setup::with(&configured).serve().await;
    assert!(
        !server.log().contains("No HTTP secret provided"),
        "{}",
        server.log()
    );
}

#[tokio::test]
async fn a_small_budget_for_uploads_delays_and_loses_nothing() {
    for server in both_ways(
        &Configuration::inmemory(),
        &["http", "uploadbuffers"],
        json!("512KiB"),
    )
    .await
    {
        let blobs: Vec<_> = (0..8).map(|seed| blob(seed, 1_500_000)).collect();
        let pushes = blobs.iter().map(|blob| {
            let client = server.client();
            async move { push_blob(&client, "a", blob).await }
        });
        for pushed in futures_util::future::join_all(pushes).await {
            pushed.expect_status(&[201]).unwrap();
        }
        for blob in &blobs {
            check_blob(&server.client(), "a", blob).await;
        }
    }
}

#[tokio::test]
async fn every_interface_is_listened_on_without_a_host() {
    let setup = Setup::without_configuration().variable("REGISTRY_HTTP_ADDR", "0.0.0.0:0");
    let server = setup.serve().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let client = hythe_testutil::Client::new(&format!("http://127.0.0.1:{port}")).unwrap();
    push_image(&client, "a", "b").await;
    assert!(
        server
            .log()
            .contains("open to everyone who can reach this address"),
        "{}",
        server.log()
    );
}
