use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hythe_driver::ErrorKind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Response;
use tokio::sync::Semaphore;

use crate::GcsParameters;
use crate::credentials::Access;
use crate::error::{Failure, Result, SetupError};

/// Everything but what RFC 3986 calls unreserved: a name is one segment, its slashes included.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the service may be silent. A rewrite works for up to 30 seconds before it answers, and a chunk is sent
/// in this time.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(120);
/// No more of a refusal is read.
const MAXIMUM_REFUSAL_BYTES: usize = 16 * 1024;

/// When a request is made again.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How often at most, the first time included; distribution makes a request 5 times.
    pub attempts: usize,
    /// How long to wait at first; each later wait is twice as long. Half of each, at random, is added.
    pub first_delay: Duration,
    /// A service that asks for more patience than this (`Retry-After`) is not asked again; the caller is told.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(10),
        }
    }
}

/// Speaks the service's JSON interface for one bucket.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    access: Access,
    /// One for each request until its answer begins.
    slots: Semaphore,
    endpoint: String,
    bucket: String,
    retry: RetryPolicy,
}

/// A request, which can be made again.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// What errors call it: verb, object and bucket.
    what: String,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Pieces,
    is_authorized: bool,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Response>,
    /// Whether an earlier attempt may have done what was asked, so that this answer may be to a repetition.
    pub(crate) is_repeated: bool,
}

impl Client {
    pub(crate) fn new(
        parameters: &GcsParameters,
        access: Access,
        retry: RetryPolicy,
    ) -> std::result::Result<Self, SetupError> {
        let http = reqwest::Client::builder()
            .user_agent(&parameters.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_TIMEOUT)
            // 308 is how a session says that it wants more.
            .redirect(reqwest::redirect::Policy::none())
            // Many connections carry more than the streams of one.
            .http1_only()
            .build()
            .map_err(|error| SetupError::Client(error.into()))?;
        Ok(Self {
            http,
            access,
            slots: Semaphore::new(parameters.max_concurrency),
            endpoint: parameters.endpoint.to_string().trim_end_matches('/').to_owned(),
            bucket: parameters.bucket.clone(),
            retry,
        })
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What an object is called in a URL's path or query.
    pub(crate) fn encode(text: &str) -> String {
        utf8_percent_encode(text, SEGMENT).to_string()
    }

    /// `/storage/v1/b/<bucket>/o/<key>`.
    pub(crate) fn object_path(&self, key: &str) -> String {
        format!("{}/{}", self.objects_path(), Self::encode(key))
    }

    /// `/storage/v1/b/<bucket>/o`.
    pub(crate) fn objects_path(&self) -> String {
        format!("/storage/v1/b/{}/o", Self::encode(&self.bucket))
    }

    /// `/upload/storage/v1/b/<bucket>/o`.
    pub(crate) fn upload_path(&self) -> String {
        format!("/upload/storage/v1/b/{}/o", Self::encode(&self.bucket))
    }

    /// A request of this endpoint; `verb` and `key` are for errors.
    pub(crate) fn request(&self, method: Method, verb: &str, key: &str, path_and_query: &str) -> Request {
        self.request_of(method, verb, key, format!("{}{path_and_query}", self.endpoint))
    }

    /// A request of an upload session, whose address is authority enough.
    pub(crate) fn session_request(&self, method: Method, verb: &str, key: &str, session: &str) -> Request {
        Request {
            is_authorized: false,
            ..self.request_of(method, verb, key, session.to_owned())
        }
    }

    fn request_of(&self, method: Method, verb: &str, key: &str, url: String) -> Request {
        Request {
            what: format!("{verb} {key:?} of bucket {:?}", self.bucket),
            method,
            url,
            headers: HeaderMap::new(),
            body: Pieces::default(),
            is_authorized: true,
        }
    }

    /// Makes a request until it succeeds, is refused for good, or was made often enough.
    pub(crate) async fn send(&self, request: &Request) -> Outcome {
        let mut is_repeated = false;
        let mut patience = self.patience();
        loop {
            let result = match self.attempt(request).await {
                Err(failure) if failure.is_transient => {
                    is_repeated |= failure.is_uncertain;
                    match patience.wait(failure).await {
                        Ok(()) => continue,
                        Err(failure) => Err(failure),
                    }
                }
                result => result,
            };
            return Outcome { result, is_repeated };
        }
    }

    /// The pauses between the attempts of something that may fail for a while.
    pub(crate) fn patience(&self) -> Patience {
        let backoff = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.retry.first_delay)
            .with_max_delay(self.retry.longest_delay)
            .with_max_times(self.retry.attempts.saturating_sub(1));
        Patience {
            delays: backoff.build(),
            longest: self.retry.longest_delay,
        }
    }

