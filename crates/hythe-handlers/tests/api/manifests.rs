use std::sync::Arc;

use hythe_driver::{DriverPath, PutOptions, StorageDriver};
use hythe_driver_inmemory::InMemoryDriver;
use hythe_testutil::content::media_type::{
    DOCKER_IMAGE, DOCKER_LIST, OCI_CONFIG, OCI_IMAGE, OCI_INDEX, OCI_LAYER_GZIP,
};
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder};

use crate::server::{HOST, Server, image, storage, storage_over};

const UNKNOWN: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn a_manifest_comes_back_as_it_was_put() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    let answer = server
        .put_manifest("a", "latest", &manifest)
        .await
        .expect(201)
        .expect_body(b"");
    let by_digest = format!("/v2/a/manifests/{}", manifest.digest);
    answer
        .expect_header("location", &format!("{HOST}{by_digest}"))
        .expect_header("docker-content-digest", &manifest.digest)
        .expect_header("content-length", "0")
        .expect_no_header("oci-subject")
        .expect_no_header("oci-tag");

    for target in ["/v2/a/manifests/latest", &by_digest] {
        for method in ["GET", "HEAD"] {
            let body = if method == "GET" {
                manifest.bytes.clone()
            } else {
                bytes::Bytes::new()
            };
            let answer = server
                .send(method, target, &[], "")
                .await
                .expect(200)
                .expect_body(&body);
            answer
                .expect_header("content-type", &manifest.media_type)
                .expect_header("content-length", &manifest.size().to_string())
                .expect_header("docker-content-digest", &manifest.digest)
                .expect_header("etag", &format!("\"{}\"", manifest.digest));
        }
    }
}

#[tokio::test]
async fn a_client_that_has_a_manifest_is_not_sent_it_again() {
    let server = Server::new();
    let manifest = server.push_image("a", "latest").await;
    let digest = &manifest.digest;
    for tag in [
        digest.clone(),
        format!("\"{digest}\""),
        format!("W/\"{digest}\""),
        format!("\"x\", \"{digest}\""),
    ] {
        let answer = server
            .send("GET", "/v2/a/manifests/latest", &[("if-none-match", &tag)], "")
            .await;
        let answer = answer.expect(304).expect_body(b"");
        answer
            .expect_header("etag", &format!("\"{digest}\""))
            .expect_no_header("content-type");
    }
    let headers = [("if-none-match", UNKNOWN)];
    server
        .send("GET", "/v2/a/manifests/latest", &headers, "")
        .await
        .expect(200);
    let unknown = format!("/v2/a/manifests/{UNKNOWN}");
    server
        .send("GET", &unknown, &headers, "")
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn what_is_unknown_or_malformed_is_told() {
    let server = Server::new();
    let answer = server
        .get("/v2/a/manifests/latest")
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"], "unknown tag=latest");
    let answer = server
        .get(&format!("/v2/a/manifests/{UNKNOWN}"))
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
    let detail = format!("unknown manifest name=a revision={UNKNOWN}");
    assert_eq!(answer.json()["errors"][0]["detail"], detail);
    for method in ["GET", "PUT", "DELETE"] {
        let answer = server.send(method, "/v2/a/manifests/sha256:abc", &[], "").await;
        let answer = answer.expect_error(400, "DIGEST_INVALID");
        assert_eq!(
            answer.json()["errors"][0]["detail"],
            "invalid checksum digest length"
        );
    }
    let answer = server
        .head("/v2/a/manifests/latest")
        .await
        .expect(404)
        .expect_body(b"");
    answer.expect_header("content-type", "application/json");
}

#[tokio::test]
async fn a_digest_in_the_path_must_be_that_of_the_body() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    server
        .put_manifest("a", UNKNOWN, &manifest)
        .await
        .expect_error(400, "DIGEST_INVALID");
    server
        .put_manifest("a", &manifest.digest, &manifest)
        .await
        .expect(201);
}

