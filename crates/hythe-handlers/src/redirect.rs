//! Who is sent to the storage instead of being given the bytes: whoever GETs a blob that is large enough, from a
//! network that the operator wants redirected, where the storage can serve it. A HEAD is always answered here, with
//! size and digest.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Response, StatusCode, header};
use hythe_api::headers;
use hythe_digest::Digest;
use hythe_distribution::{BlobProvider, RedirectRequest};
use ipnet::IpNet;

use crate::blob::media_type;
use crate::client;
use crate::context::Call;
use crate::error::HttpError;
use crate::reply::Reply;
use crate::response_body::ResponseBody;

/// Which clients are sent to the storage for which blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectPolicy {
    /// Whether anybody is.
    pub enabled: bool,
    /// How long the addresses work; less where the storage cannot promise that.
    pub valid_for: Duration,
    /// The smallest blob that is worth the client's second request, in bytes.
    pub minimum_bytes: u64,
    /// Only clients of these networks are redirected; empty: those of all.
    pub networks: Vec<IpNet>,
    /// Clients of these networks are not.
    pub except_networks: Vec<IpNet>,
}

impl Default for RedirectPolicy {
    /// Everybody is, for every blob, with addresses that work for 20 minutes, as in distribution v3.
    fn default() -> Self {
        Self {
            enabled: true,
            valid_for: Duration::from_secs(20 * 60),
            minimum_bytes: 0,
            networks: Vec::new(),
            except_networks: Vec::new(),
        }
    }
}

impl RedirectPolicy {
    /// Whether this client is redirected. Nothing is known of where an unknown one is.
    fn concerns(&self, client: Option<IpAddr>) -> bool {
        let is_in = |networks: &[IpNet]| client.is_some_and(|address| client::is_in(address, networks));
        let is_wanted = self.networks.is_empty() || is_in(&self.networks);
        self.enabled && is_wanted && !is_in(&self.except_networks)
    }
}

/// The redirect; `None`: serve it here.
pub(crate) async fn to_storage<P: BlobProvider + ?Sized>(
    call: &Call<'_>,
    blobs: &P,
    digest: &Digest,
) -> Result<Option<Response<ResponseBody>>, HttpError> {
    let policy = &call.shared.redirect;
    let client = call.client();
    if !policy.concerns(client) {
        return Ok(None);
    }
    let request = RedirectRequest {
        method: Method::GET,
        client,
        minimum_bytes: policy.minimum_bytes,
        valid_for: policy.valid_for,
    };
    let Some((descriptor, address)) = blobs.redirect_url(digest, &request).await? else {
        return Ok(None);
    };
    let reply = Reply::new(StatusCode::TEMPORARY_REDIRECT)
        .text(header::LOCATION, address)
        .text(header::CONTENT_TYPE, media_type(&descriptor))
        .text(headers::CONTENT_DIGEST, descriptor.digest)
        .no_content();
    Ok(Some(reply.done()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(networks: &[&str], except: &[&str], client: Option<&str>, expected: bool) {
        let parse = |list: &[&str]| list.iter().map(|network| network.parse().unwrap()).collect();
        let policy = RedirectPolicy {
            networks: parse(networks),
            except_networks: parse(except),
            ..RedirectPolicy::default()
        };
        let address = client.map(|client| client.parse().unwrap());
        assert_eq!(
            policy.concerns(address),
            expected,
            "{networks:?} {except:?} {client:?}"
        );
    }

    #[test]
    fn networks_decide_who_is_redirected() {
        check(&[], &[], Some("203.0.113.5"), true);
        check(&[], &[], None, true);
        check(&[], &["10.0.0.0/8"], Some("10.1.2.3"), false);
        check(&[], &["10.0.0.0/8"], Some("::ffff:10.1.2.3"), false);
        check(&[], &["10.0.0.0/8"], Some("203.0.113.5"), true);
        check(&[], &["10.0.0.0/8"], None, true);
        check(&["10.0.0.0/8", "fd00::/8"], &[], Some("fd00::7"), true);
        check(&["10.0.0.0/8"], &[], Some("203.0.113.5"), false);
        check(&["10.0.0.0/8"], &[], None, false);
        check(&["10.0.0.0/8"], &["10.1.0.0/16"], Some("10.1.2.3"), false);
        check(&["10.0.0.0/8"], &["10.1.0.0/16"], Some("10.2.2.3"), true);
    }
}
