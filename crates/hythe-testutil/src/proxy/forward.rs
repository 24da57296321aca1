//! One request on its way to the service and back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::faults::Fault;
use super::{Call, Shared, lock};

type Body = UnsyncBoxBody<Bytes, io::Error>;
type Response = http::Response<Body>;

/// What S3 says when it has too much to do. Azure and Google say it in the status alone.
const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
                         <Message>Please reduce your request rate.</Message></Error>";

/// Forwards a request, unless a fault comes in between. An error ends the client's connection without an answer.
pub(super) async fn forward(shared: Arc<Shared>, request: http::Request<Incoming>) -> io::Result<Response> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let query = uri.query().unwrap_or_default();
    let operation = shared
        .dialect
        .operation(&method, uri.path(), query, request.headers());
    let place = {
        let mut calls = lock(&shared.calls);
        calls.push(Call {
            operation,
            line: format!("{method} {uri}"),
            status: None,
        });
        calls.len() - 1
    };
    let faults = lock(&shared.faults).of(operation, identity(&method, &uri, request.headers()));
    let outcome = suffer(&shared, &faults, request).await;
    if let Ok(response) = &outcome
        && let Some(call) = lock(&shared.calls).get_mut(place)
    {
        call.status = Some(response.status().as_u16());
    }
    outcome
}

async fn suffer(shared: &Shared, faults: &[Fault], request: http::Request<Incoming>) -> io::Result<Response> {
    let wait: Duration = faults
        .iter()
        .map(|fault| match fault {
            Fault::Delay(time) => *time,
            _ => Duration::ZERO,
        })
        .sum();
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    if faults.contains(&Fault::DropRequest) {
        return Err(io::Error::other("the request is dropped"));
    }
    if faults.contains(&Fault::SlowDown) {
        // A client that sees the connection end before its body is taken never reads the answer.
        request.into_body().collect().await.map_err(io::Error::other)?;
        return Ok(slow_down());
    }
    let response = if faults.contains(&Fault::Repeat) {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let copy = || http::Request::from_parts(parts.clone(), whole(bytes.clone()));
        let first = buffered(exchange(shared, copy()).await?).await?;
        buffered(exchange(shared, copy()).await?).await?;
        first
    } else {
        exchange(
            shared,
            request.map(|body| body.map_err(io::Error::other).boxed_unsync()),
        )
        .await?
    };
    if faults.contains(&Fault::LoseAnswer) {
        // The service has done all of it only when its answer is complete.
        buffered(response).await?;
        return Err(io::Error::other("the answer is lost"));
    }
    let cut = faults.iter().find_map(|fault| match fault {
        Fault::CutAnswer(bytes) => Some(*bytes),
        _ => None,
    });
    Ok(match cut {
        Some(bytes) => response.map(|body| cut_after(body, bytes)),
        None => response,
    })
}

async fn exchange(shared: &Shared, request: http::Request<Body>) -> io::Result<Response> {
    let stream = TcpStream::connect(shared.upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // Ends with the answer's body, or with the sender when there is none; its errors reach both.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let mut response = response.map(|body| body.map_err(io::Error::other).boxed_unsync());
    // A word about the connection to the service, which is not the client's.
    response.headers_mut().remove(header::CONNECTION);
    Ok(response)
}

async fn buffered(response: Response) -> io::Result<Response> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, whole(bytes)))
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn cut_after(body: Body, bytes: usize) -> Body {
    let mut left = bytes;
    let frames = body.into_data_stream().map(move |piece| {
        let piece = piece?;
        if left == 0 {
            return Err(io::Error::other("the answer is cut"));
        }
        let piece = piece.slice(..piece.len().min(left));
        left -= piece.len();
        Ok(Frame::data(piece))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn slow_down() -> Response {
    let mut response = Response::new(whole(Bytes::from_static(SLOW_DOWN.as_bytes())));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert("x-ms-error-code", HeaderValue::from_static("ServerBusy"));
    response
}

/// What makes a request the same when it is sent again: not what a signature adds, which has the time in it.
fn identity(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let query = uri.query().unwrap_or_default().split('&');
    let query: Vec<&str> = query
        .filter(|parameter| !parameter.to_ascii_lowercase().starts_with("x-amz-"))
        .collect();
    let ranges = ["range", "x-ms-range", "content-range"].map(|name| headers.get(name));
    format!("{method} {} {query:?} {ranges:?}", uri.path())
}
