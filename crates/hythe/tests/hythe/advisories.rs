//! What went wrong in distribution and was published as a vulnerability must not go wrong here.

use hythe_testutil::{Algorithm, Configuration, Content, ImageBuilder, Request};
use serde_json::json;

use crate::process::Setup;

/// Pushes an image under a tag, and gives its manifest and its one blob.
async fn push(client: &hythe_testutil::Client, repository: &str) -> (Content, Content) {
    let config = Content::config("linux", "amd64", 1, Algorithm::Sha256);
    let manifest = ImageBuilder::oci().config(config.descriptor()).build();
    let upload = format!("/v2/{repository}/blobs/uploads/?digest={}", config.digest);
    let blob = Request::post(upload).header("content-type", "application/octet-stream");
    let blob = client.send(blob.body(config.bytes.clone())).await.unwrap();
    blob.expect_status(&[201]).unwrap();
    let tag = Request::put(format!("/v2/{repository}/manifests/tag"))
        .header("content-type", manifest.media_type.clone())
        .body(manifest.bytes.clone());
    client.send(tag).await.unwrap().expect_status(&[201]).unwrap();
    (manifest, config)
}

/// CVE-2026-41888: deleting a tag did not look at `storage.delete.enabled`.
#[tokio::test]
async fn cve_2026_41888_nothing_is_deleted_while_deletion_is_disabled() {
    for delete in [json!({ "enabled": false }), json!({})] {
        let configuration = Configuration::inmemory().set(&["storage", "delete"], delete);
        let server = Setup::with(&configuration).serve().await;
        let client = server.client();
        let (manifest, blob) = push(&client, "a").await;
        let tag = "/v2/a/manifests/tag".to_owned();
        let by_digest = format!("/v2/a/manifests/{}", manifest.digest);
        let blob = format!("/v2/a/blobs/{}", blob.digest);
        for target in [&tag, &by_digest, &blob] {
            let answer = client.send(Request::delete(target)).await.unwrap();
            answer
                .expect_status(&[405])
                .unwrap()
                .expect_error("UNSUPPORTED")
                .unwrap();
        }
        for target in [&tag, &by_digest, &blob] {
            client.head(target).await.unwrap().expect_status(&[200]).unwrap();
        }
    }
}

/// CVE-2026-35172: a deleted blob could be read again, because a cache had it for another repository.
#[tokio::test]
async fn cve_2026_35172_a_deleted_blob_cannot_be_read_again_from_a_cache() {
    let configuration =
        Configuration::inmemory().set(&["storage", "cache"], json!({ "blobdescriptor": "inmemory" }));
    let server = Setup::with(&configuration).serve().await;
    let client = server.client();
    let (_, blob) = push(&client, "a").await;
    push(&client, "b").await;
    let [in_a, in_b] = ["a", "b"].map(|name| format!("/v2/{name}/blobs/{}", blob.digest));
    // Into the cache with both.
    for target in [&in_a, &in_b] {
        client.get(target).await.unwrap().expect_status(&[200]).unwrap();
    }
    let deleted = client.send(Request::delete(&in_a)).await.unwrap();
    deleted.expect_status(&[202]).unwrap();
    for _ in 0..2 {
        // Reading it where it still is must not bring it back where it is not.
        client.get(&in_b).await.unwrap().expect_status(&[200]).unwrap();
        client.head(&in_a).await.unwrap().expect_status(&[404]).unwrap();
        client.get(&in_a).await.unwrap().expect_status(&[404]).unwrap();
    }
    let mount = format!("/v2/c/blobs/uploads/?mount={}&from=a", blob.digest);
    let mount = client.send(Request::post(mount)).await.unwrap();
    mount.expect_status(&[202]).unwrap();
}
