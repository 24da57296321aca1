//! The keys of `storage`, `catalog`, `tags` and `validation`, from the file and from variables.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Configuration, Content, ImageBuilder, IndexBuilder, Request};
use serde_json::{Value, json};

use crate::content::{blob, blob_path, check_blob, push_blob, push_image, push_manifest};
use crate::process::{Setup, both_ways, storage};

async fn delete(client: &Client, path: &str) -> hythe_testutil::Response {
    client.send(Request::delete(path)).await.unwrap()
}

#[tokio::test]
async fn nothing_is_deleted_when_deletion_is_off() {
    let (_root, configuration) = storage();
    for server in both_ways(&configuration, &["storage", "delete", "enabled"], json!(false)).await {
        let client = server.client();
        let image = push_image(&client, "a", "latest").await;
        let layer = blob(1, 1000);
        for path in [
            blob_path("a", &layer),
            format!("/v2/a/manifests/{}", image.digest),
            "/v2/a/manifests/latest".to_owned(),
        ] {
            let refused = delete(&client, &path).await;
            refused
                .expect_status(&[405])
                .unwrap()
                .expect_error("UNSUPPORTED")
                .unwrap();
        }
        check_blob(&client, "a", &layer).await;
        client
            .get("/v2/a/manifests/latest")
            .await
            .unwrap()
            .expect_body(&image.bytes)
            .unwrap();
    }
}

#[tokio::test]
async fn deletion_is_off_unless_told() {
    let text = "{version: 0.1, storage: {inmemory: {}}, http: {addr: '127.0.0.1:0'}}";
    let server = Setup::with_text(text).serve().await;
    push_image(&server.client(), "a", "latest").await;
    delete(&server.client(), "/v2/a/manifests/latest")
        .await
        .expect_status(&[405])
        .unwrap();
}

#[tokio::test]
async fn deletion_is_possible_when_it_is_on() {
    let text = Configuration::inmemory().set(&["storage", "delete"], json!({}));
    for server in both_ways(&text, &["storage", "delete", "enabled"], json!(true)).await {
        let client = server.client();
        let image = push_image(&client, "a", "latest").await;
        delete(&client, "/v2/a/manifests/latest")
            .await
            .expect_status(&[202])
            .unwrap();
        delete(&client, &format!("/v2/a/manifests/{}", image.digest))
            .await
            .expect_status(&[202])
            .unwrap();
        let layer = blob(1, 1000);
        delete(&client, &blob_path("a", &layer))
            .await
            .expect_status(&[202])
            .unwrap();
        client
            .get(&blob_path("a", &layer))
            .await
            .unwrap()
            .expect_status(&[404])
            .unwrap();
    }
}

#[tokio::test]
async fn a_registry_for_reading_refuses_to_write() {
    let (_root, configuration) = storage();
    let writable = Setup::with(&configuration).serve().await;
    let image = push_image(&writable.client(), "a", "latest").await;
    let key = ["storage", "maintenance", "readonly", "enabled"];
    for server in both_ways(&configuration, &key, json!(true)).await {
        let client = server.client();
        client
            .get("/v2/a/manifests/latest")
            .await
            .unwrap()
            .expect_body(&image.bytes)
            .unwrap();
        check_blob(&client, "a", &blob(1, 1000)).await;
        let refused = [
            client.send(Request::post("/v2/a/blobs/uploads/")).await.unwrap(),
            push_manifest(&client, "a", "other", &image).await,
            delete(&client, "/v2/a/manifests/latest").await,
        ];
        for refused in refused {
            refused.expect_status(&[405]).unwrap();
        }
    }
}

#[tokio::test]
async fn a_deleted_blob_does_not_come_back_through_the_cache() {
    let (_root, configuration) = storage();
    let key = ["storage", "cache", "blobdescriptor"];
    for server in both_ways(&configuration, &key, json!("inmemory")).await {
        let client = server.client();
        let shared = blob(3, 1000);
        for repository in ["a", "b"] {
            push_blob(&client, repository, &shared)
                .await
                .expect_status(&[201])
                .unwrap();
            check_blob(&client, repository, &shared).await;
            client
                .head(&blob_path(repository, &shared))
                .await
                .unwrap()
                .expect_status(&[200])
                .unwrap();
        }
        delete(&client, &blob_path("a", &shared))
            .await
            .expect_status(&[202])
            .unwrap();
        check_blob(&client, "b", &shared).await;
        for _ in 0..2 {
            client
                .get(&blob_path("a", &shared))
                .await
                .unwrap()
                .expect_status(&[404])
                .unwrap();
            client
                .head(&blob_path("a", &shared))
                .await
                .unwrap()
                .expect_status(&[404])
                .unwrap();
        }
    }
}

