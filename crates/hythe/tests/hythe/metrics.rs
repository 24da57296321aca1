//! Metrics of the running program.

use std::collections::BTreeSet;

use hythe_testutil::Configuration;
use serde_json::json;

use crate::content::push_image;
use crate::debug::{ANY_PORT, debug_client};
use crate::process::{Server, Setup, both_ways};

fn configuration() -> Configuration {
    Configuration::inmemory()
        .set(&["http", "debug", "addr"], json!(ANY_PORT))
        .set(&["storage", "cache"], json!({ "blobdescriptor": "inmemory" }))
}

async fn metrics(server: &Server, path: &str) -> String {
    let response = debug_client(server).get(path).await.unwrap();
    assert_eq!(response.status, 200);
    let content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    assert_eq!(response.header("content-type"), Some(content_type));
    String::from_utf8(response.body.to_vec()).unwrap()
}

/// The number of a series.
#[track_caller]
fn value(metrics: &str, series: &str) -> f64 {
    let found = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found
        .unwrap_or_else(|| panic!("{series}\n{metrics}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_push_and_a_pull_are_counted() {
    for server in both_ways(
        &configuration(),
        &["http", "debug", "prometheus", "enabled"],
        json!(true),
    )
    .await
    {
        push_image(&server.client(), "a/b", "latest").await;
        for _ in 0..3 {
            server.client().get("/v2/a/b/manifests/latest").await.unwrap();
        }
        server.client().get("/v2/a/b/manifests/missing").await.unwrap();
        server.client().get("/v2/nothing").await.unwrap();
        let metrics = metrics(&server, "/metrics").await;
        let check = |series: &str, expected: f64| {
            let found = value(&metrics, series);
            assert!((found - expected).abs() < 1e-9, "{series} {found}");
        };
        check(
            "registry_http_requests_total{code=\"200\",handler=\"manifest\",method=\"get\"}",
            3.0,
        );
        check(
            "registry_http_requests_total{code=\"404\",handler=\"manifest\",method=\"get\"}",
            1.0,
        );
        check(
            "registry_http_requests_total{code=\"201\",handler=\"manifest\",method=\"put\"}",
            1.0,
        );
        check("registry_http_in_flight_requests{handler=\"manifest\"}", 0.0);
        let durations = "registry_http_request_duration_seconds_count{handler=\"manifest\",method=\"get\"}";
        check(durations, 4.0);
        check(
            "registry_http_response_size_bytes_count{handler=\"manifest\"}",
            5.0,
        );
        for series in [
            "registry_storage_action_seconds_count{action=\"PutContent\",driver=\"inmemory\"}",
            "hythe_connections_total",
            "hythe_upload_memory_limit_bytes",
            "process_resident_memory_bytes",
            "process_cpu_seconds_total",
        ] {
            assert!(value(&metrics, series) > 0.0, "{series}");
        }
    }
}

#[tokio::test]
async fn metrics_are_where_the_configuration_says() {
    let prometheus = json!({ "enabled": true, "path": "/my/metrics" });
    let server = Setup::with(&configuration().set(&["http", "debug", "prometheus"], prometheus))
        .serve()
        .await;
    assert!(
        server
            .log()
            .contains("providing prometheus metrics on /my/metrics")
    );
    metrics(&server, "/my/metrics").await;
    assert_eq!(debug_client(&server).get("/metrics").await.unwrap().status, 404);
}

#[tokio::test]
async fn what_clients_choose_makes_no_series() {
    let server =
        Setup::with(&configuration().set(&["http", "debug", "prometheus"], json!({ "enabled": true })))
            .serve()
            .await;
    push_image(&server.client(), "a/b", "latest").await;
    let series = async || -> BTreeSet<String> {
        let metrics = metrics(&server, "/metrics").await;
        let lines = metrics.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
            .collect()
    };
    server.client().get("/v2/name/0/tags/list").await.unwrap();
    let before = series().await;
    for number in 1..100 {
        let path = format!("/v2/name/{number}/tags/list?n={number}");
        server.client().get(&path).await.unwrap();
    }
    assert_eq!(series().await, before);
}

#[tokio::test]
async fn the_purging_of_uploads_is_seen() {
    let purging = json!({ "enabled": true, "age": "1ns", "interval": "10ms", "dryrun": true });
    let configuration = configuration()
        .set(&["storage", "maintenance", "uploadpurging"], purging)
        .set(&["http", "debug", "prometheus"], json!({ "enabled": true }));
    let mut server = Setup::with(&configuration).serve().await;
    crate::content::start_upload(&server.client(), "a/b").await;
    server.until_logged("old upload removed").await;
    let metrics = metrics(&server, "/metrics").await;
    assert!(value(&metrics, "hythe_upload_purge_runs_total") > 0.0);
    assert!(value(&metrics, "hythe_upload_purge_uploads_total{outcome=\"dry_run\"}") > 0.0);
    assert!(value(&metrics, "hythe_upload_purge_last_end_timestamp_seconds") > 1e9);
    assert!(value(&metrics, "hythe_upload_purge_uploads_total{outcome=\"removed\"}").abs() < 1e-9);
}
