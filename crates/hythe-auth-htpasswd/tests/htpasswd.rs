//! The controller from outside: files, headers, answers.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::net::IpAddr;
use std::path::Path;

use http::{HeaderMap, HeaderValue, header};
use hythe_auth::{Access, AccessController, Action, AuthError, RequestHead};
use hythe_auth_htpasswd::{HtpasswdController, HtpasswdParameters};
use hythe_reference::RepositoryName;

/// `name:password` of `a:right` and `b:right`, in base64.
const A_RIGHT: &str = "Basic YTpyaWdodA==";
const A_WRONG: &str = "Basic YTp3cm9uZw==";
const C_RIGHT: &str = "Basic YzpyaWdodA==";

fn write(path: &Path, password: &str) {
    let hash = bcrypt::hash(password, 4).unwrap();
    std::fs::write(path, format!("a:{hash}\n")).unwrap();
}

struct Fixture {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
    controller: HtpasswdController,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("htpasswd");
    write(&path, "right");
    let parameters = HtpasswdParameters {
        realm: "the \"realm\"".to_owned(),
        path: path.clone(),
    };
    Fixture {
        controller: HtpasswdController::new(&parameters).await.unwrap(),
        _folder: folder,
        path,
    }
}

impl Fixture {
    async fn ask(
        &self,
        authorization: Option<&str>,
        remote: Option<&str>,
    ) -> Result<Option<String>, AuthError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let head = RequestHead {
            headers: &headers,
            host: None,
            remote: remote.map(|text| text.parse::<IpAddr>().unwrap()),
        };
        let name = RepositoryName::parse("some/where").unwrap();
        let access = [Access::repository(&name, Action::Delete)];
        self.controller
            .authorize(head, &access)
            .await
            .map(|grant| grant.user)
    }
}

fn challenges(answer: &Result<Option<String>, AuthError>) -> Vec<&HeaderValue> {
    match answer {
        Err(AuthError::Challenge(challenge)) => challenge.authenticate.iter().collect(),
        other => panic!("no challenge but {other:?}"),
    }
}

#[tokio::test]
async fn who_is_in_the_file_may_do_everything() {
    let fixture = fixture().await;
    for _ in 0..2 {
        let user = fixture.ask(Some(A_RIGHT), None).await.unwrap();
        assert_eq!(user.as_deref(), Some("a"));
    }
}

#[tokio::test]
async fn everybody_else_gets_the_same_challenge() {
    let fixture = fixture().await;
    for authorization in [
        None,
        Some(A_WRONG),
        Some(C_RIGHT),
        Some("Bearer x"),
        Some("Basic !"),
    ] {
        let answer = fixture.ask(authorization, None).await;
        assert_eq!(challenges(&answer), ["Basic realm=\"the \\\"realm\\\"\""]);
    }
}

#[tokio::test]
async fn a_changed_password_counts_at_once_after_a_reload() {
    let fixture = fixture().await;
    fixture.ask(Some(A_RIGHT), None).await.unwrap();
    write(&fixture.path, "wrong");
    fixture.controller.reload();
    challenges(&fixture.ask(Some(A_RIGHT), None).await);
    fixture.ask(Some(A_WRONG), None).await.unwrap();
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait_and_the_others_not() {
    let fixture = fixture().await;
    let remote = Some("192.0.2.1");
    fixture.ask(Some(A_RIGHT), remote).await.unwrap();
    let mut waits = 0;
    for _ in 0..30 {
        match fixture.ask(Some(C_RIGHT), remote).await {
            Err(AuthError::TooMany { retry_after }) => {
                assert!(!retry_after.is_zero());
                waits += 1;
            }
            answer => drop(challenges(&answer)),
        }
    }
    assert!(waits >= 5, "{waits}");
    fixture.ask(Some(A_RIGHT), remote).await.unwrap();
    challenges(&fixture.ask(Some(A_WRONG), Some("192.0.2.2")).await);
}
