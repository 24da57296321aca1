//! Whether the service puts conditionally, which some that speak S3 do not, and how it wants to be asked.

use std::sync::OnceLock;

use bytes::Bytes;
use http::Uri;
use hythe_driver::{DriverPath, ErrorKind, Result, Version};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::client::Client;
use crate::error::{Answer, Failure};
use crate::parameters::S3Parameters;
use crate::put::Condition;

/// An ETag that no object has.
const NO_ETAG: &str = "00000000000000000000000000000000";

/// What conditional puts the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Support {
    /// `If-None-Match: *`.
    pub(crate) create: bool,
    /// `If-Match`.
    pub(crate) update: bool,
    /// ETags are compared without their quotes (Ceph before 18).
    pub(crate) bare_etags: bool,
}

impl Support {
    const FULL: Self = Self {
        create: true,
        update: true,
        bare_etags: false,
    };
    const NONE: Self = Self {
        create: false,
        update: false,
        bare_etags: false,
    };
}

/// What is known of it so far.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    known: OnceLock<Support>,
    /// Held by the one that finds out.
    probing: Mutex<()>,
}

impl Conditions {
    /// By the parameters: known where they say so and for Amazon's own service.
    pub(crate) fn new(parameters: &S3Parameters) -> Self {
        let conditions = Self::default();
        let known = match (parameters.conditional_puts, &parameters.endpoint) {
            (Some(true), _) | (None, None) => Some(Support::FULL),
            (Some(false), _) => Some(Support::NONE),
            (None, Some(endpoint)) => is_amazon(endpoint).then_some(Support::FULL),
        };
        if let Some(support) = known {
            let _ = conditions.known.set(support);
        }
        conditions
    }

    /// What is known; nearly every service does all of it.
    pub(crate) fn assumed(&self) -> Support {
        self.known.get().copied().unwrap_or(Support::FULL)
    }
}

fn is_amazon(endpoint: &Uri) -> bool {
    let host = endpoint.host().unwrap_or_default();
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}

impl Client {
    /// What conditional puts the service does: tried out once, with an object that is deleted again.
    pub(crate) async fn support(&self) -> Result<Support> {
        if let Some(known) = self.conditions.known.get() {
            return Ok(*known);
        }
        let _probing = self.conditions.probing.lock().await;
        if let Some(known) = self.conditions.known.get() {
            return Ok(*known);
        }
        let name = format!("hythe-probe-{}", Uuid::new_v4());
        let key = format!("{}{name}", self.keys.directory(&DriverPath::root()));
        let probed = self.probe(&key).await;
        let deleted = self.delete_objects(std::slice::from_ref(&key)).await;
        let support = probed.map_err(self.failed("PutObject", &key))?;
        deleted?;
        if !support.create || !support.update {
            tracing::warn!(
                bucket = %self.bucket,
                create = support.create,
                update = support.update,
                "the storage service lacks conditional puts: uploads that several replicas write at the same time \
                 are not kept apart"
            );
        }
        Ok(*self.conditions.known.get_or_init(|| support))
    }

    /// Puts the same content five times at most: as it is, if nothing were there, if something else were there, and
    /// if itself were there.
    async fn probe(&self, key: &str) -> Answer<Support> {
        let first = self.probe_put(key, &Condition::None).await?;
        let etag =
            first.ok_or_else(|| Failure::new(ErrorKind::Other, "refused a put without a condition"))?;
        let create = self.probe_put(key, &Condition::Absent).await?.is_none();
        let none = Condition::Etag(quoted(NO_ETAG));
        let refuses_stale = self.probe_put(key, &none).await?.is_none();
        let accepts = async |etag: String| -> Answer<bool> {
            Ok(self.probe_put(key, &Condition::Etag(etag)).await?.is_some())
        };
        let accepts_quoted = refuses_stale && accepts(quoted(etag.as_str())).await?;
        let bare_etags = refuses_stale && !accepts_quoted && accepts(etag.as_str().to_owned()).await?;
        Ok(Support {
            create,
            update: accepts_quoted || bare_etags,
            bare_etags,
        })
    }

    /// The version when the put was done, `None` when it was refused; an error when nothing can be said.
    async fn probe_put(&self, key: &str, condition: &Condition) -> Answer<Option<Version>> {
        match self
            .put_once(key, &[Bytes::from_static(b"probe")], condition)
            .await
        {
            Ok(version) => Ok(Some(version.unwrap_or_else(|| Version::new("")))),
            Err(failure) => match failure.kind {
                ErrorKind::PermissionDenied | ErrorKind::Throttled | ErrorKind::NoSpace => Err(failure),
                ErrorKind::Unavailable if failure.status != Some(409) => Err(failure),
                _ => Ok(None),
            },
        }
    }

    /// An ETag as this service wants it in a condition.
    pub(crate) fn condition_etag(&self, version: &Version) -> String {
        if self.conditions.assumed().bare_etags {
            version.as_str().to_owned()
        } else {
            quoted(version.as_str())
        }
    }
}

/// Versions are kept without the quotes of ETags, which some answers have and some have not.
pub(crate) fn version(etag: &str) -> Version {
    Version::new(etag.trim_matches('"'))
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_of_others_are_probed() {
        let check = |host: &str, expected: bool| {
            let endpoint = format!("https://{host}/").parse().unwrap();
            assert_eq!(is_amazon(&endpoint), expected, "{host}");
        };
        check("s3.eu-west-1.amazonaws.com", true);
        check("s3.cn-north-1.amazonaws.com.cn", true);
        check("s3.amazonaws.com.example.org", false);
        check("127.0.0.1:9000", false);
    }

    #[test]
    fn versions_are_compared_without_quotes() {
        assert_eq!(version("\"abc-1\""), version("abc-1"));
    }
}
