use http::header::{HOST, HeaderMap, HeaderName};
use http::request::Parts;
use hythe_digest::Digest;
use hythe_reference::{Reference, RepositoryName};

use crate::headers::{X_FORWARDED_HOST, X_FORWARDED_PROTO};
use crate::{Query, Route, forwarded};

/// Builds the URLs that a registry hands out: in `Location`, and in events.
///
/// Where they begin is decided once, by configuration or else by each request; see
/// [`UrlBuilder::from_config`] and [`UrlBuilder::from_request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlBuilder {
    /// Everything before `/v2/`: scheme, host and prefix, or nothing.
    root: String,
}

impl UrlBuilder {
    /// The builder that the configuration decides on, or `None` if each request does.
    ///
    /// `host` is the external URL of the registry; if it has a scheme and a host, URLs begin with it and
    /// everything else is ignored. Its path counts up to the last slash. A value without scheme, such as
    /// `example.org`, is ignored. Otherwise `relative` makes URLs that begin with `/v2/`, without host and
    /// without the configured prefix.
    pub fn from_config(host: Option<&str>, relative: bool) -> Option<UrlBuilder> {
        let root = host.and_then(root_of).or_else(|| relative.then(String::new))?;
        Some(UrlBuilder { root })
    }

    /// The builder that a request decides on; `tls` says whether it came encrypted.
    ///
    /// `Forwarded` wins over `X-Forwarded-Proto` and `X-Forwarded-Host`, these over the request itself.
    /// Whatever the path has before `/v2/` is kept.
    pub fn from_request(request: &Parts, tls: bool) -> UrlBuilder {
        let mut scheme = if tls { "https" } else { "http" }.to_owned();
        let authority = request.uri.authority().map(http::uri::Authority::as_str);
        let mut host = authority
            .or_else(|| field(&request.headers, &HOST))
            .unwrap_or_default()
            .to_owned();

        if let Some(value) = field(&request.headers, &http::header::FORWARDED) {
            let forwarded = forwarded::parse(value).unwrap_or_default();
            scheme = forwarded.proto.unwrap_or(scheme);
            host = forwarded.host.unwrap_or(host);
        } else {
            if let Some(proto) = field(&request.headers, &X_FORWARDED_PROTO) {
                proto.clone_into(&mut scheme);
            }
            if let Some(hosts) = field(&request.headers, &X_FORWARDED_HOST) {
                let first = hosts.split_once(',').map_or(hosts, |(first, _)| first);
                first.trim().clone_into(&mut host);
            }
        }

        let path = request.uri.path();
        let prefix = path.find("/v2/").map_or("", |index| &path[..index]);
        UrlBuilder {
            root: format!("{scheme}://{host}{prefix}"),
        }
    }

    /// The URL of any route.
    pub fn route(&self, route: &Route) -> String {
        format!("{}{}", self.root, route.to_path())
    }

    /// The URL of a manifest.
    pub fn manifest(&self, name: &RepositoryName, reference: &Reference) -> String {
        self.route(&Route::Manifest {
            name: name.clone(),
            reference: reference.clone(),
        })
    }

    /// The URL of a blob.
    pub fn blob(&self, name: &RepositoryName, digest: &Digest) -> String {
        self.route(&Route::Blob {
            name: name.clone(),
            digest: *digest,
        })
    }

    /// The URL of an upload, with parameters.
    pub fn upload(&self, name: &RepositoryName, uuid: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = self.route(&Route::BlobUpload {
            name: name.clone(),
            uuid: uuid.to_owned(),
        });
        if !parameters.is_empty() {
            url.push('?');
            url.push_str(&Query::encode(parameters));
        }
        url
    }
}

/// Scheme, host and directory of a URL, without the slash at the end.
fn root_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    if !is_scheme || authority.is_empty() {
        return None;
    }
    let directory = &rest[..rest.rfind('/').unwrap_or(rest.len())];
    Some(format!("{}://{directory}", scheme.to_ascii_lowercase()))
}

