//! The debug listener and the health it tells.

use std::time::{Duration, Instant};

use hythe_testutil::content::media_type;
use hythe_testutil::{Client, Configuration, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::content::{push_image, start_upload};
use crate::process::{Server, Setup, both_ways, storage};

pub(crate) const ANY_PORT: &str = "127.0.0.1:0";

pub(crate) fn with_debug(configuration: &Configuration) -> Configuration {
    configuration
        .clone()
        .set(&["http", "debug", "addr"], json!(ANY_PORT))
}

/// A client of the debug listener.
pub(crate) fn debug_client(server: &Server) -> Client {
    let log = server.log();
    let (_, rest) = log.split_once("debug server listening ").unwrap();
    let end = rest.find(['"', '\n']).unwrap();
    Client::new(&format!("http://{}", &rest[..end])).unwrap()
}

/// Asks again and again until the answer has this status.
pub(crate) async fn until_status(server: &Server, path: &str, status: u16) -> Response {
    let client = debug_client(server);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let response = client.get(path).await.unwrap();
        if response.status == status {
            return response;
        }
        assert!(
            Instant::now() < deadline,
            "{path} stays {response:?}\n{}",
            server.log()
        );
        tokio::task::yield_now().await;
    }
}

fn document(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[tokio::test]
async fn without_checks_all_is_well() {
    for server in both_ways(
        &Configuration::inmemory(),
        &["http", "debug", "addr"],
        json!(ANY_PORT),
    )
    .await
    {
        let client = debug_client(&server);
        let health = client.get("/debug/health").await.unwrap();
        assert_eq!((health.status, &health.body[..]), (200, &b"{}"[..]));
        assert_eq!(health.header("content-type"), Some("application/json"));
        let ready = client.get("/readyz").await.unwrap();
        assert_eq!(document(&ready), json!({ "status": "ready", "checks": {} }));
        let live = client.get("/livez").await.unwrap();
        assert_eq!((live.status, document(&live)), (200, json!({ "status": "ok" })));
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_not_found() {
    let server = Setup::with(&with_debug(&Configuration::inmemory())).serve().await;
    let client = debug_client(&server);
    for path in ["/", "/v2/", "/metrics", "/debug/health/down"] {
        let response = client.get(path).await.unwrap();
        assert_eq!(
            (response.status, &response.body[..]),
            (404, &b"404 page not found\n"[..])
        );
    }
    assert_eq!(client.head("/debug/health").await.unwrap().status, 404);
    let profile = client.get("/debug/pprof/heap").await.unwrap();
    assert_eq!(profile.status, 404);
    assert!(
        String::from_utf8_lossy(&profile.body).contains("perf"),
        "{profile:?}"
    );
    let variables = document(&client.get("/debug/vars").await.unwrap());
    assert_eq!(variables["cmdline"][1], "serve");
    // The registry itself knows none of these pages.
    for path in ["/debug/health", "/livez", "/readyz"] {
        assert_eq!(server.client().get(path).await.unwrap().status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_check_that_fails_is_told_and_stops_nothing() {
    let folder = TempDir::new().unwrap();
    let switch = folder.path().join("maintenance");
    let name = switch.to_str().unwrap().to_owned();
    let checks = json!([{ "file": name, "interval": "10ms", "threshold": 1000 }]);
    let configuration = with_debug(&Configuration::inmemory()).set(&["health", "file"], checks);
    let mut server = Setup::with(&configuration).serve().await;
    push_image(&server.client(), "a/b", "latest").await;

    std::fs::write(&switch, "").unwrap();
    let health = until_status(&server, "/debug/health", 503).await;
    assert_eq!(document(&health), json!({ &name: "file exists" }));
    let ready = until_status(&server, "/readyz", 503).await;
    assert_eq!(
        document(&ready),
        json!({ "status": "degraded", "checks": { &name: "file exists" } })
    );
    assert_eq!(debug_client(&server).get("/livez").await.unwrap().status, 200);
    server.until_logged("health check failed").await;
    for path in ["/", "/v2/", "/v2/a/b/manifests/latest"] {
        assert_eq!(server.client().get(path).await.unwrap().status, 200, "{path}");
    }
    push_image(&server.client(), "a/b", "other").await;

    std::fs::remove_file(&switch).unwrap();
    let ready = until_status(&server, "/readyz", 200).await;
    assert_eq!(
        document(&ready),
        json!({ "status": "ready", "checks": { &name: "ok" } })
    );
    until_status(&server, "/debug/health", 200).await;
    server.until_logged("health check passes again").await;
}

#[tokio::test]
async fn checks_of_servers_fail_under_the_names_of_what_they_ask() {
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let free = TcpListener::bind(ANY_PORT).await.unwrap();
    let (taken_address, free_address) = (listener.local_addr().unwrap(), free.local_addr().unwrap());
    drop(free);
    let url = format!("http://{free_address}/");
    let configuration = with_debug(&Configuration::inmemory()).set(
        &["health"],
        json!({
            "tcp": [
                { "addr": taken_address.to_string(), "interval": "10ms" },
                { "addr": free_address.to_string(), "interval": "10ms", "timeout": "1s", "threshold": 3 },
            ],
            "http": [{
                "uri": &url, "interval": "10ms", "timeout": "1s", "statuscode": 204,
                "headers": { "Authorization": ["Bearer hunter2"] },
            }],
        }),
    );
    let server = Setup::with(&configuration).serve().await;
    loop {
        let health = document(&until_status(&server, "/debug/health", 503).await);
        let failing = health.as_object().unwrap();
        if failing.len() < 2 {
            continue;
        }
        assert_eq!(failing.len(), 2, "{health}");
        let reason = |name: &str| failing[name].as_str().unwrap().to_owned();
        let tcp = reason(&free_address.to_string());
        assert!(
            tcp.starts_with(&format!("{free_address}: connection failed: ")),
            "{tcp}"
        );
        let http = reason(&url);
        assert!(
            http.starts_with(&format!("{url}: error while checking: ")),
            "{http}"
        );
        break;
    }
    assert!(!server.log().contains("hunter2"), "{}", server.log());
}

#[tokio::test]
async fn an_empty_storage_is_well() {
    let (_root, configuration) = storage();
    let configuration = with_debug(&configuration).set(
        &["health", "storagedriver"],
        json!({ "enabled": true, "interval": "10ms" }),
    );
    let server = Setup::with(&configuration).serve().await;
    let ready = until_status(&server, "/readyz", 200).await;
    let checks = json!({ "storagedriver_filesystem": "ok" });
    assert_eq!(document(&ready), json!({ "status": "ready", "checks": checks }));
}

#[tokio::test]
async fn while_it_stops_it_is_alive_and_not_ready() {
    let configuration = with_debug(&Configuration::inmemory()).set(&["http", "draintimeout"], json!("60s"));
    let mut server = Setup::with(&configuration).serve().await;
    let place = start_upload(&server.client(), "a/b").await;
    // A request that does not end keeps it draining.
    let mut connection = server.connect().await;
    let head = format!(
        "PATCH {place} HTTP/1.1\r\nHost: a\r\nContent-Type: {}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        media_type::OCTET_STREAM
    );
    connection.send(head.as_bytes()).await.unwrap();
    assert_eq!(connection.receive(false).await.unwrap().unwrap().status, 100);
    server.signal(Signal::TERM);
    server.until_logged("stopping server gracefully").await;
    let ready = until_status(&server, "/readyz", 503).await;
    assert_eq!(document(&ready)["status"], "stopping");
    assert_eq!(debug_client(&server).get("/livez").await.unwrap().status, 200);
    server.signal(Signal::TERM);
    server.until("it ends", Server::exited).await;
}

#[tokio::test]
async fn an_address_that_is_taken_stops_the_start() {
    let taken = TcpListener::bind(ANY_PORT).await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let configuration = Configuration::inmemory().set(&["http", "debug", "addr"], json!(&address));
    let (code, log) = Setup::with(&configuration).refused().await;
    assert_eq!(code, Some(1));
    assert!(
        log.contains(&format!("http.debug.addr: cannot listen on {address}")),
        "{log}"
    );
}

#[tokio::test]
async fn two_checks_of_one_thing_stop_the_start() {
    let checks = json!([{ "addr": "127.0.0.1:1" }, { "addr": "127.0.0.1:1" }]);
    let configuration = Configuration::inmemory().set(&["health", "tcp"], checks);
    let (code, log) = Setup::with(&configuration).refused().await;
    assert_eq!(code, Some(1));
    assert!(log.contains("health: two checks are named 127.0.0.1:1"), "{log}");
}
