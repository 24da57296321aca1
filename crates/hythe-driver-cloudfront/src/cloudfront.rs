use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::Uri;
use hythe_driver::{
    BoxError, Capabilities, DriverPath, Error, ErrorKind, RedirectRequest, Redirector, Result, StorageDriver,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use crate::error::CloudFrontError;
use crate::filter::Filter;
use crate::options::{CloudFrontOptions, IpFilter};
use crate::signer::Signer;

/// What need not be escaped in the path of an address.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Sends clients to CloudFront with signed addresses: the storage middleware `cloudfront`.
#[derive(Debug)]
pub struct CloudFront {
    signer: Arc<Signer>,
    base_url: String,
    duration: Option<Duration>,
    filter: Option<Filter>,
    update_frequency: Duration,
}

impl CloudFront {
    /// Reads the key, and Amazon's networks where the options ask for them. That the networks cannot be read is
    /// only a warning: everybody is sent to CloudFront until they are.
    pub async fn new(options: CloudFrontOptions) -> std::result::Result<Self, CloudFrontError> {
        let path = options.private_key.clone();
        let pem = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
        let pem = pem.unwrap_or_else(|stopped| Err(stopped.into()));
        let pem = pem.map_err(|source| CloudFrontError::KeyFile {
            path: options.private_key.clone(),
            source,
        })?;
        let regions = match options.ip_filter {
            IpFilter::None => None,
            IpFilter::Aws => Some(Vec::new()),
            IpFilter::AwsRegion(regions) => Some(regions),
        };
        let this = Self {
            signer: Arc::new(Signer::new(&pem, options.key_pair_id)?),
            base_url: options.base_url,
            duration: options.duration,
            filter: regions.map(|regions| Filter::new(options.ip_ranges_url, regions)),
            update_frequency: options.update_frequency,
        };
        this.update_ranges().await;
        Ok(this)
    }

    /// Whether [`Self::keep_ranges_fresh`] has anything to do.
    pub fn filters(&self) -> bool {
        self.filter.is_some()
    }

    /// Reads Amazon's networks again and again until `stop` is cancelled.
    pub async fn keep_ranges_fresh(&self, stop: CancellationToken) {
        let mut ticks = interval_at(Instant::now() + self.update_frequency, self.update_frequency);
        let update = async {
            loop {
                ticks.tick().await;
                self.update_ranges().await;
            }
        };
        stop.run_until_cancelled(update).await;
    }

    async fn update_ranges(&self) {
        if let Some(filter) = &self.filter
            && let Err(error) = filter.update().await
        {
            let error = &error as &(dyn std::error::Error + 'static);
            tracing::warn!(error, "cloudfront: the networks of Amazon are not up to date");
        }
    }

    /// The signed address of an object.
    async fn address(&self, key: &str, valid_for: Duration) -> std::result::Result<Uri, BoxError> {
        let url = format!("{}{}", self.base_url, utf8_percent_encode(key, IN_PATHS));
        let expires = SystemTime::now() + valid_for;
        let signer = self.signer.clone();
        // A signature takes longer than a thread of the runtime may be held up.
        let address = tokio::task::spawn_blocking(move || signer.sign(&url, expires)).await??;
        Ok(address.parse()?)
    }
}

#[async_trait]
impl Redirector for CloudFront {
    fn can_redirect(&self, below: &Capabilities) -> bool {
        below.redirect || below.key_prefix.is_some()
    }

    async fn redirect_url(
        &self,
        below: &dyn StorageDriver,
        path: &DriverPath,
        request: &RedirectRequest,
    ) -> Result<Option<Uri>> {
        let is_inside = self
            .filter
            .as_ref()
            .is_some_and(|filter| filter.is_inside(request.client));
        let Some(prefix) = below.capabilities().key_prefix.filter(|_| !is_inside) else {
            return below.redirect_url(path, request).await;
        };
        let key = key(&prefix, path);
        let signed = self
            .address(&key, self.duration.unwrap_or(request.valid_for))
            .await;
        signed.map(Some).map_err(|error| {
            Error::new(below.name(), "redirect_url", ErrorKind::Other)
                .at(path)
                .because(error)
        })
    }
}

fn key(prefix: &str, path: &impl Display) -> String {
    let path = path.to_string();
    format!("{prefix}{}", path.trim_start_matches('/'))
}