/// The first line of a field, if it is text and not empty.
fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base_from_request(uri: &str, fields: &[(&str, &str)], tls: bool) -> String {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        UrlBuilder::from_request(&parts, tls).route(&Route::Base)
    }

    #[test]
    fn the_configured_host_wins() {
        let check = |host: &str, expected: Option<&str>| {
            let builder = UrlBuilder::from_config(Some(host), false);
            assert_eq!(
                builder.map(|builder| builder.route(&Route::Base)).as_deref(),
                expected,
                "{host}"
            );
        };
        check("https://example.org", Some("https://example.org/v2/"));
        check("https://example.org:5000/", Some("https://example.org:5000/v2/"));
        check("HTTPS://example.org/a/b/", Some("https://example.org/a/b/v2/"));
        check("https://example.org/a/b?c/d", Some("https://example.org/a/v2/"));
        check("example.org", None);
        check("example.org:5000", None);
        check("https://", None);
        check("https:///a/", None);
        check("", None);
    }

    #[test]
    fn relative_urls_have_no_host() {
        let relative = UrlBuilder::from_config(None, true).unwrap();
        assert_eq!(relative.route(&Route::Base), "/v2/");
        let host_wins = UrlBuilder::from_config(Some("https://example.org"), true).unwrap();
        assert_eq!(host_wins.route(&Route::Base), "https://example.org/v2/");
        assert_eq!(UrlBuilder::from_config(None, false), None);
        assert_eq!(UrlBuilder::from_config(Some("example.org"), true), Some(relative));
    }

    #[test]
    fn the_request_decides_otherwise() {
        let check = |fields: &[(&str, &str)], expected: &str| {
            let mut all = vec![("host", "a:5000")];
            all.extend(fields);
            assert_eq!(
                base_from_request("/v2/x/blobs/uploads/", &all, false),
                expected,
                "{fields:?}"
            );
        };
        check(&[], "http://a:5000/v2/");
        check(&[("x-forwarded-proto", "https")], "https://a:5000/v2/");
        check(&[("x-forwarded-host", " b , c")], "http://b/v2/");
        check(
            &[
                ("forwarded", "proto=https;host=\"b:1\""),
                ("x-forwarded-host", "c"),
            ],
            "https://b:1/v2/",
        );
        check(
            &[("forwarded", "for=x"), ("x-forwarded-proto", "https")],
            "http://a:5000/v2/",
        );
        check(
            &[("forwarded", "host=b:1"), ("x-forwarded-proto", "https")],
            "http://a:5000/v2/",
        );
        assert_eq!(base_from_request("/v2/", &[("host", "a")], true), "https://a/v2/");
        assert_eq!(
            base_from_request("http://b:1/v2/", &[("host", "a")], false),
            "http://b:1/v2/"
        );
    }

    #[test]
    fn what_is_before_the_api_is_kept() {
        assert_eq!(
            base_from_request("/registry/v2/a/tags/list", &[("host", "a")], false),
            "http://a/registry/v2/"
        );
        assert_eq!(
            base_from_request("/other", &[("host", "a")], false),
            "http://a/v2/"
        );
    }

    #[test]
    fn urls_carry_escaped_parameters() {
        let builder = UrlBuilder::from_config(None, true).unwrap();
        let name = RepositoryName::parse("a/b").unwrap();
        assert_eq!(
            builder.upload(&name, "u", &[("_state", "x=")]),
            "/v2/a/b/blobs/uploads/u?_state=x%3D"
        );
        assert_eq!(builder.upload(&name, "u", &[]), "/v2/a/b/blobs/uploads/u");
        let digest = Digest::sha256(b"");
        assert_eq!(builder.blob(&name, &digest), format!("/v2/a/b/blobs/{digest}"));
        assert_eq!(
            builder.manifest(&name, &digest.into()),
            format!("/v2/a/b/manifests/{digest}")
        );
    }

    proptest! {
        #[test]
        fn arbitrary_hosts_never_panic(host in "[a-z]{0,5}:?/{0,3}[a-z0-9:/?#.]{0,16}|\\PC{0,16}") {
            UrlBuilder::from_config(Some(&host), true);
        }
    }
}
