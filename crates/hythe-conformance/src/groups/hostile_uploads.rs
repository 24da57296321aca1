//! Uploads whose parts contradict each other, stop early, or do not exist.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, uploads_path, with_query};
use crate::failure::{Outcome, ensure};
use crate::suite::{Group, Scope};
use crate::upload::{CHUNK_BYTES, Upload, received};

const UNKNOWN_UPLOAD: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(super) fn hostile_uploads() -> Group {
    let mut group = Group::new(
        "hostile-uploads",
        Scope::Hythe,
        "uploads that contradict themselves or do not exist",
    );
    for id in [
        UNKNOWN_UPLOAD,
        "x",
        "..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fx",
        "a=b",
        "00000000-0000-0000-0000-000000000000",
        "01890A5D-AC96-774B-BCCE-B302099A8057",
        "{01890a5d-ac96-774b-bcce-b302099a8057}",
        "01890a5dac96774bbcceb302099a8057",
    ] {
        group = group.case(format!("the upload {id} is unknown"), move |context| {
            unknown(context, id)
        });
    }
    for range in [
        "bytes 0-9/10",
        "bytes=0-9",
        "0",
        "-9",
        "0-",
        "a-b",
        "0-9-10",
        "",
        "0-99999999999999999999999",
    ] {
        group = group.case(
            format!("Content-Range {range:?} is refused and stores nothing"),
            move |context| content_range(context, range),
        );
    }
    group
        .case("Content-Range that ends before it begins is 416", |context| {
            refused_range(context, "9-0", 416)
        })
        .case("Content-Range that begins elsewhere is 416", |context| {
            refused_range(context, "1-10", 416)
        })
        .case(
            "Content-Range longer than the body is 400 SIZE_INVALID",
            |context| refused_range(context, "0-10", 400),
        )
        .case(
            "Content-Range shorter than the body is 400 SIZE_INVALID",
            |context| refused_range(context, "0-8", 400),
        )
        .case(
            "a chunk that calls itself JSON is refused or kept as it is",
            wrong_content_type,
        )
        .case(
            "a body that stops early leaves a session that can be resumed",
            stops_early,
        )
        .case(
            "a streamed body that stops early leaves a session that can be resumed",
            stream_stops_early,
        )
        .case("a final body that stops early makes no blob", final_stops_early)
        .case(
            "a single POST whose body stops early makes no blob",
            post_stops_early,
        )
        .case(
            "the digest of other bytes is 400 and the session can be completed",
            digest_of_others,
        )
        .case(
            "malformed digests are 400 DIGEST_INVALID and the session survives",
            malformed_digests,
        )
        .case("an unknown digest-algorithm is 400", unknown_algorithm)
        .case(
            "a digest of another algorithm than announced is 400 or accepted, never an error of ours",
            other_algorithm,
        )
        .case(
            "Expect: 100-continue is refused without the body when the upload is unknown",
            expect_unknown,
        )
        .case(
            "Expect: 100-continue is answered when the upload is known",
            expect_known,
        )
        .case("a tampered _state is refused or ignored", tampered_state)
        .case(
            "mounts of nonsense begin an upload or are refused",
            mount_nonsense,
        )
        .case("a PUT to the uploads of a repository is refused", put_without_id)
}

async fn unknown(context: Context, id: &'static str) -> Outcome {
    let target = format!("{}{id}", uploads_path(&context.repository));
    let digest = Algorithm::Sha256.digest(b"x");
    for request in [
        Request::get(&target),
        Request::head(&target),
        Request::patch(&target).body("x"),
        Request::put(with_query(&target, "digest", &digest)).body("x"),
        Request::delete(&target),
    ] {
        let is_head = request.line().starts_with("HEAD");
        let response = context.send(request).await?;
        response.expect_status(&[301, 400, 404])?;
        ensure!(
            is_head || response.status == 301 || response.error_code().is_some(),
            "{}: no error document",
            response.request
        );
    }
    context.check_no_blob(&context.repository, &digest).await
}

/// The session is there, holds `stored` bytes of the blob and can be completed with the rest.
async fn check_resumable(context: &Context, upload: &mut Upload, blob: &hythe_testutil::Content) -> Outcome {
    let status = context.send(Request::get(&upload.target)).await?;
    status.expect_status(&[204])?;
    upload.follow(&status)?;
    let stored = if status.header("range") == Some("0-0") {
        0
    } else {
        received(&status)?
    };
    ensure!(
        stored <= blob.bytes.len(),
        "{stored} bytes are stored, more than were sent"
    );
    let rest = blob.bytes.slice(stored..);
    let request = if rest.is_empty() {
        upload.complete(&blob.digest)
    } else {
        upload.complete_with_chunk(&blob.digest, stored, &rest)
    };
    let response = context.send(request).await?;
    context.check_pushed(&response, blob).await
}

