//! Reading Amazon's list, from a file or over the network.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::error::CloudFrontError;

/// The list has some two megabytes.
const MAX_BYTES: usize = 32 << 20;

/// From the first packet to the last byte. The start of the registry waits for it.
const PATIENCE: Duration = Duration::from_secs(15);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Reads what is at a URL or a path.
pub(crate) async fn read(location: &str) -> Result<Bytes, CloudFrontError> {
    let content = if location.starts_with("http://") || location.starts_with("https://") {
        timeout(PATIENCE, download(location))
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
    } else {
        read_file(location.strip_prefix("file://").unwrap_or(location)).await
    };
    content.map_err(|source| CloudFrontError::Ranges {
        url: location.to_owned(),
        source,
    })
}

async fn read_file(path: &str) -> Result<Bytes, BoxError> {
    let path = path.to_owned();
    let content = tokio::task::spawn_blocking(move || std::fs::read(path)).await??;
    Ok(content.into())
}

/// A connection of its own: the next one is hours away.
async fn download(url: &str) -> Result<Bytes, BoxError> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let url: Uri = url.parse()?;
    let mut request = http::Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = url;
    let response = client.request(request).await?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("answered {}", response.status()).into());
    }
    Ok(Limited::new(response.into_body(), MAX_BYTES)
        .collect()
        .await?
        .to_bytes())
}