    /// Makes a request once. Success is 2xx, and 308, by which a session says that it wants more.
    pub(crate) async fn attempt(&self, request: &Request) -> Result<Response> {
        let slot = self.slots.acquire().await;
        let _slot = slot.map_err(|closed| Failure::because(ErrorKind::Other, closed))?;
        let mut headers = request.headers.clone();
        if request.is_authorized {
            headers.extend(self.access.headers().await?);
        }
        let has_body = request.method != Method::GET && request.method != Method::DELETE;
        if has_body || request.body.length > 0 {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.length));
        }
        let mut sent = self
            .http
            .request(request.method.clone(), &request.url)
            .headers(headers);
        if request.body.length > 0 {
            sent = sent.body(reqwest::Body::wrap(request.body.clone()));
        }
        let answered = sent.send().await;
        let response = answered.map_err(|error| Failure::lost(&request.what, error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::PERMANENT_REDIRECT {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let refusal = beginning(response).await;
        Err(Failure::refused(&request.what, status, &headers, &refusal))
    }

    /// Makes a request that changes nothing, and reads its answer; one that breaks off is asked for again.
    pub(crate) async fn json_of<T: serde::de::DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let mut attempts = 1;
        loop {
            let answer = self.send(request).await.result?;
            match self.json(request, answer).await {
                Err(failure) if failure.is_transient && attempts < self.retry.attempts => attempts += 1,
                result => return result,
            }
        }
    }

    /// The body of an answer as JSON.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        request: &Request,
        answer: Response,
    ) -> Result<T> {
        let body = answer
            .bytes()
            .await
            .map_err(|error| Failure::lost(&request.what, error))?;
        serde_json::from_slice(&body).map_err(|error| Failure::because(ErrorKind::Other, error))
    }
}

/// How long to wait before something is tried again, and how often.
pub(crate) struct Patience {
    delays: ExponentialBackoff,
    longest: Duration,
}

impl Patience {
    /// Waits, as long as the service asked for at least; gives the failure back if it is not worth it any more.
    pub(crate) async fn wait(&mut self, failure: Failure) -> Result<()> {
        let asked = failure.retry_after().unwrap_or_default();
        let Some(delay) = self.delays.next().filter(|_| asked <= self.longest) else {
            return Err(failure);
        };
        let delay = delay.max(asked);
        tracing::debug!(?failure, ?delay, "request will be made again");
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// The first bytes of a refusal; that it breaks off is no second failure.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < MAXIMUM_REFUSAL_BYTES
        && let Ok(Some(piece)) = response.chunk().await
    {
        body.extend_from_slice(&piece);
    }
    body.truncate(MAXIMUM_REFUSAL_BYTES);
    body
}

impl Request {
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn header(mut self, name: http::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn body(mut self, body: Pieces) -> Self {
        self.body = body;
        self
    }
}

/// A body of known length in pieces, which clones share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    length: u64,
}

impl Pieces {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// With one piece before and one after.
    pub(crate) fn around(mut self, before: Bytes, after: Bytes) -> Self {
        self.length += (before.len() + after.len()) as u64;
        self.pieces.push_front(before);
        self.pieces.push_back(after);
        self
    }

    /// Without the first `count` bytes.
    pub(crate) fn after(&self, count: u64) -> Self {
        let mut left = count;
        let mut rest = Vec::new();
        for piece in &self.pieces {
            let skipped = left.min(piece.len() as u64);
            rest.push(piece.slice(skipped as usize..));
            left -= skipped;
        }
        rest.into_iter().collect()
    }

    /// The first `count` bytes.
    pub(crate) fn first(&self, count: u64) -> Self {
        let mut left = count;
        let mut first = Vec::new();
        for piece in &self.pieces {
            let kept = left.min(piece.len() as u64);
            first.push(piece.slice(..kept as usize));
            left -= kept;
        }
        first.into_iter().collect()
    }

    /// The checksum that begins with the one of what came before.
    pub(crate) fn crc32c_after(&self, before: u32) -> u32 {
        let pieces = self.pieces.iter();
        pieces.fold(before, |checksum, piece| crc32c::crc32c_append(checksum, piece))
    }
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces, length }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        Poll::Ready(this.pieces.pop_front().map(|piece| {
            this.length -= piece.len() as u64;
            Ok(Frame::data(piece))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_and_summed() {
        let pieces: Pieces = ["ab", "", "cde"].map(Bytes::from).into_iter().collect();
        assert_eq!(pieces.length(), 5);
        for count in 0..=5 {
            let rest = pieces.after(count);
            assert_eq!(rest.length(), 5 - count);
            assert_eq!(pieces.first(count).length(), count);
            let first = pieces.first(count).crc32c_after(0);
            assert_eq!(rest.crc32c_after(first), pieces.crc32c_after(0));
            assert_eq!(
                rest.pieces.iter().flatten().copied().collect::<Vec<u8>>(),
                b"abcde"[count as usize..]
            );
        }
        // RFC 3720, B.4: 32 bytes of zeroes.
        let zeroes: Pieces = [Bytes::from(vec![0; 32])].into_iter().collect();
        assert_eq!(zeroes.crc32c_after(0), 0x8a91_36aa);
    }

    #[test]
    fn names_are_one_segment() {
        assert_eq!(Client::encode("a/b c+%"), "a%2Fb%20c%2B%25");
        assert_eq!(Client::encode("..//~-_."), "..%2F%2F~-_.");
    }
}
