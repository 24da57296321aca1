//! `storage` and `middleware`.

use hythe_testutil::{Configuration, Request};
use serde_json::{Value, json};

use super::{Row, refused, run, served, shown};
use crate::content::{blob, blob_path, push_blob, push_image, start_upload};
use crate::process::{Server, Setup};

/// Sends everybody to a place that does not exist.
fn redirecting() -> Configuration {
    let elsewhere = json!([{ "name": "redirect", "options": { "baseurl": "https://cdn.test/" } }]);
    Configuration::inmemory().set(&["middleware", "storage"], elsewhere)
}

async fn blob_status(server: &Server) -> u16 {
    let (client, blob) = (server.client(), blob(1, 100));
    push_blob(&client, "a", &blob)
        .await
        .expect_status(&[201])
        .unwrap();
    client.get(&blob_path("a", &blob)).await.unwrap().status
}

fn purging(enabled: bool) -> Configuration {
    let purging = json!({ "enabled": enabled, "age": "1h", "interval": "1h" });
    Configuration::inmemory().set(&["storage", "maintenance", "uploadpurging"], purging)
}

fn storage(section: &Value) -> Configuration {
    Configuration::with_storage(section)
}

pub(super) fn rows() -> Vec<Row> {
    let is_served_here = async |server: Server| assert_eq!(blob_status(&server).await, 200);
    let is_sent_away = async |server: Server| assert_eq!(blob_status(&server).await, 307);
    let middleware = |kind: &str| {
        Configuration::inmemory().set(
            &["middleware", kind],
            json!([{ "name": "mirror", "disabled": true }]),
        )
    };
    let runs = async |setup: Setup| drop(setup.serve().await);
    vec![
        served("storage.delete.enabled", json!(true), async |server| {
            let client = server.client();
            push_image(&client, "a", "latest").await;
            let deleted = client
                .send(Request::delete("/v2/a/manifests/latest"))
                .await
                .unwrap();
            deleted.expect_status(&[202]).unwrap();
        })
        .on(&storage(&json!({ "inmemory": {} }))),
        served("storage.redirect.disable", json!(true), is_served_here).on(&redirecting()),
        served("storage.redirect.minimumsize", json!("1KiB"), is_served_here).on(&redirecting()),
        served(
            "storage.redirect.networks",
            json!(["192.0.2.0/24"]),
            is_served_here,
        )
        .on(&redirecting()),
        served(
            "storage.redirect.exceptnetworks",
            json!(["127.0.0.0/8"]),
            is_served_here,
        )
        .on(&redirecting()),
        shown("storage.redirect.expiry", json!("90s"), "1m30s"),
        // A cache changes no answer; tests of the cache say what it saves.
        shown("storage.cache.blobdescriptor", json!("inmemory"), "inmemory"),
        shown("storage.cache.blobdescriptorsize", json!(5), "5")
            .with(&["storage", "cache", "blobdescriptor"], json!("inmemory")),
        served(
            "storage.cache.layerinfo",
            json!("inmemory"),
            async |mut server| {
                server
                    .until_logged("deprecated; use `storage.cache.blobdescriptor`")
                    .await;
            },
        )
        .without_control(),
        shown("storage.tag.concurrencylimit", json!(8), "8"),
        served(
            "storage.maintenance.readonly.enabled",
            json!(true),
            async |server| {
                let refused = server
                    .client()
                    .send(Request::post("/v2/a/blobs/uploads/"))
                    .await
                    .unwrap();
                refused.expect_status(&[405]).unwrap();
            },
        ),
        served(
            "storage.maintenance.uploadpurging.enabled",
            json!(false),
            async |server| {
                let (_, log, _) = server.terminate().await;
                assert!(!log.contains("upload purge"), "{log}");
            },
        )
        .on(&purging(true)),
        served(
            "storage.maintenance.uploadpurging.interval",
            json!("10ms"),
            async |mut server| {
                server.until_logged("upload purge begins").await;
            },
        )
        .on(&purging(true))
        .without_control(),
        served(
            "storage.maintenance.uploadpurging.age",
            json!("1ms"),
            async |mut server| {
                let client = server.client();
                let place = start_upload(&client, "a").await;
                server.until_logged("old upload removed").await;
                client.get(&place).await.unwrap().expect_status(&[404]).unwrap();
            },
        )
        .on(&purging(true))
        .with(
            &["storage", "maintenance", "uploadpurging", "interval"],
            json!("10ms"),
        )
        .without_control(),
        served(
            "storage.maintenance.uploadpurging.dryrun",
            json!(true),
            async |mut server| {
                let client = server.client();
                let place = start_upload(&client, "a").await;
                server.until_logged("old upload removed").await;
                client.get(&place).await.unwrap().expect_status(&[204]).unwrap();
            },
        )
        .on(&purging(true))
        .with(
            &["storage", "maintenance", "uploadpurging", "interval"],
            json!("10ms"),
        )
        .with(&["storage", "maintenance", "uploadpurging", "age"], json!("1ms")),
        served(
            "storage.filesystem.rootdirectory",
            json!("./elsewhere"),
            async |server| {
                push_image(&server.client(), "a", "latest").await;
                assert!(server.folder().join("elsewhere/docker").is_dir());
            },
        )
        .on(&storage(&json!({ "filesystem": { "rootdirectory": "./data" } }))),
        refused(
            "storage.filesystem.maxthreads",
            json!("many"),
            "must be a whole number",
        )
        .on(&storage(&json!({ "filesystem": { "rootdirectory": "./data" } }))),
        served("middleware.storage[].name", json!("redirect"), is_sent_away).with(
            &["middleware", "storage"],
            json!([{ "options": { "baseurl": "https://cdn.test/" } }]),
        ),
        served(
            "middleware.storage[].options",
            json!({ "baseurl": "https://cdn.test/" }),
            is_sent_away,
        )
        .with(&["middleware", "storage"], json!([{ "name": "redirect" }])),
        served("middleware.storage[].disabled", json!(true), is_served_here).on(&redirecting()),
        refused(
            "middleware.registry[].name",
            json!("mirror"),
            "no registry middleware \"mirror\"",
        )
        .naming("middleware.registry"),
        run("middleware.registry[].disabled", json!(true), runs)
            .with(&["middleware", "registry"], json!([{ "name": "mirror" }])),
        shown("middleware.registry[].options", json!({}), "{}").on(&middleware("registry")),
        refused(
            "middleware.repository[].name",
            json!("mirror"),
            "no repository middleware \"mirror\"",
        )
        .naming("middleware.repository"),
        run("middleware.repository[].disabled", json!(true), runs)
            .with(&["middleware", "repository"], json!([{ "name": "mirror" }])),
        shown("middleware.repository[].options", json!({}), "{}").on(&middleware("repository")),
    ]
}
