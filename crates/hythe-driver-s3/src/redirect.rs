//! Addresses at which a client may fetch an object by itself.

use std::time::Duration;

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use http::{Method, Uri};
use hythe_driver::{DriverPath, ErrorKind, RedirectRequest, Result};

use crate::client::Client;
use crate::error::{Answer, Failure, chain};

/// A signature of version 4 is good for no more than a week.
const MAXIMUM_VALIDITY: Duration = Duration::from_secs(7 * 24 * 3600);
/// An address that works for less is not worth the round trip: the client may be slow to come.
const MINIMUM_VALIDITY: Duration = Duration::from_secs(60);

impl Client {
    /// A signed address that works as long as asked for, but no longer than the credentials that sign it. With
    /// credentials about to expire there is none.
    pub(crate) async fn redirect(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let key = self.keys.key(path);
        let signed = match self.validity(request).await {
            Ok(Some(validity)) => self.sign(&key, request, validity).await,
            Ok(None) => return Ok(None),
            Err(failure) => Err(failure),
        };
        let signed = signed.map_err(self.failed("GetObject", &key))?;
        let Some(signed) = signed else { return Ok(None) };
        let address = signed.uri().parse::<Uri>();
        address.map(Some).map_err(|error| {
            let failure = Failure::new(ErrorKind::Other, error.to_string());
            self.failed("GetObject", key)(failure)
        })
    }

    async fn validity(&self, request: &RedirectRequest) -> Answer<Option<Duration>> {
        let lifetime = self.credentials.lifetime().await;
        let lifetime = lifetime.map_err(|error| Failure::new(ErrorKind::Unavailable, chain(&error)))?;
        Ok(validity(request.valid_for, lifetime))
    }

    async fn sign(
        &self,
        key: &str,
        request: &RedirectRequest,
        validity: Duration,
    ) -> Answer<Option<PresignedRequest>> {
        let validity = PresigningConfig::expires_in(validity)
            .map_err(|error| Failure::new(ErrorKind::Other, error.to_string()))?;
        let content_type = request.content_type.clone();
        let signed = match request.method {
            Method::GET => {
                let get = self.signer.get_object().bucket(&*self.bucket).key(key);
                get.set_response_content_type(content_type)
                    .presigned(validity)
                    .await?
            }
            Method::HEAD => {
                let head = self.signer.head_object().bucket(&*self.bucket).key(key);
                head.set_response_content_type(content_type)
                    .presigned(validity)
                    .await?
            }
            _ => return Ok(None),
        };
        Ok(Some(signed))
    }
}

/// How long an address is to work, in whole seconds as it is written into it.
fn validity(wanted: Duration, lifetime: Option<Duration>) -> Option<Duration> {
    let limit = lifetime.unwrap_or(MAXIMUM_VALIDITY).min(MAXIMUM_VALIDITY);
    if limit < MINIMUM_VALIDITY {
        return None;
    }
    Some(Duration::from_secs(wanted.min(limit).as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_outlives_the_credentials() {
        let check = |wanted: u64, lifetime: Option<u64>, expected: Option<u64>| {
            let seconds = Duration::from_secs;
            assert_eq!(
                validity(seconds(wanted), lifetime.map(seconds)),
                expected.map(seconds)
            );
        };
        check(1200, None, Some(1200));
        check(1200, Some(3600), Some(1200));
        check(1200, Some(240), Some(240));
        check(1200, Some(59), None);
        check(30, Some(61), Some(30));
        check(u64::MAX, None, Some(604_800));
        check(0, None, Some(1));
    }
}
