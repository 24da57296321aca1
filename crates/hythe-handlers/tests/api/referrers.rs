use hythe_testutil::content::media_type::OCI_INDEX;
use hythe_testutil::{Content, ImageBuilder};
use serde_json::{Value, json};

use crate::server::{Server, image};

async fn push_referrers(server: &Server, subject: &Content, types: &[&str]) -> Vec<Content> {
    let (config, _) = image("");
    server.push_blob("a", &config).await;
    let mut referrers = Vec::new();
    for (index, artifact_type) in types.iter().enumerate() {
        let referrer = ImageBuilder::oci()
            .artifact_type(artifact_type)
            .config(config.descriptor())
            .subject(subject.descriptor())
            .annotation("index", &index.to_string())
            .build();
        server
            .put_manifest("a", &referrer.digest, &referrer)
            .await
            .expect(201);
        referrers.push(referrer);
    }
    referrers.sort_by(|a, b| a.digest.cmp(&b.digest));
    referrers
}

fn digests(index: &Value) -> Vec<&str> {
    index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn nothing_refers_to_what_nobody_knows() {
    let (_, subject) = image("subject");
    let target = format!("/v2/unknown/referrers/{}", subject.digest);
    let answer = Server::new()
        .get(&target)
        .await
        .expect(200)
        .expect_header("content-type", OCI_INDEX);
    assert_eq!(
        answer.json(),
        json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] })
    );
    answer
        .expect_no_header("link")
        .expect_no_header("oci-filters-applied");
}

#[tokio::test]
async fn referrers_carry_type_and_annotations() {
    let server = Server::new();
    let (_, subject) = image("subject");
    let referrers = push_referrers(&server, &subject, &["x/one", "x/two"]).await;
    let target = format!("/v2/a/referrers/{}", subject.digest);
    let answer = server.get(&target).await.expect(200);
    let index = answer.json();
    assert_eq!(
        digests(&index),
        referrers
            .iter()
            .map(|referrer| referrer.digest.as_str())
            .collect::<Vec<_>>()
    );
    for (entry, referrer) in index["manifests"].as_array().unwrap().iter().zip(&referrers) {
        let manifest: Value = serde_json::from_slice(&referrer.bytes).unwrap();
        assert_eq!(entry["artifactType"], manifest["artifactType"]);
        assert_eq!(entry["annotations"], manifest["annotations"]);
        assert_eq!(entry["size"], referrer.size());
        assert_eq!(entry["mediaType"], referrer.media_type);
    }
    let length = answer.body.len().to_string();
    server
        .head(&target)
        .await
        .expect(200)
        .expect_body(b"")
        .expect_header("content-length", &length);
}

#[tokio::test]
async fn a_filter_is_applied_and_named() {
    let server = Server::new();
    let (_, subject) = image("subject");
    push_referrers(&server, &subject, &["x/one", "x/two", "x/one"]).await;
    let target = format!("/v2/a/referrers/{}?artifactType=x%2Fone", subject.digest);
    let answer = server
        .get(&target)
        .await
        .expect(200)
        .expect_header("oci-filters-applied", "artifactType");
    assert_eq!(digests(&answer.json()).len(), 2);
    let target = format!("/v2/a/referrers/{}?artifactType=", subject.digest);
    let answer = server
        .get(&target)
        .await
        .expect(200)
        .expect_no_header("oci-filters-applied");
    assert_eq!(digests(&answer.json()).len(), 3);
}

#[tokio::test]
async fn pages_follow_their_links_and_keep_the_filter() {
    let server = Server::new();
    let (_, subject) = image("subject");
    push_referrers(&server, &subject, &["x/one", "x/two", "x/one", "x/one"]).await;
    let mut target = format!("/v2/a/referrers/{}?n=1&artifactType=x/one", subject.digest);
    let mut found = Vec::new();
    loop {
        let answer = server
            .get(&target)
            .await
            .expect(200)
            .expect_header("oci-filters-applied", "artifactType");
        found.extend(digests(&answer.json()).into_iter().map(str::to_owned));
        let Some(link) = answer.header("link") else { break };
        target = link
            .strip_prefix('<')
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .to_owned();
    }
    assert_eq!(found.len(), 3);
    assert!(found.is_sorted());
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let server = Server::new();
    server
        .get("/v2/a/referrers/sha256:abc")
        .await
        .expect_error(400, "DIGEST_INVALID");
    server
        .get("/v2/a/referrers/latest")
        .await
        .expect_error(400, "DIGEST_INVALID");
    let (_, subject) = image("subject");
    let target = format!("/v2/a/referrers/{}", subject.digest);
    server
        .get(&format!("{target}?last=x"))
        .await
        .expect_error(400, "DIGEST_INVALID");
    for n in ["0", "-1", "x"] {
        server
            .get(&format!("{target}?n={n}"))
            .await
            .expect_error(400, "PAGINATION_NUMBER_INVALID");
    }
}

#[tokio::test]
async fn a_deleted_referrer_is_gone_at_once() {
    let server = Server::new();
    let (_, subject) = image("subject");
    let referrers = push_referrers(&server, &subject, &["x/one", "x/two"]).await;
    server
        .delete(&format!("/v2/a/manifests/{}", referrers[0].digest))
        .await
        .expect(202);
    let answer = server
        .get(&format!("/v2/a/referrers/{}", subject.digest))
        .await
        .expect(200);
    assert_eq!(digests(&answer.json()), [referrers[1].digest.as_str()]);
}
