use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderValue;
use hythe_auth::{Access, AccessController, AuthError, Challenge, Grant, RequestHead};
use hythe_handlers::Completed;
use hythe_testutil::Content;
use serde_json::{Value, json};

use crate::server::{Server, storage};

/// Grants what the `Authorization` field lists; `bad` cannot be read.
#[derive(Debug)]
struct Listed;

#[async_trait]
impl AccessController for Listed {
    async fn authorize(&self, request: RequestHead<'_>, access: &[Access]) -> Result<Grant, AuthError> {
        let granted = request
            .headers
            .get("authorization")
            .map(|value| value.to_str().unwrap());
        let Some(granted) = granted else {
            return Err(challenge());
        };
        if granted == "bad" {
            return Err(AuthError::Malformed { reason: "bad" });
        }
        let is_granted = |access: &Access| granted.split(' ').any(|record| record == access.to_string());
        if access.iter().all(is_granted) {
            Ok(Grant {
                user: Some("somebody".to_owned()),
                ..Grant::default()
            })
        } else {
            Err(challenge())
        }
    }
}

fn challenge() -> AuthError {
    AuthError::Challenge(Challenge {
        authenticate: vec![HeaderValue::from_static("Basic realm=\"test\"")],
        reason: "no".to_owned(),
    })
}

struct Guarded {
    /// The same registry without its guard.
    open: Server,
    guarded: Server,
}

fn guarded() -> Guarded {
    let registry = storage(true);
    Guarded {
        open: Server::over(&registry, |_| {}),
        guarded: Server::over(&registry, |options| options.access = Some(Arc::new(Listed))),
    }
}

#[tokio::test]
async fn who_is_not_granted_access_is_told_what_it_takes() {
    let Guarded { guarded: server, .. } = guarded();
    let record = |action: &str| json!({ "Type": "repository", "Class": "", "Name": "a", "Action": action });
    for (method, target, detail) in [
        ("GET", "/v2/", Value::Null),
        ("OPTIONS", "/v2/a/tags/list", Value::Null),
        (
            "GET",
            "/v2/_catalog",
            json!([{ "Type": "registry", "Class": "", "Name": "catalog", "Action": "*" }]),
        ),
        ("GET", "/v2/a/tags/list", json!([record("pull")])),
        (
            "POST",
            "/v2/a/blobs/uploads/",
            json!([record("pull"), record("push")]),
        ),
        ("DELETE", "/v2/a/manifests/x", json!([record("delete")])),
        ("POST", "/v2/a/tags/list", json!([record("pull"), record("push")])),
        ("GET", "/v2/a/manifests/sha256:abc", json!([record("pull")])),
    ] {
        let answer = server
            .send(method, target, &[], "")
            .await
            .expect_error(401, "UNAUTHORIZED");
        let answer = answer.expect_header("www-authenticate", "Basic realm=\"test\"");
        let error = &answer.json()["errors"][0];
        assert_eq!(
            error.get("detail").cloned().unwrap_or_default(),
            detail,
            "{method} {target}"
        );
    }
}

#[tokio::test]
async fn what_no_route_has_needs_no_access() {
    let Guarded { guarded: server, .. } = guarded();
    server.get("/").await.expect(200);
    server.get("/v2").await.expect(301);
    server.get("/v2/a/b").await.expect(404);
}

#[tokio::test]
async fn granted_access_is_used_and_the_user_is_known() {
    let Guarded {
        open,
        guarded: server,
    } = guarded();
    open.push_image("a", "latest").await;
    let headers = [("authorization", "repository:a:pull")];
    server
        .send("GET", "/v2/a/manifests/latest", &headers, "")
        .await
        .expect(200);
    server
        .send("DELETE", "/v2/a/manifests/latest", &headers, "")
        .await
        .expect(401);

    let request = http::Request::get("/v2/")
        .header("authorization", "x")
        .body(http_body_util::Empty::new())
        .unwrap();
    let response = server
        .handlers()
        .handle(request, hythe_handlers::RequestContext::default())
        .await;
    assert_eq!(
        response.extensions().get::<Completed>().unwrap().user.as_deref(),
        Some("somebody")
    );
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_400_without_a_document() {
    let Guarded { guarded: server, .. } = guarded();
    server
        .send("GET", "/v2/", &[("authorization", "bad")], "")
        .await
        .expect(400)
        .expect_body(b"");
}

#[tokio::test]
async fn mounting_needs_access_to_the_source_that_is_named() {
    let Guarded {
        open,
        guarded: server,
    } = guarded();
    let blob = Content::blob("mounted");
    open.push_blob("b", &blob).await;
    let target = format!("/v2/a/blobs/uploads/?mount={}&from=b", blob.digest);
    let push = "repository:a:pull repository:a:push";
    server
        .send("POST", &target, &[("authorization", push)], "")
        .await
        .expect_error(401, "UNAUTHORIZED");
    let all = format!("{push} repository:b:pull");
    server
        .send("POST", &target, &[("authorization", &all)], "")
        .await
        .expect(201);

    let form = format!("mount={}&from=b", blob.digest);
    let headers = [
        ("authorization", push),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    server
        .send("POST", "/v2/a/blobs/uploads/", &headers, form)
        .await
        .expect_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_source_that_is_not_named_must_be_readable() {
    let Guarded {
        open,
        guarded: server,
    } = guarded();
    let blob = Content::blob("mounted");
    for name in ["b", "c"] {
        open.push_blob(name, &blob).await;
    }
    let target = format!("/v2/a/blobs/uploads/?mount={}", blob.digest);
    let push = "repository:a:pull repository:a:push";
    server
        .send("POST", &target, &[("authorization", push)], "")
        .await
        .expect(202);
    open.get(&format!("/v2/a/blobs/{}", blob.digest))
        .await
        .expect(404);
    let one = format!("{push} repository:c:pull");
    server
        .send("POST", &target, &[("authorization", &one)], "")
        .await
        .expect(201);
}
