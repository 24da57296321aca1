//! Addresses at which clients fetch blobs by themselves.

use azure_core::http::Url;
use azure_core::time::OffsetDateTime;
use http::Uri;
use hythe_driver::{ErrorKind, RedirectRequest};

use crate::client::{Client, extend};
use crate::error::{Failure, Result};
use crate::signer::Reading;

/// An address for a key below `base`, where clients reach the service; `None` where we cannot sign.
pub(crate) async fn address(
    client: &Client,
    base: &Url,
    key: &str,
    request: &RedirectRequest,
    now: OffsetDateTime,
) -> Result<Option<Uri>> {
    let reading = Reading {
        key,
        valid_for: request.valid_for,
        allow_http: base.scheme() == "http",
        content_type: request.content_type.as_deref(),
    };
    let Some(query) = client.signed_query(reading, now).await? else {
        return Ok(None);
    };
    let mut address = base.clone();
    extend(&mut address, &format!("{}/{key}", client.container_name()));
    address.set_query(Some(&query));
    let address = address.as_str().parse();
    address
        .map(Some)
        .map_err(|error| Failure::because(ErrorKind::Other, error))
}
