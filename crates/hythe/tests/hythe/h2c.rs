//! HTTP/2 in clear text, with prior knowledge.

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hythe_testutil::{Configuration, Content};
use serde_json::json;
use tokio::net::TcpStream;

use crate::content::{blob, check_blob, push_image};
use crate::process::{Server, both_ways, serve_with};

type Sender = SendRequest<Full<Bytes>>;

async fn connect(server: &Server) -> Result<Sender, hyper::Error> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    // Its errors reach the requests.
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(
    sender: &mut Sender,
    server: &Server,
    method: &str,
    path: &str,
    body: &Bytes,
) -> Result<Response<Bytes>, hyper::Error> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", server.address()))
        .header("content-type", "application/octet-stream")
        .body(Full::new(body.clone()))
        .unwrap();
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}

/// Whether a request is answered over HTTP/2 without TLS.
pub(crate) async fn is_spoken(server: &Server) -> bool {
    let Ok(mut sender) = connect(server).await else {
        return false;
    };
    send(&mut sender, server, "GET", "/v2/", &Bytes::new())
        .await
        .is_ok()
}

async fn push(sender: &mut Sender, server: &Server, blob: &Content) -> Response<Bytes> {
    let path = format!("/v2/a/blobs/uploads/?digest={}", blob.digest);
    send(sender, server, "POST", &path, &blob.bytes).await.unwrap()
}

#[tokio::test]
async fn it_is_spoken_beside_http_1_when_enabled() {
    for server in both_ways(
        &Configuration::inmemory(),
        &["http", "h2c", "enabled"],
        json!(true),
    )
    .await
    {
        let mut sender = connect(&server).await.unwrap();
        let blob = blob(1, 3_000_000);
        let pushed = push(&mut sender, &server, &blob).await;
        assert_eq!(
            (pushed.status().as_u16(), pushed.version()),
            (201, Version::HTTP_2)
        );
        let path = format!("/v2/a/blobs/{}", blob.digest);
        let pulled = send(&mut sender, &server, "GET", &path, &Bytes::new())
            .await
            .unwrap();
        assert!(pulled.body() == &blob.bytes, "{} bytes", pulled.body().len());
        let missing = send(&mut sender, &server, "GET", "/v2/a/manifests/x", &Bytes::new())
            .await
            .unwrap();
        assert_eq!(missing.status(), 404);
        assert!(missing.headers().contains_key("x-request-id"));

        check_blob(&server.client(), "a", &blob).await;
        push_image(&server.client(), "a", "x").await;
        drop(sender);
        let (code, _, access_log) = server.terminate().await;
        assert_eq!(code, Some(0));
        assert!(access_log.contains("HTTP/2.0\" 201"), "{access_log}");
    }
}

#[tokio::test]
async fn many_streams_share_a_connection() {
    let server = serve_with(&["http", "h2c", "enabled"], json!(true)).await;
    let sender = connect(&server).await.unwrap();
    let blobs: Vec<Content> = (0..20).map(|seed| blob(seed, 200_000)).collect();
    let pushes = blobs.iter().map(|blob| {
        let mut sender = sender.clone();
        let server = &server;
        async move { push(&mut sender, server, blob).await.status().as_u16() }
    });
    let statuses = futures_util::future::join_all(pushes).await;
    assert_eq!(statuses, [201; 20]);
}

#[tokio::test]
async fn it_is_not_spoken_otherwise() {
    let server = serve_with(&["http", "h2c", "enabled"], json!(false)).await;
    if let Ok(mut sender) = connect(&server).await {
        let answer = send(&mut sender, &server, "GET", "/v2/", &Bytes::new()).await;
        assert!(answer.is_err(), "{answer:?}");
    }
}
