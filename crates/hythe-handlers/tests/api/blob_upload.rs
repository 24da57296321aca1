use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use hythe_api::UploadState;
use hythe_handlers::RequestContext;
use hythe_testutil::{Algorithm, Content, Random};

use crate::server::{Answer, HOST, Server};

const OTHER_UUID: &str = "0192f0c1-7b3a-7c4d-8e5f-0123456789ab";
const SECRET: &[u8] = b"secret";

fn blob() -> Content {
    Content::blob(Random::new(2).bytes(1000))
}

fn with_secret() -> Server {
    Server::with(|options| {
        options.secret = SECRET.to_vec();
        options.secret_configured = true;
    })
}

fn with_digest(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

fn without_query(location: &str) -> &str {
    location.split('?').next().unwrap()
}

async fn patch(server: &Server, location: &str, range: &str, body: &[u8]) -> Answer {
    let headers = [("content-range", range)];
    let headers: &[_] = if range.is_empty() { &[] } else { &headers };
    server.send("PATCH", location, headers, body.to_vec()).await
}

#[track_caller]
fn expect_stands_at(answer: Answer, status: u16, size: u64) -> Answer {
    let answer = answer
        .expect(status)
        .expect_header("range", &format!("0-{}", size.saturating_sub(1)));
    assert!(answer.location().contains("?_state="), "{answer:?}");
    assert!(answer.header("docker-upload-uuid").is_some(), "{answer:?}");
    answer
}

async fn expect_stored(server: &Server, blob: &Content) {
    server
        .get(&format!("/v2/a/blobs/{}", blob.digest))
        .await
        .expect(200)
        .expect_body(&blob.bytes);
}

#[tokio::test]
async fn a_session_goes_from_post_over_patches_to_put() {
    let server = Server::new();
    let blob = blob();
    let answer = server.send("POST", "/v2/a/blobs/uploads/", &[], "").await;
    let answer = expect_stands_at(answer, 202, 0)
        .expect_header("content-length", "0")
        .expect_body(b"");
    let uuid = answer.header("docker-upload-uuid").unwrap().to_owned();
    assert!(
        answer
            .location()
            .starts_with(&format!("/v2/a/blobs/uploads/{uuid}?")),
        "{answer:?}"
    );

    let answer = patch(&server, &answer.location(), "0-299", &blob.bytes[..300]).await;
    let answer = expect_stands_at(answer, 202, 300).expect_header("content-length", "0");
    let answer = patch(&server, &answer.location(), "", &blob.bytes[300..400]).await;
    let answer = expect_stands_at(answer, 202, 400);
    for method in ["GET", "HEAD"] {
        let answer = server
            .send(method, without_query(&answer.location()), &[], "")
            .await;
        expect_stands_at(answer, 204, 400).expect_no_header("content-length");
    }

    let target = with_digest(&answer.location(), &blob.digest);
    let answer = server
        .send("PUT", &target, &[], blob.bytes.slice(400..))
        .await
        .expect(201)
        .expect_body(b"");
    answer
        .expect_header("location", &format!("{HOST}/v2/a/blobs/{}", blob.digest))
        .expect_header("docker-content-digest", &blob.digest)
        .expect_header("content-length", "0")
        .expect_no_header("docker-upload-uuid");
    expect_stored(&server, &blob).await;
    server
        .get(without_query(&target))
        .await
        .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_stream_without_length_is_appended() {
    let server = Server::new();
    let blob = blob();
    let location = server.start_upload("a").await;
    let pieces = [&blob.bytes[..1], &blob.bytes[1..999], &[], &blob.bytes[999..]];
    let answer = server.send_pieces("PATCH", &location, &[], &pieces).await;
    let answer = expect_stands_at(answer, 202, 1000);
    server
        .send("PUT", &with_digest(&answer.location(), &blob.digest), &[], "")
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn the_url_works_without_its_state() {
    for server in [Server::new(), with_secret()] {
        let blob = blob();
        let location = server.start_upload("a").await;
        let location = without_query(&location);
        expect_stands_at(patch(&server, location, "", &blob.bytes).await, 202, 1000);
        server
            .send("PUT", &with_digest(location, &blob.digest), &[], "")
            .await
            .expect(201);
        expect_stored(&server, &blob).await;
    }
}

#[tokio::test]
async fn a_blob_may_come_with_the_post() {
    let server = Server::new();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let blob = Content::new("", blob().bytes, algorithm);
        let target = format!("/v2/a/blobs/uploads/?digest={}", blob.digest);
        // The type that HTTP libraries give by default to whatever they send.
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = server
            .send("POST", &target, &headers, blob.bytes.clone())
            .await
            .expect(201);
        answer
            .expect_header("location", &format!("{HOST}/v2/a/blobs/{}", blob.digest))
            .expect_header("docker-content-digest", &blob.digest);
        expect_stored(&server, &blob).await;
    }
}

#[tokio::test]
async fn a_post_with_the_wrong_digest_stores_nothing() {
    let server = Server::new();
    let [wrong, right] = [Content::blob("wrong"), blob()];
    let target = format!("/v2/a/blobs/uploads/?digest={}", wrong.digest);
    server
        .send("POST", &target, &[], right.bytes.clone())
        .await
        .expect_error(400, "DIGEST_INVALID");
    for blob in [wrong, right] {
        server
            .get(&format!("/v2/a/blobs/{}", blob.digest))
            .await
            .expect(404);
    }
    for digest in ["sha256:abc", "x"] {
        let target = format!("/v2/a/blobs/uploads/?digest={digest}");
        server
            .send("POST", &target, &[], "x")
            .await
            .expect_error(400, "DIGEST_INVALID");
    }
}

#[tokio::test]
async fn a_wrong_digest_leaves_the_session_as_it_is() {
    let server = with_secret();
    let blob = blob();
    let location = server.start_upload("a").await;
    let answer = patch(&server, &location, "", &blob.bytes[..500])
        .await
        .expect(202);
    let wrong = with_digest(&answer.location(), &Content::blob("wrong").digest);
    let answer = server.send("PUT", &wrong, &[], blob.bytes.slice(500..)).await;
    let answer = answer.expect_error(400, "DIGEST_INVALID");
    let detail = answer.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.starts_with("invalid digest for referenced layer: sha256:"),
        "{detail}"
    );

    let answer = server.get(without_query(&location)).await;
    let answer = expect_stands_at(answer, 204, 1000);
    server
        .send("PUT", &with_digest(&answer.location(), &blob.digest), &[], "")
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn put_needs_a_digest_that_can_be_read() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    for (target, detail) in [
        (location.clone(), "digest missing"),
        (with_digest(&location, ""), "digest missing"),
        (with_digest(&location, "x"), "digest parsing failed"),
        (
            with_digest(&location, "md5:d41d8cd98f00b204e9800998ecf8427e"),
            "digest parsing failed",
        ),
    ] {
        let answer = server
            .send("PUT", &target, &[], "x")
            .await
            .expect_error(400, "DIGEST_INVALID");
        assert_eq!(answer.json()["errors"][0]["detail"], detail);
    }
    expect_stands_at(server.get(without_query(&location)).await, 204, 0);
}

#[tokio::test]
async fn chunks_out_of_order_are_416_and_tell_where_to_go_on() {
    let server = Server::new();
    let blob = blob();
    let location = server.start_upload("a").await;
    let location = patch(&server, &location, "0-499", &blob.bytes[..500])
        .await
        .expect(202)
        .location();
    for range in ["0-499", "499-998", "501-1000", "5-4"] {
        let answer = patch(&server, &location, range, &blob.bytes[500..]).await;
        let answer = expect_stands_at(answer, 416, 500);
        assert_eq!(answer.json()["errors"][0]["code"], "RANGE_INVALID");
        let headers = [("content-range", range)];
        let target = with_digest(&location, &blob.digest);
        let answer = server
            .send("PUT", &target, &headers, blob.bytes.slice(500..))
            .await;
        expect_stands_at(answer, 416, 500);
        let answer = server
            .send_pieces("PATCH", &location, &headers, &[&blob.bytes[500..]])
            .await;
        expect_stands_at(answer, 416, 500);
    }
    let headers = [("content-range", "500-999")];
    let target = with_digest(&location, &blob.digest);
    server
        .send("PUT", &target, &headers, blob.bytes.slice(500..))
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn a_range_of_another_length_than_the_body_appends_nothing() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    for range in ["0-3", "0-5"] {
        patch(&server, &location, range, b"12345")
            .await
            .expect_error(400, "SIZE_INVALID");
        let headers = [("content-range", range)];
        let target = with_digest(&location, &Content::blob("12345").digest);
        server
            .send("PUT", &target, &headers, "12345")
            .await
            .expect_error(400, "SIZE_INVALID");
    }
    for range in ["bytes 0-4/5", "0-", "-4", "x", "0-4-4", "0-99999999999999999999"] {
        let answer = patch(&server, &location, range, b"12345").await;
        assert_eq!(answer.status, 400, "{range}: {answer:?}");
    }
    expect_stands_at(server.get(&location).await, 204, 0);
}

#[tokio::test]
async fn a_range_counts_though_no_length_is_announced() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    let headers = [("content-range", "0-4")];
    let answer = server
        .send_pieces("PATCH", &location, &headers, &[b"123", b"45"])
        .await;
    let location = expect_stands_at(answer, 202, 5).location();
    let headers = [("content-range", "5-9")];
    let answer = server.send_pieces("PATCH", &location, &headers, &[b"678"]).await;
    answer
        .expect_error(400, "SIZE_INVALID")
        .expect_header("connection", "close");
    let answer = server.get(&location).await;
    let location = expect_stands_at(answer, 204, 8).location();
    let headers = [("content-range", "8-9")];
    let answer = server
        .send_pieces("PATCH", &location, &headers, &[b"90", b"x"])
        .await;
    answer.expect_error(400, "SIZE_INVALID");
    let answer = server.get(&location).await;
    let location = expect_stands_at(answer, 204, 10).location();
    let blob = Content::blob("1234567890");
    server
        .send("PUT", &with_digest(&location, &blob.digest), &[], "")
        .await
        .expect(201);
}

