//! A GET as a client of the registry makes it.

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body at an address, of at most `limit` bytes.
pub(super) async fn get(address: Uri, limit: usize) -> Result<Bytes, BoxError> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = address;
    let response = Client::builder(TokioExecutor::new())
        .build(connector)
        .request(request)
        .await?;
    if response.status() != StatusCode::OK {
        return Err(format!("answered {}", response.status()).into());
    }
    Ok(Limited::new(response.into_body(), limit)
        .collect()
        .await?
        .to_bytes())
}
