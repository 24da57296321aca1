//! Authorisation by the account's key, which the official crate leaves out.
//!
//! Every try of a request is signed anew, with its own date. The text that is signed follows
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::headers::Headers;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Method, Request, Url};
use azure_core::time::{OffsetDateTime, to_rfc7231};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// An account and its key.
#[derive(Clone)]
pub(crate) struct AccountKey {
    account: String,
    key: Arc<[u8]>,
}

/// The key is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account key is not in base64")]
pub(crate) struct InvalidKey;

impl AccountKey {
    pub(crate) fn new(account: &str, key: &str) -> Result<Self, InvalidKey> {
        Ok(Self {
            account: account.to_owned(),
            key: BASE64.decode(key).map_err(|_| InvalidKey)?.into(),
        })
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// The signature of a text in base64.
    pub(crate) fn sign(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length of key will do");
        mac.update(text.as_bytes());
        BASE64.encode(mac.finalize().into_bytes())
    }

    fn authorization(&self, request: &Request) -> String {
        let text = string_to_sign(&self.account, request.method(), request.url(), request.headers());
        format!("SharedKey {}:{}", self.account, self.sign(&text))
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({})", self.account)
    }
}

#[async_trait]
#[allow(
    elided_lifetimes_in_paths,
    reason = "written as in the trait, or the lifetimes do not match"
)]
impl Policy for AccountKey {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let now = to_rfc7231(&OffsetDateTime::now_utc());
        request.insert_header("x-ms-date", now);
        // The transport adds it for a body, but after this.
        if let Some(length @ 1..) = request.body().len() {
            request.insert_header("content-length", length.to_string());
        }
        let authorization = self.authorization(request);
        request.insert_header("authorization", authorization);
        next[0].send(context, request, &next[1..]).await
    }
}

/// The headers whose values come first, in this order. The date is empty: `x-ms-date` is sent instead.
const SIGNED_HEADERS: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

fn string_to_sign(account: &str, method: Method, url: &Url, headers: &Headers) -> String {
    let named: BTreeMap<&str, &str> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut text = method.as_str().to_owned();
    text.push('\n');
    for name in SIGNED_HEADERS {
        let value = named.get(name).copied().unwrap_or_default();
        // An empty body is signed as no length at all.
        if !(name == "content-length" && value == "0") {
            text.push_str(value);
        }
        text.push('\n');
    }
    for (name, value) in named.iter().filter(|(name, _)| name.starts_with("x-ms-")) {
        text.push_str(name);
        text.push(':');
        text.push_str(value.trim());
        text.push('\n');
    }
    text.push('/');
    text.push_str(account);
    text.push_str(url.path());
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let values = query.entry(name.to_ascii_lowercase()).or_default();
        values.push(value.into_owned());
    }
    for (name, mut values) in query {
        values.sort_unstable();
        text.push('\n');
        text.push_str(&name);
        text.push(':');
        text.push_str(&values.join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, url: &str, headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::new(Url::parse(url).unwrap(), method);
        for (name, value) in headers {
            request.insert_header(*name, *value);
        }
        request
    }

    fn text(request: &Request) -> String {
        string_to_sign("acc", request.method(), request.url(), request.headers())
    }

    #[test]
    fn a_listing_is_signed_with_its_query_in_order() {
        let listing = request(
            Method::Get,
            "https://acc.blob.core.windows.net/reg?restype=container&comp=list&prefix=a%2Fb&Include=copy",
            &[
                ("x-ms-version", "2026-02-06"),
                ("x-ms-date", "Sun, 22 Nov 2026 02:00:00 GMT"),
            ],
        );
        assert_eq!(
            text(&listing),
            "GET\n\n\n\n\n\n\n\n\n\n\n\n\
             x-ms-date:Sun, 22 Nov 2026 02:00:00 GMT\nx-ms-version:2026-02-06\n\
             /acc/reg\ncomp:list\ninclude:copy\nprefix:a/b\nrestype:container"
        );
    }

    #[test]
    fn a_put_is_signed_with_its_length_and_conditions() {
        let put = request(
            Method::Put,
            "http://127.0.0.1:10000/acc/reg/a%2Fb",
            &[
                ("content-length", "12"),
                ("content-type", "application/octet-stream"),
                ("if-none-match", "*"),
                ("x-ms-blob-type", "BlockBlob"),
            ],
        );
        assert_eq!(
            text(&put),
            "PUT\n\n\n12\n\napplication/octet-stream\n\n\n\n*\n\n\nx-ms-blob-type:BlockBlob\n/acc/acc/reg/a%2Fb"
        );
    }

    #[test]
    fn an_empty_body_has_no_length() {
        let put = request(Method::Put, "https://x/reg/a", &[("content-length", "0")]);
        assert_eq!(text(&put), "PUT\n\n\n\n\n\n\n\n\n\n\n\n/acc/reg/a");
    }

    /// The signature was computed with Python's `hmac` module.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let key = AccountKey::new("acc", "a2V5").unwrap();
        assert_eq!(
            key.sign("The quick brown fox jumps over the lazy dog"),
            "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="
        );
    }

    #[test]
    fn the_key_is_not_shown() {
        let key = AccountKey::new("acc", "aGlkZGVu").unwrap();
        assert_eq!(format!("{key:?}"), "AccountKey(acc)");
        assert_eq!(AccountKey::new("acc", "no base64!").unwrap_err(), InvalidKey);
    }
}
