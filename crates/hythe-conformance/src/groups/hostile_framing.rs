//! Messages that RFC 9112 forbids, or that are only meant to cost the server something.

use hythe_testutil::{Algorithm, RawConnection};

use crate::context::{Context, blob_path, uploads_path};
use crate::failure::{Failure, Outcome, ensure};
use crate::suite::{Group, Scope};

pub(super) fn hostile_framing() -> Group {
    let mut group = Group::new(
        "hostile-framing",
        Scope::Hythe,
        "messages that HTTP forbids are refused, and nothing is smuggled",
    );
    for (what, headers, body) in [
        (
            "Content-Length and Transfer-Encoding",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "Transfer-Encoding and Content-Length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "0\r\n\r\n",
        ),
        (
            "two different Content-Length",
            "Content-Length: 5\r\nContent-Length: 0\r\n",
            "",
        ),
        (
            "a list of different Content-Length",
            "Content-Length: 5, 0\r\n",
            "",
        ),
        ("a negative Content-Length", "Content-Length: -5\r\n", ""),
        ("a Content-Length with a sign", "Content-Length: +5\r\n", "hello"),
        ("a hexadecimal Content-Length", "Content-Length: 0x5\r\n", "hello"),
        ("an empty Content-Length", "Content-Length:\r\n", ""),
        (
            "a Content-Length beyond 64 bits",
            "Content-Length: 99999999999999999999999\r\n",
            "",
        ),
        (
            "an unknown Transfer-Encoding",
            "Transfer-Encoding: gzip, identity\r\n",
            "",
        ),
        (
            "chunked that is not the last coding",
            "Transfer-Encoding: chunked, gzip\r\n",
            "0\r\n\r\n",
        ),
        ("a folded header line", "X-A: b\r\n c\r\n", ""),
        ("a space before the colon", "X-A : b\r\n", ""),
        (
            "a space before the colon of Content-Length",
            "Content-Length : 5\r\n",
            "hello",
        ),
        ("a header line without a colon", "nonsense\r\n", ""),
        ("a header without a name", ": x\r\n", ""),
        ("a NUL in a header", "X-A: b\0c\r\n", ""),
        ("a carriage return in a header", "X-A: b\rc\r\n", ""),
        (
            "no chunk size",
            "Transfer-Encoding: chunked\r\n",
            "\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk size that is none",
            "Transfer-Encoding: chunked\r\n",
            "x\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a negative chunk size",
            "Transfer-Encoding: chunked\r\n",
            "-5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk size beyond 64 bits",
            "Transfer-Encoding: chunked\r\n",
            "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk without its end",
            "Transfer-Encoding: chunked\r\n",
            "5\r\nhelloXX0\r\n\r\n",
        ),
        (
            "a chunk size ended by a bare line feed",
            "Transfer-Encoding: chunked\r\n",
            "5\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk ended by a bare line feed",
            "Transfer-Encoding: chunked\r\n",
            "5\r\nhello\n0\r\n\r\n",
        ),
    ] {
        let name = format!("a PUT of a manifest with {what} is refused and nothing is smuggled");
        group = group.case(name, move |context| forbidden(context, headers, body));
    }
    for (what, request) in [
        ("no version", "GET /v2/\r\n\r\n"),
        ("a version that is none", "GET /v2/ HTTP/9.9\r\nHost: a\r\n\r\n"),
        ("two spaces", "GET  /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a method with a colon", "G:T /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "TLS instead of HTTP",
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n",
        ),
        (
            "two Host headers",
            "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ),
        ("no Host header", "GET /v2/ HTTP/1.1\r\n\r\n"),
        ("HTTP/2 instead of HTTP/1.1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        group = group.case(format!("a request with {what} is refused"), move |context| {
            refused_line(context, request)
        });
    }
    group
        .case("a header of 10 MB is refused", |context| async move {
            big_head(context, 1, 10 << 20).await
        })
        .case("100000 headers are refused", |context| async move {
            big_head(context, 100_000, 10).await
        })
        .case("requests sent at once are answered in order", pipelined)
        .case("uploads sent at once are answered in order", pipelined_uploads)
        .case(
            "a HEAD with a body is answered and the body is not taken for a request",
            head_with_body,
        )
        .case(
            "a GET with a body is answered and the body is not taken for a request",
            get_with_body,
        )
        .case(
            "the rest of a refused body is not taken for a request",
            refused_body,
        )
        .case(
            "a connection that only says half a request line does not disturb others",
            half_a_line,
        )
        .case("trailers of a chunked body are accepted", trailers)
}