async fn content_range(mut context: Context, range: &'static str) -> Outcome {
    let blob = context.blob(10, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    for target in [
        Request::patch(&upload.target),
        Request::put(with_query(&upload.target, "digest", &blob.digest)),
    ] {
        let response = context
            .send(target.header("content-range", range).body(blob.bytes.clone()))
            .await?;
        response.expect_status(&[400, 416])?;
    }
    context.check_no_blob(&context.repository, &blob.digest).await?;
    check_resumable(&context, &mut upload, &blob).await
}

async fn refused_range(mut context: Context, range: &'static str, status: u16) -> Outcome {
    let blob = context.blob(10, Algorithm::Sha256);
    let code = if status == 416 {
        "RANGE_INVALID"
    } else {
        "SIZE_INVALID"
    };
    let mut upload = context.start_upload(&context.repository).await?;
    for target in [
        Request::patch(&upload.target),
        Request::put(with_query(&upload.target, "digest", &blob.digest)),
    ] {
        let response = context
            .send(target.header("content-range", range).body(blob.bytes.clone()))
            .await?;
        response.expect_status(&[status])?.expect_error(code)?;
    }
    check_resumable(&context, &mut upload, &blob).await
}

async fn wrong_content_type(mut context: Context) -> Outcome {
    for kind in ["application/json", "application/octet-stream; x=y", "nonsense;;"] {
        let blob = context.blob(10, Algorithm::Sha256);
        let mut upload = context.start_upload(&context.repository).await?;
        let patch = Request::patch(&upload.target)
            .header("content-type", kind)
            .body(blob.bytes.clone());
        context.send(patch).await?.expect_status(&[202, 400, 415])?;
        check_resumable(&context, &mut upload, &blob).await?;
    }
    Ok(())
}

fn broken(bytes: &Bytes) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let half = bytes.slice(..bytes.len() / 2);
    stream::once(async move { Ok(half) })
        .chain(stream::once(async { Err(io::Error::other("broken on purpose")) }))
}

/// Sends a request that breaks off; whether an answer still arrives is a matter of timing.
async fn send_broken(context: &Context, request: Request) -> Outcome {
    if let Ok(response) = context.send(request).await {
        ensure!(
            (400..500).contains(&response.status),
            "{}: {} to half a body",
            response.request,
            response.status
        );
    }
    Ok(())
}