#[tokio::test]
async fn an_old_state_is_out_of_order() {
    let server = Server::new();
    let old = server.start_upload("a").await;
    patch(&server, &old, "", b"12345").await.expect(202);
    expect_stands_at(patch(&server, &old, "", b"67890").await, 416, 5);
    expect_stands_at(patch(&server, &old, "5-9", b"67890").await, 416, 5);
    let target = with_digest(&old, &Content::blob("12345").digest);
    expect_stands_at(server.send("PUT", &target, &[], "").await, 416, 5);
    expect_stands_at(server.send("POST", &old, &[], "").await, 416, 5);
    server.delete(&old).await.expect(204);
}

#[tokio::test]
async fn a_state_that_is_not_ours_is_refused_where_a_secret_is_configured() {
    let state = |name: &str, uuid: &str, secret: &[u8]| {
        let state = UploadState {
            name: name.to_owned(),
            uuid: uuid.to_owned(),
            offset: 0,
            started_at: "2026-01-01T00:00:00Z".to_owned(),
            mark: None,
        };
        state.encode(secret)
    };
    for (configured, status) in [(true, 404), (false, 202)] {
        let server = Server::with(|options| {
            options.secret = SECRET.to_vec();
            options.secret_configured = configured;
        });
        let location = server.start_upload("a").await;
        let uuid = without_query(&location).rsplit('/').next().unwrap();
        for token in ["x", "!", &state("a", uuid, b"other"), "AAAA"] {
            let target = format!("{}?_state={token}", without_query(&location));
            patch(&server, &target, "", b"").await.expect(status);
        }
        for token in [state("b", uuid, SECRET), state("a", OTHER_UUID, SECRET)] {
            let target = format!("{}?_state={token}", without_query(&location));
            patch(&server, &target, "", b"")
                .await
                .expect_error(404, "BLOB_UPLOAD_INVALID");
            server
                .delete(&target)
                .await
                .expect_error(404, "BLOB_UPLOAD_INVALID");
        }
        let target = format!("{}?_state={}", without_query(&location), state("a", uuid, SECRET));
        patch(&server, &target, "", b"").await.expect(202);
    }
}

