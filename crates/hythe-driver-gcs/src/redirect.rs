use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use http::{Method, Uri};
use hythe_driver::{BoxError, ErrorKind, RedirectRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::sync::OnceCell;

use crate::GcsParameters;
use crate::client::Client;
use crate::credentials::Signing;
use crate::error::{Failure, Result};

/// A name in a path: its slashes stay.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');
/// V4 signatures are valid for seven days at most.
/// <https://cloud.google.com/storage/docs/access-control/signed-urls>
const MAXIMUM_VALIDITY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The service changes the keys it signs with; an address must not be promised for longer than they are good.
/// <https://cloud.google.com/storage/docs/access-control/signed-urls#signing-iam>
const MAXIMUM_SERVICE_VALIDITY: Duration = Duration::from_secs(12 * 60 * 60);

/// Makes the addresses that clients are sent to.
#[derive(Debug)]
pub(crate) struct Redirector {
    signing: Signing,
    /// Whom the signature is of. The metadata server has to be asked.
    account: OnceCell<String>,
    endpoint: Uri,
    bucket: String,
    longest: Duration,
}

impl Redirector {
    pub(crate) fn new(parameters: &GcsParameters, signing: Signing) -> Self {
        let longest = match signing {
            Signing::Service(_) => MAXIMUM_SERVICE_VALIDITY,
            Signing::Key(_) | Signing::Open | Signing::Unable => MAXIMUM_VALIDITY,
        };
        Self {
            signing,
            account: OnceCell::new(),
            endpoint: parameters.redirect_endpoint.clone(),
            bucket: parameters.bucket.clone(),
            longest,
        }
    }

    /// Whether it hands out any addresses.
    pub(crate) fn is_able(&self) -> bool {
        !matches!(self.signing, Signing::Unable)
    }

    /// The address of an object; `None` for other methods than GET and HEAD.
    pub(crate) async fn address(
        &self,
        key: &str,
        request: &RedirectRequest,
        now: SystemTime,
    ) -> Result<Option<Uri>> {
        if request.method != Method::GET && request.method != Method::HEAD {
            return Ok(None);
        }
        let content_type = request.content_type.as_deref();
        let unsigned = Unsigned {
            method: &request.method,
            endpoint: &self.endpoint,
            path: format!(
                "/{}",
                utf8_percent_encode(&format!("{}/{key}", self.bucket), PATH)
            ),
            content_type,
        };
        let signer = match &self.signing {
            Signing::Unable => return Ok(None),
            Signing::Open => return unsigned.open().map(Some),
            Signing::Key(signer) | Signing::Service(signer) => signer,
        };
        let account = self
            .account
            .get_or_try_init(|| signer.client_email())
            .await
            .map_err(unsigned_because)?;
        let to_sign = unsigned.to_sign(account, now.into(), request.valid_for.min(self.longest));
        let signature = signer.sign(to_sign.text()).await.map_err(unsigned_because)?;
        to_sign.signed(&signature).map(Some)
    }
}

fn unsigned_because(error: google_cloud_auth::signer::SigningError) -> Failure {
    let kind = if error.is_transport() {
        ErrorKind::Unavailable
    } else {
        ErrorKind::PermissionDenied
    };
    Failure::because(kind, error)
}

/// An address without a signature.
struct Unsigned<'a> {
    method: &'a Method,
    endpoint: &'a Uri,
    /// `/<bucket>/<key>`, encoded.
    path: String,
    /// What the service is to answer as content type.
    content_type: Option<&'a str>,
}

/// An address and what is to be signed of it.
/// <https://cloud.google.com/storage/docs/access-control/signing-urls-manually>
struct ToSign {
    base: String,
    query: String,
    date: String,
    scope: String,
    digest: String,
}

