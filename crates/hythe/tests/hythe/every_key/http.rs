//! `http`, but for TLS.

use hythe_testutil::{Configuration, Request};
use serde_json::json;

use super::{Row, run, served, shown};
use crate::content::{blob, blob_path, push_blob, start_upload};
use crate::process::{Server, Setup};
use crate::{h2c, tls};

async fn location(server: &Server) -> String {
    let started = server
        .client()
        .send(Request::post("/v2/a/blobs/uploads/"))
        .await
        .unwrap();
    started.header("location").unwrap().to_owned()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        served("http.addr", json!("127.0.0.1:0"), async |server| {
            assert!(server.address().starts_with("127.0.0.1:"), "{}", server.address());
        })
        .with(&["http", "addr"], json!("127.0.0.2:0")),
        run("http.net", json!("unix"), async |setup: Setup| {
            let socket = setup.folder().join("socket");
            // Without the key it is not even an address.
            let mut server = setup.spawn();
            let is_there = server
                .until("it listens or ends", |server| {
                    let has_ended = server.exited().is_some();
                    (server.log().contains("listening on") || has_ended).then_some(!has_ended)
                })
                .await;
            assert!(is_there && tls::socket_status(&socket).await == 200);
        })
        .with(&["http", "addr"], json!("./socket")),
        served("http.prefix", json!("/registry/"), async |server| {
            let answer = server.client().get("/registry/v2/").await.unwrap();
            answer.expect_status(&[200]).unwrap();
        }),
        served("http.host", json!("https://registry.test"), async |server| {
            let location = location(&server).await;
            assert!(
                location.starts_with("https://registry.test/v2/a/blobs/"),
                "{location}"
            );
        }),
        served("http.secret", json!("hush"), async |server| {
            let (_, log, _) = server.terminate().await;
            assert!(
                !log.contains("No HTTP secret provided") && !log.contains("hush"),
                "{log}"
            );
        }),
        served("http.relativeurls", json!(true), async |server| {
            let location = location(&server).await;
            assert!(location.starts_with("/v2/a/blobs/"), "{location}");
        }),
        served("http.draintimeout", json!("7s"), async |server| {
            let (_, log, _) = server.terminate().await;
            assert!(log.contains("Draining connections for 7s"), "{log}");
        }),
        served("http.headers", json!({ "X-One": ["a", "b"] }), async |server| {
            let answer = server.client().get("/v2/").await.unwrap();
            assert_eq!(answer.header_values("x-one"), ["a", "b"]);
        }),
        served("http.h2c.enabled", json!(true), async |server| {
            assert!(h2c::is_spoken(&server).await);
        }),
        // A client that sends no head is let go; without the key it would take half a minute.
        served("http.timeouts.header", json!("50ms"), async |server| {
            let mut connection = server.connect().await;
            let answer = connection.receive(false).await.unwrap();
            assert!(answer.is_none_or(|answer| answer.status == 408));
        })
        .without_control(),
        served("http.timeouts.progress", json!("50ms"), async |server| {
            let place = start_upload(&server.client(), "a").await;
            let mut connection = server.connect().await;
            let head = format!("PATCH {place} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
            connection.send(head.as_bytes()).await.unwrap();
            let answer = connection.receive(false).await.unwrap();
            assert!(answer.is_none_or(|answer| answer.status == 408));
        })
        .without_control(),
        // It delays and loses nothing; a test of its own pushes more than that.
        shown("http.uploadbuffers", json!("1MiB"), "1MiB"),
        served("http.trustedproxies", json!(["127.0.0.0/8"]), async |server| {
            let (client, blob) = (server.client(), blob(1, 100));
            push_blob(&client, "a", &blob)
                .await
                .expect_status(&[201])
                .unwrap();
            let request = Request::get(blob_path("a", &blob)).header("x-forwarded-for", "192.0.2.1");
            client.send(request).await.unwrap().expect_status(&[307]).unwrap();
        })
        .on(&Configuration::inmemory()
            .set(
                &["middleware", "storage"],
                json!([{ "name": "redirect", "options": { "baseurl": "https://cdn.test/" } }]),
            )
            .set(&["storage", "redirect"], json!({ "networks": ["192.0.2.0/24"] }))),
    ]
}