async fn stops_early(mut context: Context) -> Outcome {
    let blob = context.blob(100_000, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let patch = Request::patch(&upload.target).stream(Some(blob.size()), broken(&blob.bytes));
    send_broken(&context, patch).await?;
    retry_until_free(&context, &mut upload, &blob).await
}

async fn stream_stops_early(mut context: Context) -> Outcome {
    let blob = context.blob(100_000, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let patch = Request::patch(&upload.target).stream(None, broken(&blob.bytes));
    send_broken(&context, patch).await?;
    retry_until_free(&context, &mut upload, &blob).await
}

/// The registry may need a moment to notice that the client is gone and to save what came.
async fn retry_until_free(context: &Context, upload: &mut Upload, blob: &hythe_testutil::Content) -> Outcome {
    let mut outcome = check_resumable(context, upload, blob).await;
    for _ in 0..50 {
        if outcome.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        outcome = check_resumable(context, upload, blob).await;
    }
    outcome
}

async fn final_stops_early(mut context: Context) -> Outcome {
    let blob = context.blob(100_000, Algorithm::Sha256);
    let half = blob.bytes.slice(..blob.bytes.len() / 2);
    let half_digest = Algorithm::Sha256.digest(&half);
    let mut upload = context.start_upload(&context.repository).await?;
    // The digest of the half that arrives: even so, the body was announced longer.
    let put = Request::put(with_query(&upload.target, "digest", &half_digest))
        .stream(Some(blob.size()), broken(&blob.bytes));
    send_broken(&context, put).await?;
    context.check_no_blob(&context.repository, &half_digest).await?;
    retry_until_free(&context, &mut upload, &blob).await
}

async fn post_stops_early(mut context: Context) -> Outcome {
    let blob = context.blob(100_000, Algorithm::Sha256);
    let half_digest = Algorithm::Sha256.digest(&blob.bytes.slice(..blob.bytes.len() / 2));
    let target = with_query(&uploads_path(&context.repository), "digest", &half_digest);
    send_broken(
        &context,
        Request::post(target).stream(Some(blob.size()), broken(&blob.bytes)),
    )
    .await?;
    context.check_no_blob(&context.repository, &half_digest).await
}

async fn digest_of_others(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    for wrong in [
        context.missing_digest(Algorithm::Sha256),
        context.missing_digest(Algorithm::Sha512),
    ] {
        let stored = upload.complete(&wrong);
        context
            .send(stored)
            .await?
            .expect_status(&[400])?
            .expect_error("DIGEST_INVALID")?;
    }
    let with_body = upload
        .complete(&context.missing_digest(Algorithm::Sha256))
        .body(blob.bytes.clone());
    context
        .send(with_body)
        .await?
        .expect_status(&[400])?
        .expect_error("DIGEST_INVALID")?;
    check_resumable(&context, &mut upload, &blob).await
}

async fn malformed_digests(mut context: Context) -> Outcome {
    let blob = context.blob(CHUNK_BYTES, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let response = context.send(upload.chunk(0, &blob.bytes)).await?;
    upload.follow(&response)?;
    for digest in [
        "",
        "x",
        "sha256:",
        "sha256:abc",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        ":",
        "../../x",
        "\u{0}",
    ] {
        let response = context.send(upload.complete(digest)).await?;
        response.expect_status(&[400])?.expect_error("DIGEST_INVALID")?;
    }
    check_resumable(&context, &mut upload, &blob).await
}

async fn unknown_algorithm(context: Context) -> Outcome {
    for algorithm in ["md5", "sha-256", "SHA256", "x:y", ""] {
        let target = with_query(&uploads_path(&context.repository), "digest-algorithm", algorithm);
        let response = context.send(Request::post(target)).await?;
        let allowed: &[u16] = if algorithm.is_empty() { &[202, 400] } else { &[400] };
        response.expect_status(allowed)?;
    }
    Ok(())
}

async fn other_algorithm(mut context: Context) -> Outcome {
    let blob = context.blob(500, Algorithm::Sha256);
    let target = with_query(&uploads_path(&context.repository), "digest-algorithm", "sha512");
    let upload = context.start_upload_at(&target).await?;
    let response = context
        .send(upload.complete(&blob.digest).body(blob.bytes.clone()))
        .await?;
    response.expect_status(&[201, 400])?;
    if response.status == 201 {
        context.check_blob(&context.repository, &blob).await
    } else {
        Ok(())
    }
}

async fn expect_unknown(context: Context) -> Outcome {
    let mut connection = context.client.raw().await?;
    let target = format!("{}{UNKNOWN_UPLOAD}", uploads_path(&context.repository));
    let head = context.client.head_of("PATCH", &target).await?
        + "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n";
    connection.send(head.as_bytes()).await?;
    let response = connection.receive(false).await?;
    let status = response.map_or(0, |response| response.status);
    ensure!(
        status == 404,
        "the answer is {status}, not 404, and the body was not sent yet"
    );
    Ok(())
}

async fn expect_known(mut context: Context) -> Outcome {
    let blob = context.blob(1000, Algorithm::Sha256);
    let upload = context.start_upload(&context.repository).await?;
    let target = with_query(&upload.target, "digest", &blob.digest);
    let mut connection = context.client.raw().await?;
    let head = context.client.head_of("PUT", &target).await?
        + "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n";
    connection.send(head.as_bytes()).await?;
    let interim = connection
        .receive(false)
        .await?
        .map_or(0, |response| response.status);
    ensure!(interim == 100, "the first answer is {interim}, not 100");
    connection.send(&blob.bytes).await?;
    let status = connection
        .receive(false)
        .await?
        .map_or(0, |response| response.status);
    ensure!(status == 201, "the second answer is {status}, not 201");
    context.check_blob(&context.repository, &blob).await
}

async fn tampered_state(mut context: Context) -> Outcome {
    let blob = context.blob(500, Algorithm::Sha256);
    let mut upload = context.start_upload(&context.repository).await?;
    let bare = upload.target.split('?').next().unwrap_or_default().to_owned();
    for state in ["", "x", "AAAA", "%ff", "e30="] {
        let target = format!("{bare}?_state={state}");
        context
            .send(Request::patch(target).body(""))
            .await?
            .expect_status(&[202, 400, 404])?;
    }
    check_resumable(&context, &mut upload, &blob).await
}

async fn mount_nonsense(context: Context) -> Outcome {
    let digest = Algorithm::Sha256.digest(b"nowhere");
    for (mount, from) in [
        ("x", "a"),
        ("sha256:abc", "a"),
        (digest.as_str(), "UPPER"),
        (digest.as_str(), "../x"),
        ("", ""),
        (digest.as_str(), ""),
    ] {
        let target = with_query(
            &with_query(&uploads_path(&context.repository), "mount", mount),
            "from",
            from,
        );
        context
            .send(Request::post(target))
            .await?
            .expect_status(&[202, 400])?;
    }
    Ok(())
}

async fn put_without_id(context: Context) -> Outcome {
    let path = uploads_path(&context.repository);
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
        context
            .send(Request::new(method, &path))
            .await?
            .expect_status(&[404, 405])?;
    }
    Ok(())
}