#[tokio::test]
async fn a_manifest_by_sha512_keeps_that_digest() {
    let server = Server::new();
    let config = Content::empty_json(Algorithm::Sha512);
    server.push_blob("a", &config).await;
    let manifest = ImageBuilder::oci()
        .artifact_type("x/y")
        .config(config.descriptor())
        .build_with(Algorithm::Sha512);
    let target = format!("/v2/a/manifests/{}", manifest.digest);
    let answer = server
        .put_manifest("a", &manifest.digest, &manifest)
        .await
        .expect(201);
    answer
        .expect_header("docker-content-digest", &manifest.digest)
        .expect_header("location", &format!("{HOST}{target}"));
    let answer = server.get(&target).await.expect(200).expect_body(&manifest.bytes);
    answer.expect_header("docker-content-digest", &manifest.digest);
    server.delete(&target).await.expect(202);
    server.get(&target).await.expect(404);
}

#[tokio::test]
async fn types_that_the_registry_does_not_take_are_refused() {
    let server = Server::new();
    let (_, manifest) = image("x");
    for content_type in ["", "text/plain", "bad/;;", "application/json"] {
        let headers = [("content-type", content_type)];
        let answer = server
            .send("PUT", "/v2/a/manifests/x", &headers, manifest.bytes.clone())
            .await;
        answer.expect_error(400, "MANIFEST_INVALID");
    }
    let answer = server
        .send("PUT", "/v2/a/manifests/x", &[], manifest.bytes.clone())
        .await;
    answer.expect_error(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn parameters_and_case_of_the_type_do_not_matter() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    let headers = [(
        "content-type",
        "Application/vnd.oci.image.manifest.v1+JSON; charset=utf-8",
    )];
    server
        .send("PUT", "/v2/a/manifests/x", &headers, manifest.bytes.clone())
        .await
        .expect(201);
    server
        .get("/v2/a/manifests/x")
        .await
        .expect(200)
        .expect_header("content-type", OCI_IMAGE);
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let server = Server::new();
    for body in [
        "",
        "{",
        "[]",
        "{}",
        "{\"schemaVersion\":1}",
        "null",
        "{\"schemaVersion\":2,\"config\":7}",
    ] {
        let answer = server
            .send("PUT", "/v2/a/manifests/x", &[("content-type", OCI_IMAGE)], body)
            .await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_too_large_is_413_before_it_is_read() {
    let server = Server::new();
    let body = vec![b' '; 4 * 1024 * 1024 + 1];
    let headers = [("content-type", OCI_IMAGE)];
    let answer = server
        .send("PUT", "/v2/a/manifests/x", &headers, body.clone())
        .await;
    answer
        .expect_error(413, "MANIFEST_INVALID")
        .expect_header("connection", "close");
    let answer = server
        .send_pieces("PUT", "/v2/a/manifests/x", &headers, &[&body])
        .await;
    answer.expect_error(413, "MANIFEST_INVALID");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_manifest() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    let length = (manifest.size() + 1).to_string();
    let headers = [("content-type", OCI_IMAGE), ("content-length", &length)];
    let answer = server
        .send_pieces("PUT", "/v2/a/manifests/x", &headers, &[&manifest.bytes])
        .await;
    answer.expect_error(400, "MANIFEST_INVALID");
    server.get("/v2/a/manifests/x").await.expect(404);
}

#[tokio::test]
async fn everything_that_is_missing_is_named() {
    let server = Server::new();
    let [config, layer] = ["config", "layer"].map(Content::blob);
    let manifest = ImageBuilder::oci()
        .config(config.descriptor_with("mediaType", OCI_CONFIG.into()))
        .layer(layer.descriptor_with("mediaType", OCI_LAYER_GZIP.into()))
        .build();
    let answer = server
        .put_manifest("a", "x", &manifest)
        .await
        .expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 2);
    assert_eq!(errors[0]["detail"], config.digest);
    assert_eq!(errors[1]["detail"], layer.digest);
}

#[tokio::test]
async fn tag_parameters_of_a_push_by_digest_are_set_and_named() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    let tags: Vec<_> = (0..12).map(|number| format!("v{number}")).collect();
    let query = tags
        .iter()
        .chain([&tags[0]])
        .map(|tag| format!("tag={tag}"))
        .collect::<Vec<_>>()
        .join("&");
    let reference = format!("{}?{query}", manifest.digest);
    let answer = server.put_manifest("a", &reference, &manifest).await.expect(201);
    let named: Vec<_> = answer
        .headers
        .get_all("oci-tag")
        .iter()
        .map(|tag| tag.to_str().unwrap())
        .collect();
    assert_eq!(named, tags);
    for tag in &tags {
        server
            .get(&format!("/v2/a/manifests/{tag}"))
            .await
            .expect(200)
            .expect_body(&manifest.bytes);
    }
}

#[tokio::test]
async fn bad_tag_parameters_store_nothing() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    let put = async |query: &str| {
        server
            .put_manifest("a", &format!("{}?{query}", manifest.digest), &manifest)
            .await
    };
    put("tag=good&tag=.bad").await.expect_error(400, "TAG_INVALID");
    put("tag=").await.expect_error(400, "TAG_INVALID");
    let many: Vec<_> = (0..101).map(|number| format!("tag=v{number}")).collect();
    put(&many.join("&")).await.expect_error(414, "TAG_INVALID");
    server.get("/v2/a/manifests/good").await.expect(404);
    server
        .get(&format!("/v2/a/manifests/{}", manifest.digest))
        .await
        .expect(404);
}

