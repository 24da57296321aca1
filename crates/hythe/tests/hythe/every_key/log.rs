//! `log` and `loglevel`.

use hythe_testutil::Configuration;
use serde_json::json;

use super::{Row, served, shown};
use crate::process::Server;

/// Asks for something that is not there, and gives both logs.
async fn logs(server: Server) -> (String, String) {
    server.client().get("/v2/missing/tags/list").await.unwrap();
    let (_, log, access_log) = server.terminate().await;
    (log, access_log)
}

pub(super) fn rows() -> Vec<Row> {
    // No level there, so that the old key counts.
    let bare = Configuration::inmemory().set(&["log"], json!({}));
    let has_details = async |server: Server| {
        let mut connection = server.connect().await;
        connection.send(b"nonsense\r\n\r\n").await.unwrap();
        connection.receive(false).await.unwrap();
        let (log, _) = logs(server).await;
        assert!(log.contains("level=debug"), "{log}");
    };
    let hook = json!([{ "type": "mail" }]);
    let of_hook = |key, value, text| shown(key, value, text).with(&["log", "hooks"], hook.clone());
    vec![
        served("log.level", json!("debug"), has_details),
        served("loglevel", json!("debug"), has_details).on(&bare),
        served("log.formatter", json!("json"), async |server| {
            let (log, _) = logs(server).await;
            assert!(log.starts_with('{'), "{log}");
        }),
        served("log.fields", json!({ "service": "somewhere" }), async |server| {
            let (log, _) = logs(server).await;
            assert!(
                log.lines().all(|line| line.contains("service=somewhere")),
                "{log}"
            );
        }),
        served("log.reportcaller", json!(true), async |server| {
            let (log, _) = logs(server).await;
            assert!(log.lines().all(|line| line.contains(" func=")), "{log}");
        }),
        served("log.accesslog.disabled", json!(true), async |server| {
            let (_, access_log) = logs(server).await;
            assert_eq!(access_log, "");
        }),
        served("log.hooks[].type", json!("mail"), async |server| {
            let (log, _) = logs(server).await;
            assert!(log.contains("hooks are not supported, nothing is sent"), "{log}");
        }),
        served("log.hooks[].disabled", json!(true), async |server| {
            let (log, _) = logs(server).await;
            assert!(!log.contains("hooks are not supported"), "{log}");
        })
        .with(&["log", "hooks"], hook.clone()),
        of_hook("log.hooks[].levels", json!(["panic"]), "[panic]"),
        of_hook(
            "log.hooks[].options.from",
            json!("a@example.com"),
            "\"a@example.com\"",
        ),
        of_hook(
            "log.hooks[].options.to",
            json!(["b@example.com"]),
            "[\"b@example.com\"]",
        ),
        of_hook("log.hooks[].options.smtp.addr", json!("mail:25"), "\"mail:25\""),
        of_hook("log.hooks[].options.smtp.username", json!("a"), "a"),
        of_hook("log.hooks[].options.smtp.password", json!("hush"), "\"<hidden>\""),
        of_hook("log.hooks[].options.smtp.insecure", json!(true), "true"),
    ]
}