impl Unsigned<'_> {
    fn base(&self) -> String {
        format!("{}{}", self.endpoint.to_string().trim_end_matches('/'), self.path)
    }

    fn open(&self) -> Result<Uri> {
        let query = self
            .content_type
            .map(|found| format!("?response-content-type={}", Client::encode(found)));
        parse(&format!("{}{}", self.base(), query.unwrap_or_default()))
    }

    fn to_sign(&self, account: &str, now: OffsetDateTime, validity: Duration) -> ToSign {
        let date = now.format(format_description!("[year][month][day]T[hour][minute][second]Z"));
        // Numbers of two and four digits can be written.
        let date = date.unwrap_or_default();
        let scope = format!("{}/auto/storage/goog4_request", date.get(..8).unwrap_or_default());
        let mut query = format!(
            "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential={}&X-Goog-Date={date}&X-Goog-Expires={}\
             &X-Goog-SignedHeaders=host",
            Client::encode(&format!("{account}/{scope}")),
            validity.as_secs().max(1),
        );
        // Sorted by name: capitals come first.
        if let Some(content_type) = self.content_type {
            let _ = write!(query, "&response-content-type={}", Client::encode(content_type));
        }
        let host = self.endpoint.authority().map(http::uri::Authority::as_str);
        let canonical = format!(
            "{}\n{}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
            self.method,
            self.path,
            host.unwrap_or_default().to_ascii_lowercase()
        );
        ToSign {
            base: self.base(),
            query,
            date,
            scope,
            digest: hex(&Sha256::digest(canonical)),
        }
    }
}

impl ToSign {
    fn text(&self) -> String {
        format!("GOOG4-RSA-SHA256\n{}\n{}\n{}", self.date, self.scope, self.digest)
    }

    fn signed(&self, signature: &[u8]) -> Result<Uri> {
        parse(&format!(
            "{}?{}&X-Goog-Signature={}",
            self.base,
            self.query,
            hex(signature)
        ))
    }
}

fn parse(text: &str) -> Result<Uri> {
    let uri: std::result::Result<Uri, BoxError> = text.parse().map_err(Into::into);
    uri.map_err(|error| Failure::because(ErrorKind::Other, error))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn unsigned<'a>(endpoint: &'a Uri, method: &'a Method, content_type: Option<&'a str>) -> Unsigned<'a> {
        Unsigned {
            method,
            endpoint,
            path: "/bucket/a%20b/c".to_owned(),
            content_type,
        }
    }

    /// The digest was made with other tools, of the canonical request that the service's documentation describes.
    #[test]
    fn what_is_signed_is_what_the_service_expects() {
        let endpoint = Uri::from_static("https://storage.googleapis.com/");
        let unsigned = unsigned(&endpoint, &Method::GET, Some("a/b; c"));
        let now = datetime!(2026-01-02 03:04:05 UTC);
        let to_sign = unsigned.to_sign("me@example.com", now, Duration::from_secs(60));
        assert_eq!(
            to_sign.text(),
            "GOOG4-RSA-SHA256\n20260102T030405Z\n20260102/auto/storage/goog4_request\n54025a439600496f540a3a431ec008174aebd7625a88295328cbdd00941a4143"
        );
        assert_eq!(
            to_sign.signed(b"\x01\xff").unwrap().to_string(),
            "https://storage.googleapis.com/bucket/a%20b/c?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=\
             me%40example.com%2F20260102%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20260102T030405Z\
             &X-Goog-Expires=60&X-Goog-SignedHeaders=host&response-content-type=a%2Fb%3B%20c&X-Goog-Signature=01ff"
        );
    }

    #[test]
    fn an_open_address_has_no_signature() {
        let endpoint = Uri::from_static("http://localhost:4443");
        let open = |content_type| {
            unsigned(&endpoint, &Method::GET, content_type)
                .open()
                .unwrap()
                .to_string()
        };
        assert_eq!(open(None), "http://localhost:4443/bucket/a%20b/c");
        assert_eq!(
            open(Some("a/b")),
            "http://localhost:4443/bucket/a%20b/c?response-content-type=a%2Fb"
        );
    }
}
