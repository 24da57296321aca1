//! The proxy in front of a service that answers with what it was sent.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use super::*;
use crate::http::{Client, Request};

/// Answers every request with its `Host` and its body, and counts.
async fn service() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            let service = service_fn(move |request: http::Request<Incoming>| {
                counter.fetch_add(1, Ordering::SeqCst);
                async move {
                    let host = request.headers()["host"].to_str().unwrap().to_owned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let answer = [Bytes::from(host), Bytes::from_static(b" "), body].concat();
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(answer))))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, count)
}

async fn setting(faults: Faults) -> (Proxy, Client, Arc<AtomicUsize>) {
    let (address, count) = service().await;
    let proxy = Proxy::start(address, Dialect::S3).await.unwrap();
    proxy.set_faults(faults);
    let client = Client::new(&proxy.endpoint()).unwrap();
    (proxy, client, count)
}

fn put() -> Request {
    Request::put("/bucket/key").body("hello")
}

#[tokio::test]
async fn a_request_goes_through_as_it_is_and_is_counted() {
    let (proxy, client, _) = setting(Faults::none()).await;
    let request = put().header("host", "signed.example:9000");
    let response = client.send(request).await.unwrap();
    assert_eq!(response.body, "signed.example:9000 hello");
    client.get("/bucket?list-type=2").await.unwrap();
    assert_eq!(
        proxy.counts(),
        BTreeMap::from([("ListObjectsV2", 1), ("PutObject", 1)])
    );
    assert_eq!(proxy.calls()[0].status, Some(200));
    proxy.forget();
    assert_eq!(proxy.calls(), []);
}

#[tokio::test]
async fn a_dropped_request_never_reaches_the_service() {
    let (proxy, client, count) = setting(Faults::none().once(Fault::DropRequest)).await;
    client.send(put()).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 0);
    client.send(put()).await.unwrap().expect_status(&[200]).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(proxy.calls()[0].status, None);
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_is_done() {
    let (_proxy, client, count) = setting(Faults::none().once(Fault::LoseAnswer)).await;
    client.send(put()).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_repeated_request_is_done_twice_and_answered_once() {
    let (proxy, client, count) = setting(Faults::none().every(Fault::Repeat)).await;
    let response = client.send(put()).await.unwrap();
    assert!(response.body.ends_with(b" hello"), "{response:?}");
    assert_eq!(count.load(Ordering::SeqCst), 2);
    assert_eq!(proxy.calls().len(), 1);
}

#[tokio::test]
async fn a_delayed_request_takes_longer() {
    let delay = Duration::from_millis(30);
    let (_proxy, client, _) = setting(Faults::none().every(Fault::Delay(delay))).await;
    let start = Instant::now();
    client.send(put()).await.unwrap();
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn a_cut_answer_is_no_complete_answer() {
    let (_proxy, client, _) = setting(Faults::none().every(Fault::CutAnswer(3))).await;
    client.send(put()).await.unwrap_err();
}

#[tokio::test]
async fn a_busy_service_says_when_to_come_again() {
    let (_proxy, client, count) = setting(Faults::none().every(Fault::SlowDown)).await;
    let response = client.send(put()).await.unwrap();
    response.expect_status(&[503]).unwrap();
    response.expect_header("retry-after", "1").unwrap();
    assert!(String::from_utf8_lossy(&response.body).contains("<Code>SlowDown</Code>"));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
