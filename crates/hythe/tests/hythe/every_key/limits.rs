//! `catalog`, `tags`, `validation`, `policy`.

use hythe_testutil::Configuration;
use serde_json::{Value, json};

use super::{Row, served};
use crate::content::push_image;
use crate::other_keys::{push_foreign, push_sparse, push_without_blobs};
use crate::process::Server;

const ELSEWHERE: &str = "https://a.example.com/layer";

fn validating(manifests: Value) -> Configuration {
    Configuration::inmemory().set(&["validation", "manifests"], manifests)
}

pub(super) fn rows() -> Vec<Row> {
    let allows_elsewhere =
        async |server: Server| assert_eq!(push_foreign(&server.client(), ELSEWHERE).await, 201);
    let refuses_elsewhere =
        async |server: Server| assert_eq!(push_foreign(&server.client(), ELSEWHERE).await, 400);
    let refused = json!({ "urls": { "deny": ["."] } });
    let listed =
        |list: Value| validating(json!({ "indexes": { "platforms": "list", "platformlist": list } }));
    let takes_arm_alone = async |server: Server| {
        assert_eq!(push_sparse(&server.client(), &["arm64", "amd64"]).await, 201);
    };
    vec![
        served("version", json!(0.1), async |server| {
            server
                .client()
                .get("/v2/")
                .await
                .unwrap()
                .expect_status(&[200])
                .unwrap();
        })
        .without_control(),
        served("catalog.maxentries", json!(2), async |server| {
            for repository in ["a", "b", "c"] {
                push_image(&server.client(), repository, "x").await;
            }
            let page = server.client().get("/v2/_catalog").await.unwrap();
            assert_eq!(page.json().unwrap(), json!({ "repositories": ["a", "b"] }));
        }),
        served("tags.maxtags", json!(2), async |server| {
            for tag in ["a", "b", "c"] {
                push_image(&server.client(), "r", tag).await;
            }
            let page = server.client().get("/v2/r/tags/list?n=3").await.unwrap();
            assert_eq!(page.json().unwrap()["tags"], json!(["a", "b"]));
        }),
        served("validation.disabled", json!(true), allows_elsewhere).on(&validating(refused.clone())),
        served("validation.enabled", json!(true), refuses_elsewhere)
            .on(&validating(refused))
            .with(&["validation", "disabled"], json!(true)),
        served(
            "validation.manifests.urls.allow",
            json!(["^https://b\\."]),
            refuses_elsewhere,
        ),
        served(
            "validation.manifests.urls.deny",
            json!(["^https://a\\."]),
            refuses_elsewhere,
        ),
        served(
            "validation.manifests.indexes.platforms",
            json!("all"),
            async |server| {
                assert_eq!(push_sparse(&server.client(), &["amd64", "arm64"]).await, 400);
            },
        ),
        served(
            "validation.manifests.indexes.platformlist[].architecture",
            json!("arm64"),
            takes_arm_alone,
        )
        .on(&listed(json!([{ "os": "linux", "architecture": "amd64" }]))),
        served(
            "validation.manifests.indexes.platformlist[].os",
            json!("windows"),
            async |server| {
                assert_eq!(push_sparse(&server.client(), &["amd64", "arm64"]).await, 201);
            },
        )
        .on(&listed(json!([{ "os": "linux", "architecture": "arm64" }]))),
        served(
            "validation.manifests.images.blobs",
            json!("none"),
            async |server| {
                assert_eq!(push_without_blobs(&server.client()).await, 201);
            },
        ),
        served("policy.repository.classes", json!(["plugin"]), async |server| {
            assert_eq!(push_foreign(&server.client(), ELSEWHERE).await, 403);
        }),
    ]
}