#[tokio::test]
async fn sessions_that_are_not_there_are_unknown() {
    let server = Server::new();
    let digest = blob().digest;
    for uuid in [OTHER_UUID, "x", "..=", "0192F0C1-7B3A-7C4D-8E5F-0123456789AB", ""] {
        for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE"] {
            let target = format!("/v2/a/blobs/uploads/{uuid}?digest={digest}");
            let answer = server.send(method, &target, &[], "").await.expect(404);
            if method != "HEAD" {
                answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
            }
        }
    }
    let target = format!("/v2/a/blobs/uploads/{OTHER_UUID}");
    for query in ["", "?digest=", "?digest=x"] {
        let answer = server.send("PUT", &format!("{target}{query}"), &[], "").await;
        answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    let answer = server.send("PATCH", &target, &[("content-range", "x")], "").await;
    answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    server
        .send("POST", &format!("/v2/a/blobs/uploads/{OTHER_UUID}"), &[], "")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_session_belongs_to_its_repository() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    let elsewhere = without_query(&location).replace("/v2/a/", "/v2/b/");
    patch(&server, &elsewhere, "", b"x")
        .await
        .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn post_to_a_session_starts_another() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    let other = server
        .send("POST", &location, &[], "")
        .await
        .expect(202)
        .location();
    assert_ne!(without_query(&location), without_query(&other));
    server.get(&location).await.expect(204);
}