/// Would be answered 200 if it were taken for a request of its own.
async fn smuggled(context: &Context) -> Result<String, Failure> {
    Ok(context.client.head_of("GET", "/v2/").await? + "\r\n")
}

/// All answers on the connection until it is closed or `limit` of them have come.
async fn answers(connection: &mut RawConnection, limit: usize) -> Result<Vec<u16>, Failure> {
    let mut statuses = Vec::new();
    while statuses.len() < limit {
        match connection.receive(false).await? {
            Some(response) => statuses.push(response.status),
            None => break,
        }
    }
    Ok(statuses)
}

async fn forbidden(context: Context, headers: &'static str, body: &'static str) -> Outcome {
    let mut connection = context.client.raw().await?;
    let target = crate::context::manifest_path(&context.repository, "tag");
    let request = format!(
        "{}Content-Type: application/vnd.oci.image.manifest.v1+json\r\n{headers}\r\n{body}{}",
        context.client.head_of("PUT", &target).await?,
        smuggled(&context).await?
    );
    connection.send_if_open(request.as_bytes()).await;
    // A server that waits for more of the body gets the end of the connection instead.
    let _ = connection.finish().await;
    let statuses = answers(&mut connection, 3).await?;
    ensure!(
        statuses
            .first()
            .is_none_or(|status| (400..500).contains(status) || *status == 501),
        "the answers are {statuses:?}"
    );
    ensure!(
        !statuses.contains(&200),
        "a request in the body was answered: {statuses:?}"
    );
    context.check_no_manifest(&context.repository, "tag").await
}

async fn refused_line(context: Context, request: &'static str) -> Outcome {
    let mut connection = context.client.raw().await?;
    connection.send_if_open(request.as_bytes()).await;
    let _ = connection.finish().await;
    let statuses = answers(&mut connection, 2).await.unwrap_or_default();
    ensure!(
        statuses
            .first()
            .is_none_or(|status| (400..500).contains(status) || *status == 505),
        "the answers are {statuses:?}"
    );
    Ok(())
}

async fn big_head(context: Context, count: usize, length: usize) -> Outcome {
    let mut connection = context.client.raw().await?;
    let head = context.client.head_of("GET", "/v2/").await?;
    connection.send(head.as_bytes()).await?;
    let value = "x".repeat(length);
    let mut sent = Vec::new();
    for number in 0..count {
        sent.extend_from_slice(format!("X-{number}: {value}\r\n").as_bytes());
    }
    sent.extend_from_slice(b"\r\n");
    let mut open = true;
    for part in sent.chunks(64 << 10) {
        open = open && connection.send_if_open(part).await;
    }
    let statuses = answers(&mut connection, 1).await.unwrap_or_default();
    ensure!(
        statuses
            .first()
            .is_none_or(|status| matches!(status, 400 | 413 | 431)),
        "the answer is {statuses:?}"
    );
    ensure!(
        !(open && statuses.is_empty()),
        "everything was read and nothing answered"
    );
    Ok(())
}

async fn pipelined(mut context: Context) -> Outcome {
    let blobs = [
        context.blob(10, Algorithm::Sha256),
        context.blob(100_000, Algorithm::Sha256),
    ];
    for blob in &blobs {
        context.push_blob(&context.repository, blob).await?;
    }
    let mut requests = String::new();
    for blob in [&blobs[1], &blobs[0], &blobs[1]] {
        let path = blob_path(&context.repository, &blob.digest);
        requests += &context.client.head_of("GET", &path).await?;
        requests += "\r\n";
    }
    let mut connection = context.client.raw().await?;
    connection.send(requests.as_bytes()).await?;
    for blob in [&blobs[1], &blobs[0], &blobs[1]] {
        let Some(response) = connection.receive(false).await? else {
            return Err(Failure::new(
                "the connection was closed before all requests were answered",
            ));
        };
        let is_served = response.status == 200 && response.body == blob.bytes;
        let is_redirected = response.status == 307 && response.head.contains(&blob.digest);
        ensure!(is_served || is_redirected, "{}", response.head);
    }
    Ok(())
}

