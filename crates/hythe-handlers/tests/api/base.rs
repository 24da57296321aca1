use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Empty};
use hythe_handlers::{Completed, RequestContext, UrlOptions};
use tower_service::Service;

use crate::server::Server;

#[tokio::test]
async fn base_answers_every_method() {
    let server = Server::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let answer = server
            .send(method, "/v2/", &[], "")
            .await
            .expect(200)
            .expect_body(b"{}");
        answer.expect_header("content-type", "application/json");
    }
    let answer = server.head("/v2/").await.expect(200).expect_body(b"");
    answer.expect_header("content-length", "2");
}

#[tokio::test]
async fn the_root_says_that_the_process_serves() {
    for method in ["GET", "POST", "HEAD"] {
        let answer = Server::new()
            .send(method, "/", &[], "")
            .await
            .expect(200)
            .expect_body(b"");
        answer
            .expect_header("cache-control", "no-cache")
            .expect_no_header("docker-distribution-api-version");
    }
}

#[tokio::test]
async fn every_other_answer_names_the_api_version() {
    let server = Server::new();
    for (target, status) in [
        ("/v2/", 200),
        ("/v2", 301),
        ("/v3/", 404),
        ("/v2/a/../b/tags/list", 400),
        ("/v2/a/tags/list", 404),
    ] {
        let answer = server.get(target).await.expect(status);
        answer.expect_header("docker-distribution-api-version", "registry/2.0");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_is_put_right_with_the_query() {
    let server = Server::new();
    let page = "<a href=\"/v2/\">Moved Permanently</a>.\n\n";
    let answer = server
        .get("/v2")
        .await
        .expect(301)
        .expect_header("location", "/v2/");
    answer
        .expect_header("content-type", "text/html; charset=utf-8")
        .expect_body(page.as_bytes());
    let answer = server
        .send("POST", "/v2/a/blobs/uploads?a=b&c=d", &[], "")
        .await
        .expect(301);
    answer
        .expect_header("location", "/v2/a/blobs/uploads/?a=b&c=d")
        .expect_body(b"");
}

#[tokio::test]
async fn paths_that_no_route_has_are_client_errors_with_a_document() {
    let server = Server::new();
    server.get("/v2/a/b").await.expect_error(404, "UNSUPPORTED");
    server.get("/other").await.expect_error(404, "UNSUPPORTED");
    for target in [
        "/v2/a//b/tags/list",
        "/v2/./a/tags/list",
        "/v2/a%00b/tags/list",
        "/v2/a%2/tags/list",
        "/v2/A/tags/list",
    ] {
        server.get(target).await.expect_error(400, "NAME_INVALID");
    }
    let long = "a".repeat(256);
    let answer = server
        .get(&format!("/v2/{long}/tags/list"))
        .await
        .expect_error(400, "NAME_INVALID");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_escaped_slash_in_a_name_is_a_slash() {
    let server = Server::new();
    server.push_image("a/b", "latest").await;
    server.get("/v2/a%2Fb/manifests/latest").await.expect(200);
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_405_with_those_it_has() {
    let server = Server::new();
    let digest = format!("sha256:{}", "0".repeat(64));
    for (target, method, allow) in [
        ("/v2/_catalog".to_owned(), "POST", "GET, HEAD"),
        ("/v2/a/tags/list".to_owned(), "DELETE", "GET, HEAD"),
        ("/v2/a/manifests/b".to_owned(), "POST", "DELETE, GET, HEAD, PUT"),
        (format!("/v2/a/blobs/{digest}"), "PUT", "DELETE, GET, HEAD"),
        (format!("/v2/a/referrers/{digest}"), "PUT", "GET, HEAD"),
    ] {
        let answer = server
            .send(method, &target, &[], "")
            .await
            .expect_error(405, "UNSUPPORTED");
        answer.expect_header("allow", allow);
        let answer = server
            .send("OPTIONS", &target, &[], "")
            .await
            .expect(200)
            .expect_body(b"");
        answer.expect_header("allow", allow);
    }
}

#[tokio::test]
async fn nothing_is_written_in_read_only_mode() {
    let server = Server::with(|options| options.read_only = true);
    let digest = format!("sha256:{}", "0".repeat(64));
    for (method, target) in [
        ("PUT", "/v2/a/manifests/b".to_owned()),
        ("DELETE", "/v2/a/manifests/b".to_owned()),
        ("DELETE", format!("/v2/a/blobs/{digest}")),
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        (
            "PATCH",
            "/v2/a/blobs/uploads/0192f0c1-7b3a-7c4d-8e5f-0123456789ab".to_owned(),
        ),
    ] {
        let answer = server
            .send(method, &target, &[], "")
            .await
            .expect_error(405, "UNSUPPORTED");
        answer.expect_header("allow", "GET, HEAD");
    }
    server.get("/v2/").await.expect(200);
}

#[tokio::test]
async fn configured_headers_are_on_routes_and_nowhere_else() {
    let server = Server::with(|options| {
        options
            .headers
            .append("x-content-type-options", HeaderValue::from_static("nosniff"));
        options.headers.append("x-two", HeaderValue::from_static("1"));
        options.headers.append("x-two", HeaderValue::from_static("2"));
        options
            .headers
            .append("content-type", HeaderValue::from_static("text/x-wrong"));
    });
    for (target, status) in [("/v2/", 200), ("/v2/a/tags/list", 404)] {
        let answer = server
            .get(target)
            .await
            .expect(status)
            .expect_header("x-content-type-options", "nosniff");
        let two = HeaderName::from_static("x-two");
        assert_eq!(answer.headers.get_all(two).iter().count(), 2);
        answer.expect_header("content-type", "application/json");
    }
    for target in ["/", "/v2", "/other"] {
        server
            .get(target)
            .await
            .expect_no_header("x-content-type-options");
    }
}

#[tokio::test]
async fn the_prefix_is_part_of_the_path_and_of_locations() {
    let server = Server::with(|options| options.urls.prefix = "/registry/".to_owned());
    server.get("/v2/").await.expect(404);
    server.get("/registry/v2/").await.expect(200);
    server
        .get("/registry/v2?a=b")
        .await
        .expect(301)
        .expect_header("location", "/registry/v2/?a=b");
    let answer = server
        .send("POST", "/registry/v2/a/blobs/uploads/", &[], "")
        .await
        .expect(202);
    assert!(
        answer.location().starts_with("/registry/v2/a/blobs/uploads/"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn locations_begin_as_configured() {
    let begins = async |urls: UrlOptions, headers: &[(&str, &str)], expected: &str| {
        let server = Server::with(|options| options.urls = urls);
        let answer = server
            .send("POST", "/v2/a/blobs/uploads/", headers, "")
            .await
            .expect(202);
        let location = answer.header("location").unwrap();
        assert!(
            location.starts_with(&format!("{expected}/v2/a/blobs/uploads/")),
            "{location}"
        );
    };
    let default = UrlOptions::default;
    begins(default(), &[], "http://registry.test").await;
    begins(
        default(),
        &[("x-forwarded-proto", "https"), ("x-forwarded-host", "b.test")],
        "https://b.test",
    )
    .await;
    begins(
        UrlOptions {
            relative: true,
            ..default()
        },
        &[],
        "",
    )
    .await;
    begins(
        UrlOptions {
            host: Some("https://c.test/d/".to_owned()),
            ..default()
        },
        &[],
        "https://c.test/d",
    )
    .await;
}

#[tokio::test]
async fn the_service_takes_any_body_and_tells_what_the_request_was_about() {
    let mut handlers = Server::new().handlers();
    let context = RequestContext::new(None, true);
    let request = Request::get("/v2/a/tags/list")
        .extension(context.clone())
        .body(Empty::new().boxed())
        .unwrap();
    let response = handlers.call(request).await.unwrap();
    let completed = response.extensions().get::<Completed>().unwrap();
    assert_eq!(completed.request_id, context.request_id);
    assert_eq!(completed.route, Some("tags"));
}
