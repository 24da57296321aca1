//! Over a storage that fails: the client is told so, learns nothing else, and can go on afterwards.

use std::sync::Arc;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hythe_driver::ErrorKind;
use hythe_driver_inmemory::InMemoryDriver;
use hythe_driver_layers::{Effect, Fault, Faulty};
use hythe_handlers::RequestContext;
use hythe_testutil::{Content, Random};

use crate::server::{Answer, Server, storage_over};

fn failing() -> (Arc<Faulty>, Server) {
    let driver = Arc::new(Faulty::new(Arc::new(InMemoryDriver::new())));
    let server = Server::over(&storage_over(driver.clone(), true), |_| {});
    (driver, server)
}

/// Sends a request again and again, the n-th storage call of the n-th time failing, until none fails. Each failure
/// has to be answered with this status and code, or to be hidden from the client altogether.
async fn fail_everywhere<F>(driver: &Faulty, kind: ErrorKind, expected: (u16, &str), send: impl Fn() -> F)
where
    F: Future<Output = Answer>,
{
    for at in 1.. {
        driver.plan(Some(Fault {
            kind,
            ..Fault::nth(at)
        }));
        let answer = send().await;
        let struck = driver.struck();
        driver.plan(None);
        let Some(struck) = struck else {
            assert!(answer.status < 300, "{answer:?}");
            return;
        };
        if answer.status >= 300 {
            let answer = answer.expect_error(expected.0, expected.1);
            let document = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!document.contains("/docker/"), "{struck}: {document}");
        }
    }
}

#[tokio::test]
async fn an_unavailable_storage_is_503_and_a_broken_one_is_500() {
    for (kind, status, code) in [
        (ErrorKind::Unavailable, 503, "UNAVAILABLE"),
        (ErrorKind::Throttled, 503, "UNAVAILABLE"),
        (ErrorKind::Other, 500, "UNKNOWN"),
    ] {
        let (driver, server) = failing();
        let image = server.push_image("a", "latest").await;
        let blob = server.push_blob("a", &Content::blob("x")).await;
        for target in ["/v2/_catalog", "/v2/a/tags/list", "/v2/a/manifests/latest", &blob] {
            fail_everywhere(&driver, kind, (status, code), || server.get(target)).await;
        }
        fail_everywhere(&driver, kind, (status, code), || {
            server.put_manifest("a", "other", &image)
        })
        .await;
    }
}

#[tokio::test]
async fn a_failure_says_when_to_come_back() {
    let (driver, server) = failing();
    driver.plan(Some(Fault::all_from(1)));
    let answer = server
        .get("/v2/a/manifests/latest")
        .await
        .expect_error(503, "UNAVAILABLE");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

#[tokio::test]
async fn an_upload_survives_any_failure() {
    let blob = Content::blob(Random::new(4).bytes(1000));
    for at in 1.. {
        let (driver, server) = failing();
        let location = server.start_upload("a").await;
        driver.plan(Some(Fault::nth(at)));
        let patched = server
            .send("PATCH", &location, &[], blob.bytes.slice(..500))
            .await;
        let struck = driver.struck();
        driver.plan(None);
        assert!(matches!(patched.status, 202 | 503), "{patched:?}");

        let status = server.get(&location).await.expect(204);
        let last: usize = status
            .header("range")
            .unwrap()
            .strip_prefix("0-")
            .unwrap()
            .parse()
            .unwrap();
        let size = if last == 0 { 0 } else { last + 1 };
        let target = format!("{}&digest={}", status.location(), blob.digest);
        server
            .send("PUT", &target, &[], blob.bytes.slice(size..))
            .await
            .expect(201);
        server
            .get(&format!("/v2/a/blobs/{}", blob.digest))
            .await
            .expect(200)
            .expect_body(&blob.bytes);
        if struck.is_none() {
            return;
        }
    }
}

#[tokio::test]
async fn a_deletion_that_fails_leaves_no_tag_without_a_manifest() {
    for at in 1.. {
        let (driver, server) = failing();
        let image = server.push_image("a", "one").await;
        server.put_manifest("a", "two", &image).await.expect(201);
        driver.plan(Some(Fault::nth(at)));
        let target = format!("/v2/a/manifests/{}", image.digest);
        let deleted = server.delete(&target).await;
        let struck = driver.struck();
        driver.plan(None);

        let tags = server.get("/v2/a/tags/list").await.expect(200).json();
        for tag in tags["tags"].as_array().unwrap() {
            let tag = tag.as_str().unwrap();
            let answer = server.get(&format!("/v2/a/manifests/{tag}")).await;
            assert_eq!(answer.status, 200, "{struck:?} leaves {tag}");
        }
        if deleted.status != 202 {
            let again = server.delete(&target).await;
            assert!(matches!(again.status, 202 | 404), "{again:?}");
        }
        let tags = server.get("/v2/a/tags/list").await.expect(200).json();
        assert_eq!(tags["tags"].as_array().map(Vec::len), Some(0), "{struck:?}");
        if struck.is_none() {
            return;
        }
    }
}

#[tokio::test]
async fn content_that_breaks_off_is_no_end_of_the_body() {
    let (driver, server) = failing();
    let target = server
        .push_blob("a", &Content::blob(Random::new(5).bytes(1000)))
        .await;
    for at in 1..9 {
        driver.plan(Some(Fault {
            effect: Effect::Truncate(100),
            ..Fault::nth(at)
        }));
        let request = Request::get(&target).body(Empty::new()).unwrap();
        let response = server.handlers().handle(request, RequestContext::default()).await;
        if response.status() == 200 && driver.struck().is_some() {
            response
                .into_body()
                .collect()
                .await
                .expect_err("the body breaks off");
            return;
        }
    }
    panic!("no call opened the content");
}