async fn pipelined_uploads(mut context: Context) -> Outcome {
    let blob = context.blob(5000, Algorithm::Sha256);
    let target = format!("{}?digest={}", uploads_path(&context.repository), blob.digest);
    let head = context.client.head_of("POST", &target).await?;
    let mut requests = format!("{head}Content-Length: 5000\r\n\r\n").into_bytes();
    requests.extend_from_slice(&blob.bytes);
    let path = blob_path(&context.repository, &blob.digest);
    requests.extend_from_slice(context.client.head_of("GET", &path).await?.as_bytes());
    requests.extend_from_slice(b"\r\n");
    let mut connection = context.client.raw().await?;
    connection.send(&requests).await?;
    let statuses = answers(&mut connection, 2).await?;
    ensure!(
        statuses == [201, 200] || statuses == [201, 307],
        "the answers are {statuses:?}"
    );
    Ok(())
}

async fn head_with_body(context: Context) -> Outcome {
    let mut connection = context.client.raw().await?;
    let target = blob_path(&context.repository, &Algorithm::Sha256.digest(b"missing"));
    let request = format!(
        "{}Content-Length: 5\r\n\r\nhello{}",
        context.client.head_of("HEAD", &target).await?,
        smuggled(&context).await?
    );
    connection.send(request.as_bytes()).await?;
    let first = connection
        .receive(true)
        .await?
        .map_or(0, |response| response.status);
    ensure!(matches!(first, 400 | 404), "the first answer is {first}");
    // Closing instead of reading the body is allowed; answering the body is not.
    let second = connection.receive(false).await?.map(|response| response.status);
    ensure!(
        second.is_none_or(|status| status == 200),
        "the second answer is {second:?}"
    );
    Ok(())
}

async fn get_with_body(context: Context) -> Outcome {
    let mut connection = context.client.raw().await?;
    let inner = context.client.head_of("DELETE", "/v2/").await? + "\r\n";
    let request = format!(
        "{}Content-Length: {}\r\n\r\n{inner}{}",
        context.client.head_of("GET", "/v2/").await?,
        inner.len(),
        smuggled(&context).await?
    );
    connection.send(request.as_bytes()).await?;
    connection.finish().await?;
    let statuses = answers(&mut connection, 4).await?;
    ensure!(
        statuses == [200] || statuses == [200, 200],
        "the answers are {statuses:?}"
    );
    Ok(())
}

async fn refused_body(context: Context) -> Outcome {
    let mut connection = context.client.raw().await?;
    let target = format!(
        "{}01890a5d-ac96-774b-bcce-b302099a8057",
        uploads_path(&context.repository)
    );
    let smuggled = smuggled(&context).await?;
    let request = format!(
        "{}Content-Length: {}\r\n\r\n{smuggled}",
        context.client.head_of("PATCH", &target).await?,
        smuggled.len()
    );
    connection.send_if_open(request.as_bytes()).await;
    let _ = connection.finish().await;
    let statuses = answers(&mut connection, 2).await?;
    ensure!(statuses == [404], "the answers are {statuses:?}");
    Ok(())
}

async fn half_a_line(context: Context) -> Outcome {
    let mut connections = Vec::new();
    for _ in 0..50 {
        let mut connection = context.client.raw().await?;
        connection.send(b"GET /v2/ HT").await?;
        connections.push(connection);
    }
    context.still_serves().await
}

async fn trailers(mut context: Context) -> Outcome {
    let blob = context.blob(5, Algorithm::Sha256);
    let upload = context.start_upload(&context.repository).await?;
    let target = crate::context::with_query(&upload.target, "digest", &blob.digest);
    let head = context.client.head_of("PUT", &target).await?;
    let mut request = format!("{head}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n").into_bytes();
    request.extend_from_slice(&blob.bytes);
    request.extend_from_slice(b"\r\n0\r\nX-Trailer: z\r\n\r\n");
    let mut connection = context.client.raw().await?;
    connection.send(&request).await?;
    let statuses = answers(&mut connection, 1).await?;
    ensure!(statuses == [201], "the answer is {statuses:?}");
    context.check_blob(&context.repository, &blob).await
}