#[tokio::test]
async fn tag_parameters_of_a_push_by_tag_are_not_looked_at() {
    let server = Server::new();
    let (config, manifest) = image("x");
    server.push_blob("a", &config).await;
    let answer = server
        .put_manifest("a", "x?tag=other&tag=.", &manifest)
        .await
        .expect(201);
    answer.expect_no_header("oci-tag");
    server.get("/v2/a/manifests/other").await.expect(404);
}

#[tokio::test]
async fn a_subject_is_acknowledged_though_it_is_not_there() {
    let server = Server::new();
    let (config, subject) = image("subject");
    server.push_blob("a", &config).await;
    let manifest = ImageBuilder::oci()
        .artifact_type("x/y")
        .config(config.descriptor())
        .subject(subject.descriptor())
        .build();
    let answer = server
        .put_manifest("a", &manifest.digest, &manifest)
        .await
        .expect(201);
    answer.expect_header("oci-subject", &subject.digest);
    let index = IndexBuilder::oci().subject(subject.descriptor()).build();
    let answer = server.put_manifest("a", "index", &index).await.expect(201);
    answer.expect_header("oci-subject", &subject.digest);
}

/// A Docker list of two platforms, tagged `list`; returns the list and the image for linux/amd64.
async fn push_docker_list(server: &Server) -> (Content, Content) {
    let config = Content::blob("config");
    server.push_blob("a", &config).await;
    let image = |salt: &str| {
        ImageBuilder::docker()
            .config(config.descriptor())
            .member("salt", salt.into())
            .build()
    };
    let (amd64, arm64) = (image("amd64"), image("arm64"));
    for child in [&amd64, &arm64] {
        server.put_manifest("a", &child.digest, child).await.expect(201);
    }
    let list = IndexBuilder::docker()
        .platform(&arm64, "linux", "arm64")
        .platform(&amd64, "linux", "amd64")
        .build();
    server.put_manifest("a", "list", &list).await.expect(201);
    (list, amd64)
}

#[tokio::test]
async fn clients_older_than_lists_get_the_image_they_can_run() {
    let server = Server::new();
    let (list, amd64) = push_docker_list(&server).await;
    let get = async |reference: &str, accept: &str| {
        let headers = [("accept", accept)];
        server
            .send("GET", &format!("/v2/a/manifests/{reference}"), &headers, "")
            .await
    };
    let answer = get("list", DOCKER_IMAGE)
        .await
        .expect(200)
        .expect_body(&amd64.bytes);
    answer
        .expect_header("content-type", DOCKER_IMAGE)
        .expect_header("docker-content-digest", &amd64.digest)
        .expect_header("etag", &format!("\"{}\"", amd64.digest))
        .expect_header("vary", "Accept");
    for accept in [
        "*/*",
        "application/*",
        DOCKER_LIST,
        OCI_INDEX,
        &format!("{DOCKER_IMAGE}, {DOCKER_LIST};q=0.1"),
    ] {
        let answer = get("list", accept).await.expect(200).expect_body(&list.bytes);
        answer.expect_header("vary", "Accept");
    }
    get(&list.digest, DOCKER_IMAGE)
        .await
        .expect(200)
        .expect_body(&list.bytes)
        .expect_no_header("vary");
    get("list", OCI_IMAGE)
        .await
        .expect_error(400, "MANIFEST_INVALID")
        .expect_header("vary", "Accept");
    server
        .get("/v2/a/manifests/list")
        .await
        .expect(200)
        .expect_body(&list.bytes);
}

