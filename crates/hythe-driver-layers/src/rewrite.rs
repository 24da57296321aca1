use async_trait::async_trait;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use hythe_driver::{
    Capabilities, DriverPath, Error, ErrorKind, Parameters, RedirectRequest, Redirector, Result,
    StorageDriver,
};

use crate::options::{OptionError, text};

/// Changes parts of the addresses that the driver hands out: the storage middleware `rewrite`.
///
/// A signature that covers what is changed does not survive it; for such backends the driver's own option for a
/// public endpoint is the right one. Where the driver has no address there is none here. (The middleware of
/// distribution 3.1.2 makes one of nothing but the overrides then, which leads nowhere.)
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewrite {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    trimmed_prefix: Option<String>,
}

impl Rewrite {
    /// The names of the options in the configuration.
    pub const OPTIONS: &[&str] = &["scheme", "host", "trimpathprefix"];

    /// Reads the options, all of which may be absent.
    pub fn read(options: &Parameters) -> std::result::Result<Self, OptionError> {
        let [scheme, host, trimpathprefix] = ["scheme", "host", "trimpathprefix"];
        let not =
            |option, what: &str, value: &str| OptionError::new(option, format!("{value:?} is not {what}"));
        Ok(Self {
            scheme: text(options, scheme)?
                .map(|value| {
                    value
                        .parse()
                        .map_err(|_| not(scheme, "a scheme such as https", value))
                })
                .transpose()?,
            authority: text(options, host)?
                .map(|value| {
                    value
                        .parse()
                        .map_err(|_| not(host, "a host such as cdn.example.com:443", value))
                })
                .transpose()?,
            trimmed_prefix: text(options, trimpathprefix)?.map(str::to_owned),
        })
    }

    fn apply(&self, address: Uri) -> std::result::Result<Uri, http::Error> {
        let mut parts = address.into_parts();
        if let Some(scheme) = &self.scheme {
            parts.scheme = Some(scheme.clone());
        }
        if let Some(authority) = &self.authority {
            parts.authority = Some(authority.clone());
        }
        if let Some(prefix) = &self.trimmed_prefix
            && let Some(target) = &parts.path_and_query
            && let Some(rest) = target.path().strip_prefix(prefix.as_str())
        {
            let slash = if rest.starts_with('/') { "" } else { "/" };
            let query = target
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default();
            parts.path_and_query = Some(PathAndQuery::try_from(format!("{slash}{rest}{query}"))?);
        }
        Ok(Uri::from_parts(parts)?)
    }
}

#[async_trait]
impl Redirector for Rewrite {
    fn can_redirect(&self, below: &Capabilities) -> bool {
        below.redirect
    }

    async fn redirect_url(
        &self,
        below: &dyn StorageDriver,
        path: &DriverPath,
        request: &RedirectRequest,
    ) -> Result<Option<Uri>> {
        let Some(address) = below.redirect_url(path, request).await? else {
            return Ok(None);
        };
        let failed = |error| {
            Error::new(below.name(), "redirect_url", ErrorKind::Other)
                .at(path)
                .because(error)
        };
        self.apply(address).map(Some).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(options: &Value, address: &str, expected: &str) {
        let rewrite = Rewrite::read(options.as_object().unwrap()).unwrap();
        let rewritten = rewrite.apply(address.parse().unwrap()).unwrap();
        assert_eq!(rewritten.to_string(), expected, "{options} {address}");
    }

    #[test]
    fn what_is_named_is_replaced_and_the_rest_stays() {
        const ADDRESS: &str = "http://bucket.internal:9000/some/path?X-Signature=a%2Fb&c";
        check(&json!({}), ADDRESS, ADDRESS);
        check(&json!({ "host": null, "scheme": "" }), ADDRESS, ADDRESS);
        check(
            &json!({ "scheme": "https" }),
            ADDRESS,
            "https://bucket.internal:9000/some/path?X-Signature=a%2Fb&c",
        );
        check(
            &json!({ "host": "cdn.example.com" }),
            ADDRESS,
            "http://cdn.example.com/some/path?X-Signature=a%2Fb&c",
        );
        check(
            &json!({ "scheme": "https", "host": "cdn.example.com:8443", "trimpathprefix": "/some" }),
            ADDRESS,
            "https://cdn.example.com:8443/path?X-Signature=a%2Fb&c",
        );
    }

    #[test]
    fn only_a_prefix_of_the_path_is_trimmed() {
        let check = |prefix: &str, address: &str, expected: &str| {
            check(&json!({ "trimpathprefix": prefix }), address, expected);
        };
        check("/some", "http://a.test/some/path", "http://a.test/path");
        check("/some/", "http://a.test/some/path", "http://a.test/path");
        check("/some/path", "http://a.test/some/path", "http://a.test/");
        check("/path", "http://a.test/some/path", "http://a.test/some/path");
        check(
            "/bucket",
            "http://a.test/?prefix=/bucket",
            "http://a.test/?prefix=/bucket",
        );
    }

    #[test]
    fn unusable_options_are_named() {
        for (option, value) in [
            ("scheme", json!(1)),
            ("scheme", json!("https://")),
            ("host", json!(["a"])),
            ("host", json!("a/b")),
            ("host", json!("https://a")),
            ("trimpathprefix", json!(true)),
        ] {
            let options = json!({ option: value });
            let error = Rewrite::read(options.as_object().unwrap())
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(&format!("option {option}: ")),
                "{options}: {error}"
            );
        }
    }
}