#[tokio::test]
async fn the_old_name_of_the_cache_and_its_size_are_taken() {
    let cache = json!({ "layerinfo": "inmemory", "blobdescriptorsize": 1 });
    for server in both_ways(&Configuration::inmemory(), &["storage", "cache"], cache).await {
        for seed in 0..3 {
            let blob = blob(seed, 100);
            push_blob(&server.client(), "a", &blob)
                .await
                .expect_status(&[201])
                .unwrap();
            check_blob(&server.client(), "a", &blob).await;
        }
    }
}

#[tokio::test]
async fn purging_of_uploads_is_planned_unless_told_otherwise() {
    let key = ["storage", "maintenance", "uploadpurging"];
    let on = json!({ "enabled": true, "age": "1h", "interval": "2h", "dryrun": true });
    for mut server in both_ways(&Configuration::inmemory(), &key, on).await {
        server.until_logged("upload purge is scheduled").await;
        assert_eq!(server.terminate().await.0, Some(0));
    }
    for server in both_ways(&Configuration::inmemory(), &key, json!({ "enabled": false })).await {
        let (_, log, _) = server.terminate().await;
        assert!(!log.contains("upload purge"), "{log}");
    }
}

#[tokio::test]
async fn the_catalog_has_an_upper_limit() {
    for server in both_ways(&Configuration::inmemory(), &["catalog", "maxentries"], json!(2)).await {
        let client = server.client();
        for repository in ["a", "b", "c"] {
            push_image(&client, repository, "x").await;
        }
        let page = client.get("/v2/_catalog").await.unwrap();
        assert_eq!(page.json().unwrap(), json!({ "repositories": ["a", "b"] }));
        let next = page.header("link").unwrap();
        assert!(next.contains("last=b") && next.contains("n=2"), "{next}");
        client
            .get("/v2/_catalog?n=2")
            .await
            .unwrap()
            .expect_status(&[200])
            .unwrap();
        let refused = client.get("/v2/_catalog?n=3").await.unwrap();
        refused
            .expect_status(&[400])
            .unwrap()
            .expect_error("PAGINATION_NUMBER_INVALID")
            .unwrap();
    }
}

#[tokio::test]
async fn tag_lists_have_an_upper_limit_where_a_number_is_asked_for() {
    for server in both_ways(&Configuration::inmemory(), &["tags", "maxtags"], json!(2)).await {
        let client = server.client();
        for tag in ["a", "b", "c"] {
            push_image(&client, "r", tag).await;
        }
        let tags = |list: Value| list["tags"].clone();
        let all = client.get("/v2/r/tags/list").await.unwrap();
        assert_eq!(tags(all.json().unwrap()), json!(["a", "b", "c"]));
        let page = client.get("/v2/r/tags/list?n=3").await.unwrap();
        assert_eq!(tags(page.json().unwrap()), json!(["a", "b"]));
    }
}

/// An image whose layer is elsewhere.
fn foreign_image(url: &str, config: &Content) -> Content {
    let layer = Content::new(media_type::DOCKER_FOREIGN_LAYER, "elsewhere", Algorithm::Sha256);
    let config = Content::new(media_type::DOCKER_CONFIG, config.bytes.clone(), Algorithm::Sha256);
    ImageBuilder::docker()
        .config(config.descriptor())
        .layer(layer.descriptor_with("urls", json!([url])))
        .build()
}

pub(crate) async fn push_foreign(client: &Client, url: &str) -> u16 {
    let config = Content::config("windows", "amd64", 1, Algorithm::Sha256);
    push_blob(client, "w", &config)
        .await
        .expect_status(&[201])
        .unwrap();
    let image = foreign_image(url, &config);
    push_manifest(client, "w", "x", &image).await.status
}

#[tokio::test]
async fn urls_of_foreign_layers_are_allowed_and_denied() {
    let urls = json!({ "allow": ["^https?://([^/]+\\.)*example\\.com/"], "deny": ["^https?://www\\.example\\.com/"] });
    for server in both_ways(
        &Configuration::inmemory(),
        &["validation", "manifests", "urls"],
        urls,
    )
    .await
    {
        let client = server.client();
        assert_eq!(push_foreign(&client, "https://a.example.com/layer").await, 201);
        assert_eq!(push_foreign(&client, "https://www.example.com/layer").await, 400);
        assert_eq!(push_foreign(&client, "https://example.org/layer").await, 400);
    }
}

