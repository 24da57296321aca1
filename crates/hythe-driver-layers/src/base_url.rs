use async_trait::async_trait;
use http::Uri;
use http::uri::{Authority, Scheme};
use hythe_driver::{
    Capabilities, DriverPath, Error, ErrorKind, Parameters, RedirectRequest, Redirector, Result,
    StorageDriver,
};

use crate::options::{OptionError, text};

/// Sends everybody to one place, where the files lie under their paths: the storage middleware `redirect`.
///
/// Nothing is signed, so that place has to know by itself whom it serves. The driver's root directory is not part of
/// the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// What the path of the address begins with: empty, or beginning and not ending with `/`.
    path: String,
}

impl BaseUrl {
    /// The names of the options in the configuration.
    pub const OPTIONS: &[&str] = &["baseurl"];

    /// Reads the option `baseurl`, which has a scheme and a host, and may have a port and a path.
    pub fn read(options: &Parameters) -> std::result::Result<Self, OptionError> {
        const OPTION: &str = BaseUrl::OPTIONS[0];
        let url = text(options, OPTION)?.ok_or_else(|| OptionError::new(OPTION, "is required"))?;
        let parsed: Uri = url
            .parse()
            .map_err(|error| OptionError::new(OPTION, format!("{url:?} is not a URL: {error}")))?;
        let parts = parsed.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            let reason = format!("{url:?} needs a scheme and a host, as in https://cdn.example.com/path");
            return Err(OptionError::new(OPTION, reason));
        };
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        Ok(Self {
            scheme,
            authority,
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

#[async_trait]
impl Redirector for BaseUrl {
    fn can_redirect(&self, _below: &Capabilities) -> bool {
        true
    }

    async fn redirect_url(
        &self,
        below: &dyn StorageDriver,
        path: &DriverPath,
        _request: &RedirectRequest,
    ) -> Result<Option<Uri>> {
        let address = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.path))
            .build();
        let failed = |error| {
            Error::new(below.name(), "redirect_url", ErrorKind::Other)
                .at(path)
                .because(error)
        };
        address.map(Some).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use hythe_driver_inmemory::InMemoryDriver;
    use serde_json::{Value, json};

    use super::*;

    fn read(options: &Value) -> std::result::Result<BaseUrl, OptionError> {
        BaseUrl::read(options.as_object().unwrap())
    }

    async fn check(base: &str, expected: &str) {
        let request = RedirectRequest {
            method: http::Method::GET,
            client: None,
            content_type: None,
            valid_for: RedirectRequest::DEFAULT_VALIDITY,
        };
        let path = DriverPath::parse("/docker/registry/v2/data").unwrap();
        let redirector = read(&json!({ "baseurl": base })).unwrap();
        let address = redirector
            .redirect_url(&InMemoryDriver::new(), &path, &request)
            .await;
        assert_eq!(address.unwrap().unwrap().to_string(), expected, "{base}");
    }

    #[tokio::test]
    async fn the_path_follows_the_base() {
        const PATH: &str = "docker/registry/v2/data";
        check("https://example.com", &format!("https://example.com/{PATH}")).await;
        check("http://example.com/", &format!("http://example.com/{PATH}")).await;
        check(
            "https://example.com:5443",
            &format!("https://example.com:5443/{PATH}"),
        )
        .await;
        check(
            "https://example.com/path",
            &format!("https://example.com/path/{PATH}"),
        )
        .await;
        check(
            "https://example.com/a/b/",
            &format!("https://example.com/a/b/{PATH}"),
        )
        .await;
        check(
            "https://example.com/a?b=c",
            &format!("https://example.com/a/{PATH}"),
        )
        .await;
    }

    #[test]
    fn unusable_options_are_named() {
        for options in [
            json!({}),
            json!({ "baseurl": null }),
            json!({ "baseurl": "" }),
            json!({ "baseurl": 1 }),
            json!({ "baseurl": "example.com" }),
            json!({ "baseurl": "/path" }),
            json!({ "baseurl": "https://" }),
            json!({ "baseurl": "https://exa mple.com" }),
        ] {
            let error = read(&options).unwrap_err().to_string();
            assert!(error.starts_with("option baseurl: "), "{options}: {error}");
        }
    }
}
