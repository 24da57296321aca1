//! The address of a registry: how to connect, and the path that its API is under.

use super::options::Locations;
use crate::error::Error;

/// `http://host:port`, `https://host:port`, and a path behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Address {
    pub(super) is_tls: bool,
    /// Host and port.
    pub(super) authority: String,
    /// What every target is put behind: empty, or begins with a slash and ends without one.
    pub(super) base_path: String,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let (is_tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(malformed(text)),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !authority.contains(':') || path.contains(['?', '#']) {
            return Err(malformed(text));
        }
        Ok(Self {
            is_tls,
            authority: authority.to_owned(),
            base_path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// The host alone, as a certificate names it.
    pub(super) fn host(&self) -> &str {
        let host = self.authority.rsplit_once(':').map_or("", |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.base_path)
    }

    /// A target as it is sent. One that has the path already, because a `Location` gave it, stays as it is.
    pub(super) fn target(&self, target: &str) -> String {
        let rest = target.strip_prefix(&self.base_path);
        if rest.is_some_and(|rest| rest.starts_with('/') && !self.base_path.is_empty()) {
            target.to_owned()
        } else {
            format!("{}{target}", self.base_path)
        }
    }

    /// Whether a `Location` leads into this API and has that form.
    pub(super) fn leads_here(&self, location: &str, form: Locations) -> bool {
        let base = match form {
            Locations::Absolute => self.url(),
            Locations::Relative => self.base_path.clone(),
        };
        location
            .strip_prefix(&base)
            .is_some_and(|rest| rest.starts_with("/v2/"))
    }
}

fn malformed(address: &str) -> Error {
    Error::Address {
        address: address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_scheme_a_host_and_a_port() {
        fn check(address: &str, expected: Option<&str>) {
            let url = Address::parse(address).ok().map(|address| address.url());
            assert_eq!(url.as_deref(), expected, "{address}");
        }
        check("http://127.0.0.1:5000", Some("http://127.0.0.1:5000"));
        check("http://127.0.0.1:5000/", Some("http://127.0.0.1:5000"));
        check("https://registry:443/a/b/", Some("https://registry:443/a/b"));
        check("http://127.0.0.1", None);
        check("ftp://127.0.0.1:5000", None);
        check("127.0.0.1:5000", None);
        check("http://127.0.0.1:5000/a?b=c", None);
    }

    #[test]
    fn hosts_are_named_without_brackets() {
        fn check(address: &str, expected: &str) {
            assert_eq!(Address::parse(address).unwrap().host(), expected);
        }
        check("https://registry.test:443", "registry.test");
        check("https://127.0.0.1:1", "127.0.0.1");
        check("https://[::1]:1/x", "::1");
    }

    #[test]
    fn targets_are_put_behind_the_path_once() {
        fn check(address: &str, target: &str, expected: &str) {
            assert_eq!(Address::parse(address).unwrap().target(target), expected);
        }
        check("http://a:1", "/v2/", "/v2/");
        check("http://a:1/x/y", "/v2/", "/x/y/v2/");
        check("http://a:1/x/y", "/x/y/v2/?n=1", "/x/y/v2/?n=1");
        check("http://a:1/x", "/xy/", "/x/xy/");
    }

    #[test]
    fn a_location_leads_into_the_api() {
        fn check(location: &str, form: Locations, expected: bool) {
            let address = Address::parse("https://a:1/x").unwrap();
            assert_eq!(address.leads_here(location, form), expected, "{location}");
        }
        check("https://a:1/x/v2/b", Locations::Absolute, true);
        check("http://a:1/x/v2/b", Locations::Absolute, false);
        check("https://a:1/v2/b", Locations::Absolute, false);
        check("/x/v2/b", Locations::Absolute, false);
        check("/x/v2/b", Locations::Relative, true);
        check("/v2/b", Locations::Relative, false);
        check("https://a:1/x/v2/b", Locations::Relative, false);
    }
}