#[tokio::test]
async fn stored_manifests_that_cannot_be_read_are_not_the_clients_mistake() {
    for (content, status, code) in [
        (r#"{"schemaVersion":1,"name":"a"}"#, 404, "MANIFEST_UNKNOWN"),
        (
            r#"{"schemaVersion":2,"mediaType":"a/b"}"#,
            404,
            "MANIFEST_UNKNOWN",
        ),
        ("damaged", 500, "UNKNOWN"),
    ] {
        let driver = Arc::new(InMemoryDriver::new());
        let server = Server::over(&storage_over(driver.clone(), true), |_| {});
        let stored = Content::blob(content);
        server.push_blob("a", &stored).await;
        let hex = stored.digest.strip_prefix("sha256:").unwrap();
        let link = format!("/docker/registry/v2/repositories/a/_manifests/revisions/sha256/{hex}/link");
        let link = DriverPath::parse(&link).unwrap();
        driver
            .put_content(&link, stored.digest.clone().into(), PutOptions::default())
            .await
            .unwrap();
        let target = format!("/v2/a/manifests/{}", stored.digest);
        server.get(&target).await.expect_error(status, code);
        server.head(&target).await.expect(status);
        server.delete(&target).await.expect(202);
    }
}

#[tokio::test]
async fn oci_manifests_are_served_whatever_the_client_accepts() {
    let server = Server::new();
    let manifest = server.push_image("a", "latest").await;
    let headers = [("accept", DOCKER_IMAGE)];
    let answer = server
        .send("GET", "/v2/a/manifests/latest", &headers, "")
        .await
        .expect(200);
    answer.expect_body(&manifest.bytes);
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest() {
    let server = Server::new();
    let manifest = server.push_image("a", "one").await;
    server.put_manifest("a", "two", &manifest).await.expect(201);
    let answer = server
        .delete("/v2/a/manifests/one")
        .await
        .expect(202)
        .expect_body(b"");
    answer.expect_header("content-length", "0");
    server.get("/v2/a/manifests/one").await.expect(404);
    server.get("/v2/a/manifests/two").await.expect(200);
    server
        .delete("/v2/a/manifests/one")
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn deleting_a_manifest_takes_its_tags_along() {
    let server = Server::new();
    let manifest = server.push_image("a", "one").await;
    server.put_manifest("a", "two", &manifest).await.expect(201);
    let other = server.push_image("a", "other").await;
    let target = format!("/v2/a/manifests/{}", manifest.digest);
    server.delete(&target).await.expect(202);
    for reference in ["one", "two", &manifest.digest] {
        server
            .get(&format!("/v2/a/manifests/{reference}"))
            .await
            .expect(404);
    }
    server
        .get("/v2/a/manifests/other")
        .await
        .expect(200)
        .expect_body(&other.bytes);
    let answer = server.delete(&target).await.expect_error(404, "MANIFEST_UNKNOWN");
    assert!(answer.json()["errors"][0].get("detail").is_none());
}

#[tokio::test]
async fn nothing_is_deleted_where_deletion_is_off() {
    let server = Server::over(&storage(false), |_| {});
    let manifest = server.push_image("a", "one").await;
    for reference in ["one", "unknown", &manifest.digest, UNKNOWN] {
        server
            .delete(&format!("/v2/a/manifests/{reference}"))
            .await
            .expect_error(405, "UNSUPPORTED");
    }
    server.get("/v2/a/manifests/one").await.expect(200);
}