#[tokio::test]
async fn validation_can_be_disabled() {
    let denied = Configuration::inmemory().set(&["validation", "manifests", "urls", "deny"], json!(["."]));
    let server = Setup::with(&denied).serve().await;
    assert_eq!(
        push_foreign(&server.client(), "https://a.example.com/").await,
        400
    );
    for server in both_ways(&denied, &["validation", "disabled"], json!(true)).await {
        assert_eq!(
            push_foreign(&server.client(), "https://a.example.com/").await,
            201
        );
    }
}

#[tokio::test]
async fn an_expression_that_is_none_stops_the_start() {
    let configuration =
        Configuration::inmemory().set(&["validation", "manifests", "urls", "allow"], json!(["("]));
    let (code, message) = Setup::with(&configuration).refused().await;
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("validation"), "{message}");
}

/// An index with a child for each platform; only the first is pushed.
pub(crate) async fn push_sparse(client: &Client, platforms: &[&str]) -> u16 {
    let present = push_image(client, "i", "child").await;
    let mut index = IndexBuilder::oci();
    for (position, platform) in platforms.iter().enumerate() {
        let child = match position {
            0 => present.clone(),
            _ => Content::new(
                media_type::OCI_IMAGE,
                format!("{{}} {platform}"),
                Algorithm::Sha256,
            ),
        };
        index = index.platform(&child, "linux", platform);
    }
    push_manifest(client, "i", "index", &index.build()).await.status
}

#[tokio::test]
async fn an_index_may_be_sparse_where_nothing_is_configured() {
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    assert_eq!(push_sparse(&server.client(), &["amd64", "arm64"]).await, 201);
}

#[tokio::test]
async fn the_children_of_an_index_are_checked_as_configured() {
    let key = ["validation", "manifests", "indexes"];
    for server in both_ways(&Configuration::inmemory(), &key, json!({ "platforms": "all" })).await {
        assert_eq!(push_sparse(&server.client(), &["amd64"]).await, 201);
        assert_eq!(push_sparse(&server.client(), &["amd64", "arm64"]).await, 400);
    }
    for server in both_ways(&Configuration::inmemory(), &key, json!({ "platforms": "none" })).await {
        assert_eq!(push_sparse(&server.client(), &["amd64", "arm64"]).await, 201);
    }
    let list = json!({ "platforms": "list", "platformlist": [{ "architecture": "amd64", "os": "linux" }] });
    for server in both_ways(&Configuration::inmemory(), &key, list).await {
        assert_eq!(push_sparse(&server.client(), &["amd64", "arm64"]).await, 201);
        assert_eq!(push_sparse(&server.client(), &["arm64", "amd64"]).await, 400);
    }
}

/// An image whose blobs are not there.
pub(crate) async fn push_without_blobs(client: &Client) -> u16 {
    let config = Content::config("linux", "amd64", 1, Algorithm::Sha256);
    let image = ImageBuilder::oci()
        .config(config.descriptor())
        .layer(blob(1, 10).descriptor())
        .build();
    push_manifest(client, "a", "x", &image).await.status
}

#[tokio::test]
async fn the_blobs_of_an_image_are_checked_unless_told_otherwise() {
    let key = ["validation", "manifests", "images", "blobs"];
    for server in both_ways(&Configuration::inmemory(), &key, json!("all")).await {
        assert_eq!(push_without_blobs(&server.client()).await, 400);
    }
    for server in both_ways(&Configuration::inmemory(), &key, json!("none")).await {
        assert_eq!(push_without_blobs(&server.client()).await, 201);
    }
}

#[tokio::test]
async fn a_registry_in_memory_forgets() {
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    push_image(&server.client(), "a", "b").await;
    server
        .client()
        .get("/v2/a/tags/list")
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();
    assert_eq!(server.terminate().await.0, Some(0));
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    server
        .client()
        .get("/v2/a/tags/list")
        .await
        .unwrap()
        .expect_status(&[404])
        .unwrap();
}

#[tokio::test]
async fn the_root_directory_comes_from_the_file_or_a_variable() {
    let elsewhere = tempfile::TempDir::new().unwrap();
    let key = ["storage", "filesystem", "rootdirectory"];
    let root = json!(elsewhere.path());
    let (unused, configuration) = storage();
    for server in both_ways(&configuration, &key, root).await {
        push_image(&server.client(), "a", "b").await;
    }
    assert!(elsewhere.path().join("docker").is_dir());
    assert_eq!(std::fs::read_dir(unused.path()).unwrap().count(), 0);
}
