//! Who is sent to the storage instead of being given the bytes: whoever GETs a blob that is large enough, from a
//! network that the operator wants redirected, where the storage can serve it. A HEAD is always answered here, with
//! size and digest.
//!
//! Nor is anybody sent away with a question that the storage would answer otherwise than we do: a range that it does
//! not understand, one that is beyond the end or malformed, or a condition on our entity tag, which is not the
//! storage's.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use hythe_api::{Precondition, RequestedRange, evaluate_preconditions, headers};
use hythe_digest::Digest;
use hythe_distribution::{BlobProvider, RedirectRequest};
use hythe_manifest::Descriptor;
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
        wants_suffix: single_range(call.headers()).is_some_and(|range| range.starts_with("bytes=-")),
        minimum_bytes: policy.minimum_bytes,
        valid_for: policy.valid_for,
    };
    let Some((descriptor, address)) = blobs.redirect_url(digest, &request).await? else {
        return Ok(None);
    };
    if !storage_knows_as_well(call.headers(), &descriptor) {
        return Ok(None);
    }
    let reply = Reply::new(StatusCode::TEMPORARY_REDIRECT)
        .text(header::LOCATION, address)
        .text(header::CONTENT_TYPE, media_type(&descriptor))
        .text(headers::CONTENT_DIGEST, descriptor.digest)
        .no_content();
    Ok(Some(reply.done()))
}

/// Whether the storage answers like the registry. Services differ in what they do with several ranges, with one that is
/// malformed, beyond the end or of an empty blob, and with `If-Range`; and their entity tag is not ours.
fn storage_knows_as_well(headers: &HeaderMap, descriptor: &Descriptor) -> bool {
    let range_is_plain = !headers.contains_key(header::RANGE)
        || single_range(headers).is_some_and(|range| {
            let parsed = RequestedRange::parse(range, descriptor.size);
            matches!(parsed, RequestedRange::Single(span) if span.len > 0)
        });
    let our_tag = format!("\"{}\"", descriptor.digest);
    let names_our_tag = |value: &HeaderValue| value.to_str().is_ok_and(|tags| tags.contains(&our_tag));
    let condition_is_plain = !headers.contains_key(header::IF_RANGE)
        && !headers.get_all(header::IF_MATCH).iter().any(names_our_tag)
        && evaluate_preconditions(headers, &our_tag) != Precondition::NotModified;
    range_is_plain && condition_is_plain
}

/// The value of the one `Range` field, if it has one range in the spelling that every service reads.
fn single_range(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(header::RANGE).iter();
    let range = fields.next()?.to_str().ok()?;
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_single = fields.next().is_none() && is_number(first) && is_number(last);
    is_single.then_some(range)
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