#[tokio::test]
async fn a_cancelled_session_is_gone() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    let answer = patch(&server, &location, "", b"12345").await.expect(202);
    let answer = server
        .delete(&answer.location())
        .await
        .expect(204)
        .expect_body(b"");
    assert!(without_query(&location).ends_with(answer.header("docker-upload-uuid").unwrap()));
    server
        .get(&location)
        .await
        .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    server
        .delete(&location)
        .await
        .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_blob_is_mounted_from_the_repository_that_has_it() {
    let server = Server::new();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let blob = Content::new("", blob().bytes, algorithm);
        server.push_blob("b", &blob).await;
        let target = format!("/v2/a/blobs/uploads/?mount={}&from=b", blob.digest);
        let answer = server
            .send("POST", &target, &[], "")
            .await
            .expect(201)
            .expect_body(b"");
        answer
            .expect_header("location", &format!("{HOST}/v2/a/blobs/{}", blob.digest))
            .expect_header("docker-content-digest", &blob.digest)
            .expect_header("content-length", "0")
            .expect_no_header("docker-upload-uuid");
        expect_stored(&server, &blob).await;
    }
}

#[tokio::test]
async fn a_blob_is_mounted_from_wherever_it_is() {
    let server = Server::new();
    let blob = blob();
    server.push_blob("b", &blob).await;
    let target = format!("/v2/a/blobs/uploads/?mount={}", blob.digest);
    server.send("POST", &target, &[], "").await.expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn a_mount_may_be_asked_for_by_a_form() {
    let server = Server::new();
    let blob = blob();
    server.push_blob("b", &blob).await;
    let form = format!("mount={}&from=b", blob.digest);
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    server
        .send("POST", "/v2/a/blobs/uploads/", &headers, form)
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn a_mount_that_cannot_be_is_an_upload() {
    let server = Server::new();
    let blob = blob();
    let unknown = Content::blob("unknown").digest;
    server.push_blob("b", &blob).await;
    let digest = &blob.digest;
    for query in [
        format!("mount={unknown}&from=b"),
        format!("mount={unknown}"),
        format!("mount={digest}&from=c"),
        format!("mount={digest}&from=../b"),
        "mount=x&from=b".to_owned(),
        "from=b".to_owned(),
    ] {
        let answer = server
            .send("POST", &format!("/v2/a/blobs/uploads/?{query}"), &[], "")
            .await;
        expect_stands_at(answer, 202, 0);
    }
    server.get(&format!("/v2/a/blobs/{digest}")).await.expect(404);
}

#[tokio::test]
async fn the_algorithm_may_be_announced() {
    let server = Server::new();
    let blob = Content::new("", blob().bytes, Algorithm::Sha512);
    let answer = server
        .send("POST", "/v2/a/blobs/uploads/?digest-algorithm=sha512", &[], "")
        .await
        .expect(202);
    let answer = patch(&server, &answer.location(), "", &blob.bytes)
        .await
        .expect(202);
    let answer = server
        .send("PUT", &with_digest(&answer.location(), &blob.digest), &[], "")
        .await
        .expect(201);
    answer.expect_header("docker-content-digest", &blob.digest);
    expect_stored(&server, &blob).await;
    let target = "/v2/a/blobs/uploads/?digest-algorithm=md5";
    server
        .send("POST", target, &[], "")
        .await
        .expect_error(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn the_least_chunk_is_announced_where_there_is_one() {
    let server = Server::with(|options| options.chunk_min_length = Some(5_242_880));
    let answer = server
        .send("POST", "/v2/a/blobs/uploads/", &[], "")
        .await
        .expect(202);
    answer.expect_header("oci-chunk-min-length", "5242880");
    let answer = Server::new()
        .send("POST", "/v2/a/blobs/uploads/", &[], "")
        .await
        .expect(202);
    answer.expect_no_header("oci-chunk-min-length");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_kept_and_can_be_resumed() {
    let server = Server::new();
    let blob = blob();
    let location = server.start_upload("a").await;
    let broken = stream::iter([
        Ok(Frame::data(blob.bytes.slice(..300))),
        Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    ]);
    let headers = [("content-length", "1000")];
    let answer = server
        .send_body("PATCH", &location, &headers, StreamBody::new(broken))
        .await;
    answer
        .expect_error(400, "SIZE_INVALID")
        .expect_header("connection", "close");
    let answer = server.get(&location).await;
    let location = expect_stands_at(answer, 204, 300).location();
    let target = with_digest(&location, &blob.digest);
    server
        .send("PUT", &target, &[], blob.bytes.slice(300..))
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn a_client_that_goes_away_finds_what_it_sent() {
    let server = Server::new();
    let blob = blob();
    let location = server.start_upload("a").await;
    let handlers = server.handlers();
    let (sent, was_sent) = tokio::sync::oneshot::channel();
    let first = stream::iter([Ok::<_, Infallible>(Frame::data(blob.bytes.slice(..300)))]);
    let rest = stream::once(async move {
        let _ = sent.send(());
        std::future::pending().await
    });
    let body = StreamBody::new(first.chain(rest));
    let request = Request::patch(&location)
        .header("content-length", "1000")
        .body(body)
        .unwrap();
    let answering = handlers.handle(request, RequestContext::default());
    tokio::select! {
        answer = answering => panic!("{answer:?}"),
        _ = was_sent => {}
    }
    handlers.join().await;
    let answer = server.get(&location).await;
    let location = expect_stands_at(answer, 204, 300).location();
    let target = with_digest(&location, &blob.digest);
    server
        .send("PUT", &target, &[], blob.bytes.slice(300..))
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn of_many_closers_one_wins_and_the_others_are_told() {
    let server = Server::new();
    let blob = blob();
    let location = server.start_upload("a").await;
    let location = patch(&server, &location, "", &blob.bytes)
        .await
        .expect(202)
        .location();
    let target = with_digest(&location, &blob.digest);
    let closers = (0..8).map(|_| server.send("PUT", &target, &[], ""));
    let statuses: Vec<_> = futures_util::future::join_all(closers)
        .await
        .iter()
        .map(|answer| answer.status)
        .collect();
    assert!(statuses.contains(&201), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 201 | 404 | 416)),
        "{statuses:?}"
    );
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn of_many_writers_each_chunk_is_written_once() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    let writers = (0..8).map(|_| patch(&server, &location, "0-4", b"12345"));
    let statuses: Vec<_> = futures_util::future::join_all(writers)
        .await
        .iter()
        .map(|answer| answer.status)
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 202).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 202 | 416)),
        "{statuses:?}"
    );
    expect_stands_at(server.get(&location).await, 204, 5);
}

#[tokio::test]
async fn an_empty_blob_can_be_uploaded() {
    let server = Server::new();
    let blob = Content::blob(Bytes::new());
    let location = server.start_upload("a").await;
    server
        .send("PUT", &with_digest(&location, &blob.digest), &[], "")
        .await
        .expect(201);
    expect_stored(&server, &blob).await;
}

#[tokio::test]
async fn any_content_type_will_do() {
    let server = Server::new();
    let location = server.start_upload("a").await;
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    expect_stands_at(
        server.send("PATCH", &location, &headers, "digest=x").await,
        202,
        8,
    );
}
