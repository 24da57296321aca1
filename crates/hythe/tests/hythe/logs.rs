//! Both logs.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use hythe_testutil::{Client, Configuration, Request, ServerProcess};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::content::push_image;
use crate::process::{PROGRAM, Server, Setup, both_ways};

const SECRET: &str = "correct-horse-battery-staple";

/// Lines of the application log as JSON.
fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Requests that succeed and requests that fail; the ids that the failures named.
async fn some_requests(client: &Client) -> BTreeSet<String> {
    push_image(client, "a/b", "latest").await;
    let mut named = BTreeSet::new();
    for path in [
        "/v2/missing/tags/list",
        "/v2/a/b/manifests/missing",
        "/v2/a/b/manifests/.bad",
        "/v2/nothing",
    ] {
        let failed = client
            .send(
                Request::get(path)
                    .header("user-agent", "test \"agent\"")
                    .header("referer", "\u{1}x"),
            )
            .await;
        // A control character in a header is refused by the client's library.
        let failed = match failed {
            Ok(failed) => failed,
            Err(_) => client
                .send(Request::get(path).header("user-agent", "test \"agent\""))
                .await
                .unwrap(),
        };
        assert!((400..500).contains(&failed.status), "{path}");
        named.insert(failed.header("x-request-id").unwrap().to_owned());
    }
    assert_eq!(named.len(), 4, "ids repeat");
    named
}

#[tokio::test]
async fn every_line_is_json_and_every_request_has_an_id() {
    let configuration = Configuration::inmemory()
        .set(
            &["log"],
            json!({ "level": "debug", "fields": { "service": "registry", "number": 7 } }),
        )
        .set(&["http", "secret"], json!(SECRET));
    for formatter in ["json", "logstash"] {
        for server in both_ways(&configuration, &["log", "formatter"], json!(formatter)).await {
            let named = some_requests(&server.client()).await;
            let (code, log, access_log) = server.terminate().await;
            assert_eq!(code, Some(0));
            let lines = lines(&log);
            for line in &lines {
                for field in ["time", "level", "msg", "instance.id", "version"] {
                    assert!(line[field].is_string(), "{field}: {line}");
                }
                assert_eq!(
                    (&line["service"], &line["number"]),
                    (&json!("registry"), &json!(7)),
                    "{line}"
                );
            }
            let ids: Vec<&str> = lines
                .iter()
                .filter_map(|line| line["http.request.id"].as_str())
                .collect();
            let completed = |line: &&Value| line["http.request.method"].is_string();
            for line in lines.iter().filter(completed) {
                assert!(line["http.request.id"].is_string(), "{line}");
            }
            // What matches no route is in the access log alone.
            let found = named.iter().filter(|id| ids.contains(&id.as_str())).count();
            assert_eq!(found, 3, "{log}");
            assert!(!log.contains(SECRET) && !access_log.contains(SECRET));
        }
    }
}

#[tokio::test]
async fn a_failure_is_one_line_with_its_code() {
    let configuration = Configuration::inmemory().set(&["log", "formatter"], json!("json"));
    let server = Setup::with(&configuration).serve().await;
    let failed = server.client().get("/v2/a/manifests/missing").await.unwrap();
    let id = failed.header("x-request-id").unwrap().to_owned();
    let (_, log, _) = server.terminate().await;
    let lines = lines(&log);
    let of_request: Vec<&Value> = lines
        .iter()
        .filter(|line| line["http.request.id"] == json!(id))
        .collect();
    let [line] = of_request[..] else { panic!("{log}") };
    let field = |name: &str| line[name].clone();
    assert_eq!(field("level"), "error");
    assert_eq!(field("msg"), "response completed with error");
    assert_eq!(field("err.code"), "manifest unknown");
    assert_eq!(field("http.response.status"), 404);
    assert_eq!(field("http.request.method"), "GET");
    assert_eq!(field("http.request.uri"), "/v2/a/manifests/missing");
    assert_eq!(field("vars.name"), "a");
    assert_eq!(field("vars.reference"), "missing");
}

#[tokio::test]
async fn text_lines_have_the_form_of_logfmt() {
    let configuration = Configuration::inmemory().set(&["log", "fields"], json!({ "place": "a \"b\"" }));
    let server = Setup::with(&configuration).serve().await;
    some_requests(&server.client()).await;
    let (_, log, _) = server.terminate().await;
    for line in log.lines() {
        assert!(line.starts_with("time=\""), "{line}");
        assert!(line.contains("\" level=") && line.contains(" msg="), "{line}");
        assert!(line.contains(" place=\"a \\\"b\\\"\""), "{line}");
    }
    assert!(log.contains("level=info msg=\"response completed\""), "{log}");
    assert!(log.contains("err.code=\"manifest unknown\""), "{log}");
}

#[tokio::test]
async fn lines_name_their_place_in_the_source_when_told() {
    let log = |formatter: &str| json!({ "formatter": formatter, "reportcaller": true });
    for (formatter, key) in [("json", "func"), ("logstash", "function")] {
        let configuration = Configuration::inmemory().set(&["log"], log(formatter));
        let server = Setup::with(&configuration).serve().await;
        server.client().get("/v2/").await.unwrap();
        let (_, log, _) = server.terminate().await;
        for line in lines(&log) {
            let file = line["file"].as_str().unwrap();
            assert!(file.contains(".rs:"), "{line}");
            assert!(line[key].as_str().unwrap().starts_with("hythe"), "{line}");
        }
    }
}

