//! Who signs the requests, and for how long his word is good.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::SharedHttpClient;
use tokio::sync::Mutex;

use crate::error::{SetupError, chain};
use crate::parameters::{S3Parameters, StaticCredentials};

/// Credentials with less than this left are renewed, so that what they sign is good for some time.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

/// The credentials of a driver: asked for once and renewed before they expire. Clones share them.
#[derive(Clone)]
pub(crate) struct CredentialSource {
    provider: SharedCredentialsProvider,
    current: Arc<Mutex<Option<Credentials>>>,
}

impl CredentialSource {
    /// Where the parameters say that credentials come from. Nothing is asked yet.
    pub(crate) async fn new(parameters: &S3Parameters, http: SharedHttpClient) -> Result<Self, SetupError> {
        let given = parameters.static_credentials.as_ref().map(fixed);
        if let (Some(given), None) = (&given, &parameters.role) {
            return Ok(Self::of(SharedCredentialsProvider::new(given.clone())));
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(parameters.region.clone()))
            .http_client(http)
            // The chain beneath is asked through our own cache.
            .identity_cache(aws_sdk_s3::config::IdentityCache::no_cache());
        if let Some(given) = given {
            loader = loader.credentials_provider(given);
        }
        let chain = loader.load().await;
        let provider = match &parameters.role {
            None => chain.credentials_provider().ok_or(SetupError::NoCredentials)?,
            Some(role) => {
                let mut assume = AssumeRoleProvider::builder(&role.arn)
                    .session_name(&role.session_name)
                    .region(Region::new(parameters.region.clone()))
                    .configure(&chain);
                if let Some(id) = &role.external_id {
                    assume = assume.external_id(id);
                }
                SharedCredentialsProvider::new(assume.build().await)
            }
        };
        Ok(Self::of(provider))
    }

    fn of(provider: SharedCredentialsProvider) -> Self {
        Self {
            provider,
            current: Arc::default(),
        }
    }

    /// Credentials that are good now, and for some minutes more if they can be had.
    async fn current(&self) -> provider::Result {
        let mut current = self.current.lock().await;
        let left = current.as_ref().map(left);
        if let (Some(credentials), Some(left)) = (current.as_ref(), left)
            && left.is_none_or(|left| left > RENEW_BEFORE)
        {
            return Ok(credentials.clone());
        }
        match self.provider.provide_credentials().await {
            Ok(renewed) => {
                *current = Some(renewed.clone());
                Ok(renewed)
            }
            Err(error) => match current.as_ref() {
                Some(credentials) if left.flatten().is_some_and(|left| !left.is_zero()) => {
                    tracing::warn!(error = %chain(&error), "cannot renew the credentials of the storage driver");
                    Ok(credentials.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// How long what is signed now is good; `None` for ever.
    pub(crate) async fn lifetime(&self) -> Result<Option<Duration>, CredentialsError> {
        Ok(left(&self.current().await?))
    }
}

/// `None` for credentials that do not expire.
fn left(credentials: &Credentials) -> Option<Duration> {
    let expiry = credentials.expiry()?;
    Some(expiry.duration_since(SystemTime::now()).unwrap_or_default())
}

fn fixed(given: &StaticCredentials) -> Credentials {
    Credentials::new(
        &given.access_key,
        &given.secret_key,
        given.session_token.clone(),
        None,
        "configuration",
    )
}

impl ProvideCredentials for CredentialSource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSource").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Gives credentials with these lifetimes in seconds, and after them an error.
    #[derive(Debug)]
    struct Chain {
        lifetimes: Vec<u64>,
        asked: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Chain {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            let given = self.lifetimes.get(number).map(|seconds| {
                let expiry = SystemTime::now() + Duration::from_secs(*seconds);
                Credentials::new("id", "secret", None, Some(expiry), "test")
            });
            future::ProvideCredentials::ready(given.ok_or_else(|| CredentialsError::not_loaded("none left")))
        }
    }

    fn source(lifetimes: &[u64]) -> (CredentialSource, Arc<AtomicUsize>) {
        let asked = Arc::<AtomicUsize>::default();
        let chain = Chain {
            lifetimes: lifetimes.to_vec(),
            asked: Arc::clone(&asked),
        };
        (CredentialSource::of(SharedCredentialsProvider::new(chain)), asked)
    }

    #[tokio::test]
    async fn credentials_are_kept_while_they_are_good() {
        let (source, asked) = source(&[3600]);
        for _ in 0..3 {
            let lifetime = source.lifetime().await.unwrap().unwrap();
            assert!(lifetime > Duration::from_secs(3500));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn credentials_about_to_expire_are_renewed() {
        let (source, asked) = source(&[240, 3600]);
        assert!(source.lifetime().await.unwrap().unwrap() < RENEW_BEFORE);
        assert!(source.lifetime().await.unwrap().unwrap() > RENEW_BEFORE);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn credentials_are_used_up_when_there_are_no_others() {
        let (source, _) = source(&[240]);
        source.lifetime().await.unwrap();
        assert!(source.lifetime().await.unwrap().unwrap() > Duration::from_secs(200));
        let (source, _) = self::source(&[0]);
        source.lifetime().await.unwrap();
        assert!(source.lifetime().await.is_err());
    }
}
