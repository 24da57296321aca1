//! The service as one driver sees it: how requests are made, bounded and signed.

use std::sync::Arc;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_s3::types::{ObjectCannedAcl, ServerSideEncryption, StorageClass};
use http::Uri;
use http::uri::Scheme;
use hythe_driver::Error;
use hythe_driver::multipart::PartBudget;
use hythe_driver::objects::KeyRoot;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::conditions::Conditions;
use crate::credentials::CredentialSource;
use crate::error::{Cause, Failure, SetupError};
use crate::interceptors::{Elsewhere, Introduce, LogRequests};
use crate::parameters::S3Parameters;
use crate::retry;

/// The content type of every object, as distribution's.
pub(crate) const CONTENT_TYPE: &str = "application/octet-stream";

/// A bucket and what is needed to use it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Client(Arc<Shared>);

/// What [`Client`]s share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sdk: aws_sdk_s3::Client,
    /// Signs addresses for clients; sends nothing.
    pub(crate) signer: aws_sdk_s3::Client,
    pub(crate) credentials: CredentialSource,
    pub(crate) bucket: Arc<str>,
    pub(crate) keys: KeyRoot,
    pub(crate) conditions: Conditions,
    pub(crate) parameters: S3Parameters,
    /// Whether TLS protects bodies on their way, so that they need no signature of their own.
    pub(crate) is_protected: bool,
    /// The memory of all writers for parts on their way.
    pub(crate) budget: PartBudget,
    permits: Semaphore,
}

impl std::ops::Deref for Client {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Client {
    /// A client that has not asked the service anything yet.
    pub(crate) async fn new(parameters: S3Parameters, http: SharedHttpClient) -> Result<Self, SetupError> {
        let credentials = CredentialSource::new(&parameters, http.clone()).await?;
        let scheme = parameters.endpoint.as_ref().and_then(Uri::scheme_str);
        let is_protected = scheme.map_or(parameters.secure, |scheme| scheme == "https");
        let config = sdk_config(&parameters, &credentials, http);
        let signer = match &parameters.redirect_endpoint {
            None => config.clone(),
            Some(address) => config.clone().interceptor(Elsewhere {
                scheme: address.scheme().cloned().unwrap_or(Scheme::HTTPS),
                authority: address.authority().cloned(),
            }),
        };
        Ok(Self(Arc::new(Shared {
            sdk: aws_sdk_s3::Client::from_conf(config.build()),
            signer: aws_sdk_s3::Client::from_conf(signer.build()),
            credentials,
            bucket: parameters.bucket.as_str().into(),
            keys: KeyRoot::new(&parameters.root_directory),
            conditions: Conditions::new(&parameters),
            is_protected,
            budget: PartBudget::new(PartBudget::DEFAULT_BYTES),
            permits: Semaphore::new(parameters.max_concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            parameters,
        })))
    }

    /// The right to send one request. Kept until its answer begins, so that slow readers do not keep others out.
    pub(crate) async fn permit(&self) -> SemaphorePermit<'_> {
        self.permits
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    /// What a failed call on a key is to a caller; the method is named by whoever knows it.
    pub(crate) fn failed<F: Into<Failure>>(
        &self,
        call: &'static str,
        key: impl Into<String>,
    ) -> impl FnOnce(F) -> Error {
        let cause = Cause::new(call, Arc::clone(&self.bucket), key.into());
        move |failure| failure.into().into_error(cause)
    }
}

impl Shared {
    pub(crate) fn acl(&self) -> ObjectCannedAcl {
        self.parameters.object_acl.clone()
    }

    pub(crate) fn storage_class(&self) -> Option<StorageClass> {
        self.parameters.storage_class.clone()
    }

    pub(crate) fn encryption(&self) -> Option<ServerSideEncryption> {
        let encryption = match self.parameters.key_id {
            Some(_) => ServerSideEncryption::AwsKms,
            None => ServerSideEncryption::Aes256,
        };
        self.parameters.encrypt.then_some(encryption)
    }

    pub(crate) fn encryption_key(&self) -> Option<String> {
        self.parameters.key_id.clone()
    }
}

fn sdk_config(parameters: &S3Parameters, credentials: &CredentialSource, http: SharedHttpClient) -> Builder {
    let retries: RetryConfig = retry::config();
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(parameters.region.clone()))
        .credentials_provider(credentials.clone())
        // The provider keeps them itself, and longer before they expire.
        .identity_cache(IdentityCache::no_cache())
        .http_client(http)
        .force_path_style(parameters.force_path_style)
        .use_dual_stack(parameters.dual_stack)
        .use_fips(parameters.fips)
        .accelerate(parameters.accelerate)
        // By default the SDK adds checksums that Garage and older Ceph refuse.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // It takes a slow client for a stalled one; the connector has timeouts of its own.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .retry_config(retries)
        .retry_partition(retry::partition())
        .retry_classifier(retry::RetryAfter);
    match &parameters.endpoint {
        Some(endpoint) => config.set_endpoint_url(Some(endpoint.to_string())),
        None if parameters.secure => &mut config,
        None => config.push_interceptor(aws_sdk_s3::config::SharedInterceptor::new(Elsewhere {
            scheme: Scheme::HTTP,
            authority: None,
        })),
    };
    if let Some(name) = &parameters.user_agent {
        config = config.interceptor(Introduce(name.clone()));
    }
    if parameters.log_requests {
        config = config.interceptor(LogRequests);
    }
    config
}