#[tokio::test]
async fn levels_leave_out_what_is_below_them() {
    for (level, has_warnings, has_info) in [
        ("error", false, false),
        ("warn", true, false),
        ("info", true, true),
        ("debug", true, true),
    ] {
        let configuration = Configuration::inmemory().set(&["log", "level"], json!(level));
        // This one finds a free port by itself: the log may not tell it.
        let server = ServerProcess::start(Path::new(PROGRAM), &configuration)
            .await
            .unwrap();
        some_requests(&server.client()).await;
        let deadline = Instant::now() + Duration::from_secs(30);
        while !server.log().contains("level=error") && Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        let log = server.log();
        let has = |name: &str| log.contains(&format!("level={name}"));
        assert!(has("error"), "{level}: {log}");
        assert_eq!(
            (has("warning"), has("info")),
            (has_warnings, has_info),
            "{level}: {log}"
        );
    }
}

#[tokio::test]
async fn the_access_log_has_a_line_for_each_request() {
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    let client = server.client();
    let request = Request::get("/v2/?a=%22")
        .header("user-agent", "x \"y\"")
        .header("referer", "http://r/");
    client.send(request).await.unwrap();
    client.get("/v2/a/tags/list").await.unwrap();
    client.get("/").await.unwrap();
    let (_, _, access_log) = server.terminate().await;
    let lines: Vec<&str> = access_log.lines().collect();
    assert_eq!(lines.len(), 3, "{access_log}");
    for line in &lines {
        assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    }
    assert!(
        lines[0].ends_with("] \"GET /v2/?a=%22 HTTP/1.1\" 200 2 \"http://r/\" \"x \\\"y\\\"\""),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].contains("\"GET /v2/a/tags/list HTTP/1.1\" 404 "),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains("\"GET / HTTP/1.1\" 200 0 \"\" \"\""),
        "{}",
        lines[2]
    );
}

#[tokio::test]
async fn the_access_log_can_be_switched_off() {
    for server in both_ways(
        &Configuration::inmemory(),
        &["log", "accesslog", "disabled"],
        json!(true),
    )
    .await
    {
        some_requests(&server.client()).await;
        let (_, log, access_log) = server.terminate().await;
        assert_eq!(access_log, "");
        assert!(log.contains("response completed"), "{log}");
    }
}

#[tokio::test]
async fn a_line_break_in_a_request_does_not_make_a_line() {
    let server = Setup::with(&Configuration::inmemory()).serve().await;
    server.client().get("/v2/a%0Alevel=info/tags/list").await.unwrap();
    let (_, log, access_log) = server.terminate().await;
    assert!(log.lines().all(|line| line.starts_with("time=")), "{log}");
    assert_eq!(access_log.lines().count(), 1);
}

#[tokio::test]
async fn the_level_changes_with_the_file_and_a_bad_file_changes_nothing() {
    let configuration = Configuration::inmemory().set(&["log", "level"], json!("info"));
    let mut server = Setup::with(&configuration).serve().await;
    let file = server.folder().join("config.yml");
    let client = server.client();
    let has_lines = |server: &mut Server, path: &str| server.log().contains(path).then_some(());

    client.get("/v2/first/tags/list?n=1").await.unwrap();
    client.get("/v2/").await.unwrap();
    server
        .until("it is logged", |server| has_lines(server, "uri=/v2/ "))
        .await;

    std::fs::write(
        &file,
        configuration.clone().set(&["log", "level"], json!("loud")).text(),
    )
    .unwrap();
    server.signal(Signal::HUP);
    server.until_logged("log.level: the old one stays in use").await;

    std::fs::write(&file, configuration.set(&["log", "level"], json!("error")).text()).unwrap();
    server.signal(Signal::HUP);
    // What is well is no longer logged, so only the silence tells.
    let mut quiet_after = None;
    for number in 0..10_000 {
        let path = format!("/v2/_catalog?n={}", number + 1);
        client.get(&path).await.unwrap();
        let failing = format!("/v2/missing/{number}/tags/list");
        client.get(&failing).await.unwrap();
        server
            .until("the failure is logged", |server| has_lines(server, &failing))
            .await;
        if !server.log().contains(&path) {
            quiet_after = Some(number);
            break;
        }
    }
    assert!(quiet_after.is_some(), "the level stays as it was");
}

#[tokio::test]
async fn who_asks_for_traces_is_told_that_there_are_none() {
    for (variable, value, is_told) in [
        ("OTEL_TRACES_EXPORTER", "otlp", true),
        ("OTEL_TRACES_EXPORTER", "none", false),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", true),
        ("OTEL_SERVICE_NAME", "registry", false),
    ] {
        let setup = Setup::with(&Configuration::inmemory()).variable(variable, value);
        let (_, log, _) = setup.serve().await.terminate().await;
        assert_eq!(log.contains("sends no traces"), is_told, "{variable}: {log}");
    }
}
