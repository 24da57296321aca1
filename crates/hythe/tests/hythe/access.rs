//! `auth`: who gets in.

use std::time::Duration;

use hythe_testutil::{Configuration, Request};
use rustix::process::Signal;
use serde_json::json;

use crate::process::{Setup, serve_with};

/// `admin:secret` and `admin:wrong`.
const RIGHT: &str = "Basic YWRtaW46c2VjcmV0";
const WRONG: &str = "Basic YWRtaW46d3Jvbmc=";

#[tokio::test]
async fn a_htpasswd_file_decides_who_gets_in_and_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    let write = |password: &str| {
        let hash = bcrypt::hash(password, 4).unwrap();
        std::fs::write(&file, format!("# people\nadmin:{hash}\n")).unwrap();
    };
    write("secret");
    let server = serve_with(&["auth", "htpasswd"], json!({ "realm": "here", "path": file })).await;
    let client = server.client();
    let ask = async |authorization: Option<&str>| {
        let mut request = Request::get("/v2/");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        client.send(request).await.unwrap()
    };
    for refused in [None, Some(WRONG), Some("Bearer x")] {
        let answer = ask(refused).await;
        answer.expect_status(&[401]).unwrap();
        answer
            .expect_header("www-authenticate", "Basic realm=\"here\"")
            .unwrap();
        answer.expect_error("UNAUTHORIZED").unwrap();
    }
    ask(Some(RIGHT)).await.expect_status(&[200]).unwrap();
    write("wrong");
    // Noticed within a second; how long that is on a busy machine is not what is tested.
    while ask(Some(WRONG)).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    ask(Some(RIGHT)).await.expect_status(&[401]).unwrap();
}

#[tokio::test]
async fn without_a_htpasswd_file_one_is_made_and_its_password_logged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/htpasswd");
    let configuration = Configuration::inmemory()
        .set(&["auth", "htpasswd"], json!({ "realm": "here", "path": file }))
        .set(&["log", "formatter"], json!("json"));
    let server = Setup::with(&configuration).serve().await;
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("docker:$2b$10$")
    );
    let log = server.log();
    let line = log.lines().find(|line| line.contains("provisioning")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["user"], "docker");
    assert_eq!(line["password"].as_str().unwrap().len(), 43);
    server.signal(Signal::TERM);
}

#[tokio::test]
async fn silly_takes_any_authorization() {
    let server = serve_with(
        &["auth", "silly"],
        json!({ "realm": "http://here/", "service": "s" }),
    )
    .await;
    let client = server.client();
    let refused = client.get("/v2/a/tags/list").await.unwrap();
    refused.expect_status(&[401]).unwrap();
    refused
        .expect_header(
            "www-authenticate",
            "Bearer realm=\"http://here/\",service=\"s\",scope=\"repository:a:pull\"",
        )
        .unwrap();
    let asked = Request::get("/v2/").header("authorization", "x");
    client.send(asked).await.unwrap().expect_status(&[200]).unwrap();
}

#[tokio::test]
async fn missing_parameters_stop_the_start_all_at_once() {
    let configuration = Configuration::inmemory().set(&["auth", "htpasswd"], json!({ "path": "" }));
    let (status, log) = Setup::with(&configuration).refused().await;
    assert_eq!(status, Some(1));
    assert!(log.contains("auth.htpasswd.realm: must be set"), "{log}");
    assert!(
        log.contains("auth.htpasswd.path: must be the path of a file"),
        "{log}"
    );
}

#[tokio::test]
async fn a_line_that_is_none_is_named_and_nobody_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, "# people\nadmin\n").unwrap();
    let server = serve_with(&["auth", "htpasswd"], json!({ "realm": "here", "path": file })).await;
    assert!(server.log().contains("line 2: has no colon"), "{}", server.log());
    let client = server.client();
    let asked = Request::get("/v2/").header("authorization", RIGHT);
    client.send(asked).await.unwrap().expect_status(&[400]).unwrap();
    client.get("/v2/").await.unwrap().expect_status(&[401]).unwrap();
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, format!("admin:{}\n", bcrypt::hash("secret", 4).unwrap())).unwrap();
    let server = serve_with(&["auth", "htpasswd"], json!({ "realm": "here", "path": file })).await;
    let client = server.client();
    let ask = async |authorization: &str| {
        let request = Request::get("/v2/").header("authorization", authorization);
        client.send(request).await.unwrap()
    };
    ask(RIGHT).await.expect_status(&[200]).unwrap();
    let refusal = loop {
        let answer = ask(WRONG).await;
        if answer.status != 401 {
            break answer;
        }
    };
    refusal.expect_status(&[429]).unwrap();
    refusal.expect_error("TOOMANYREQUESTS").unwrap();
    let seconds: u64 = refusal.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
    // Who has been let in a moment ago is not locked out by a neighbour.
    ask(RIGHT).await.expect_status(&[200]).unwrap();
}
