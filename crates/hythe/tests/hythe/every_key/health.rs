//! `http.debug` and `health`.

use hythe_testutil::Configuration;
use serde_json::{Value, json};

use super::{Row, served, shown};
use crate::debug::{ANY_PORT, debug_client, until_status, with_debug};
use crate::process::Server;

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

/// With a check of that kind that has these keys, ten times in a tenth of a second.
fn checking(kind: &str, check: &Value) -> Configuration {
    with_debug(&Configuration::inmemory()).set(&["health", kind], json!([check]))
}

pub(super) fn rows() -> Vec<Row> {
    let becomes_ill = async |server: Server| drop(until_status(&server, "/debug/health", 503).await);
    // A file that is there is a failure, and so is whoever does not answer.
    let (file, uri) = (env!("CARGO_MANIFEST_DIR"), format!("http://{NOBODY}/"));
    let of_file = checking("file", &json!({ "file": file }));
    let of_http = checking("http", &json!({ "uri": uri }));
    let of_tcp = checking("tcp", &json!({ "addr": NOBODY }));
    let soon = |kind| checking(kind, &json!({ "interval": "10ms" }));
    let driver = json!({ "enabled": true });
    let of_driver = with_debug(&Configuration::inmemory()).set(&["health", "storagedriver"], driver);
    let with_metrics =
        with_debug(&Configuration::inmemory()).set(&["http", "debug", "prometheus", "enabled"], json!(true));
    vec![
        served("http.debug.addr", json!(ANY_PORT), async |server| {
            assert_eq!(debug_client(&server).get("/livez").await.unwrap().status, 200);
        }),
        served("http.debug.prometheus.enabled", json!(true), async |server| {
            assert_eq!(debug_client(&server).get("/metrics").await.unwrap().status, 200);
        })
        .on(&with_debug(&Configuration::inmemory())),
        served("http.debug.prometheus.path", json!("/other"), async |server| {
            assert_eq!(debug_client(&server).get("/other").await.unwrap().status, 200);
        })
        .on(&with_metrics),
        served("health.file[].file", json!(file), becomes_ill)
            .on(&soon("file"))
            .without_control(),
        served("health.http[].uri", json!(uri), becomes_ill)
            .on(&soon("http"))
            .without_control(),
        served("health.tcp[].addr", json!(NOBODY), becomes_ill)
            .on(&soon("tcp"))
            .without_control(),
        served("health.file[].interval", json!("10ms"), becomes_ill)
            .on(&of_file)
            .without_control(),
        served("health.http[].interval", json!("10ms"), becomes_ill)
            .on(&of_http)
            .without_control(),
        served("health.tcp[].interval", json!("10ms"), becomes_ill)
            .on(&of_tcp)
            .without_control(),
        // What these change is tested with the checks themselves.
        shown("health.file[].threshold", json!(3), "3").on(&of_file),
        shown("health.http[].threshold", json!(3), "3").on(&of_http),
        shown("health.http[].statuscode", json!(204), "204").on(&of_http),
        shown("health.http[].timeout", json!("90s"), "1m30s").on(&of_http),
        shown("health.http[].headers", json!({}), "{}").on(&of_http),
        shown("health.tcp[].threshold", json!(3), "3").on(&of_tcp),
        shown("health.tcp[].timeout", json!("90s"), "1m30s").on(&of_tcp),
        shown("health.storagedriver.enabled", json!(true), "true").on(&of_driver),
        shown("health.storagedriver.interval", json!("90s"), "1m30s").on(&of_driver),
        shown("health.storagedriver.threshold", json!(3), "3").on(&of_driver),
    ]
}
