use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use http::header;
use hythe_auth::{Access, AccessController, AuthError, Grant, RequestHead};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::challenge::challenge;
use crate::claims::Claims;
use crate::keys::TrustedKeys;
use crate::rejection::Rejection;
use crate::token::verify;
use crate::{KeysError, TokenParameters};

/// How many tokens are remembered; one takes some kilobytes at most.
const REMEMBERED: usize = 4096;

/// So long a signature need not be checked again. Certificates that issued it may expire meanwhile.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// So many checks per processor may wait; one takes some milliseconds.
const WAITING_PER_PROCESSOR: usize = 512;

/// When to come again to a registry that has more tokens to check than it can.
const BUSY_FOR: Duration = Duration::from_secs(2);

/// Grants what a signed token grants.
///
/// # Behaviour
/// * Without a token, or with one that is not accepted or not enough, the challenge is `Bearer` with realm, service, the
///   scope that is needed and, as distribution has it, `error`.
/// * The challenge tells nobody why a token was not accepted; the reason is for the log.
pub struct TokenController {
    parameters: TokenParameters,
    keys: RwLock<Current>,
    remembered: Cache<Fingerprint, Remembered>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// The keys, and how often they were read.
#[derive(Clone)]
struct Current {
    keys: Arc<TrustedKeys>,
    generation: u64,
}

/// Stands for a token and the keys it was checked with.
type Fingerprint = ([u8; 32], u64);

#[derive(Clone)]
struct Remembered {
    claims: Arc<Claims>,
    until: SystemTime,
}

impl std::fmt::Debug for TokenController {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenController")
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

impl TokenController {
    /// Reads the keys.
    pub async fn new(parameters: TokenParameters) -> Result<Self, KeysError> {
        let keys = read(&parameters).await?;
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            parameters,
            keys: RwLock::new(Current {
                keys: Arc::new(keys),
                generation: 0,
            }),
            remembered: Cache::new(REMEMBERED),
            running: Arc::new(Semaphore::new(processors)),
            admitted: Arc::new(Semaphore::new(processors * (WAITING_PER_PROCESSOR + 1))),
        })
    }

    /// The files that hold the keys, for whoever watches them.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.parameters.root_certificates, &self.parameters.jwks];
        files.into_iter().flatten().map(AsRef::as_ref)
    }

    /// Reads the keys again. If that fails the old ones stay.
    pub async fn reload(&self) -> Result<(), KeysError> {
        let keys = read(&self.parameters).await?;
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        current.keys = Arc::new(keys);
        current.generation += 1;
        Ok(())
    }

    async fn check(&self, request: RequestHead<'_>, access: &[Access]) -> Result<Grant, Refused> {
        let token = bearer(request).ok_or(Rejection::Missing)?;
        let claims = self.claims(token).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        claims.check(&self.parameters, now.as_secs().cast_signed())?;
        claims.grant(access)?;
        Ok(Grant {
            user: Some(claims.sub.clone()).filter(|user| !user.is_empty()),
            resources: claims.resources(),
        })
    }

    /// The claims of a token whose signature is right.
    async fn claims(&self, token: &str) -> Result<Arc<Claims>, Refused> {
        let Current { keys, generation } = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let fingerprint = (Sha256::digest(token).into(), generation);
        let now = SystemTime::now();
        if let Some(remembered) = self.remembered.get(&fingerprint)
            && now < remembered.until
        {
            return Ok(remembered.claims);
        }
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| Refused::Busy)?;
        let running = self.running.clone().acquire_owned().await;
        let running = running.expect("the semaphore is never closed");
        let (token, algorithms) = (token.to_owned(), self.parameters.algorithms.clone());
        // The permits go with the work: whoever loses interest must not make room for more of it.
        let verified = tokio::task::spawn_blocking(move || {
            let verified = verify(&token, &keys, &algorithms, now);
            drop((running, admitted));
            verified
        });
        let claims = verified.await.map_err(|error| Refused::Failed(error.into()))?;
        let claims = Arc::new(claims?);
        let remembered = Remembered {
            claims: claims.clone(),
            until: now + REMEMBERED_FOR,
        };
        self.remembered.insert(fingerprint, remembered);
        Ok(claims)
    }
}

enum Refused {
    Rejected(Rejection),
    Busy,
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

async fn read(parameters: &TokenParameters) -> Result<TrustedKeys, KeysError> {
    let parameters = parameters.clone();
    let read = tokio::task::spawn_blocking(move || TrustedKeys::read(&parameters));
    read.await.map_err(|_| KeysError::Interrupted)?
}

fn bearer(request: RequestHead<'_>) -> Option<&str> {
    let value = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[async_trait]
impl AccessController for TokenController {
    async fn authorize(&self, request: RequestHead<'_>, access: &[Access]) -> Result<Grant, AuthError> {
        self.check(request, access)
            .await
            .map_err(|refused| match refused {
                Refused::Rejected(rejection) => {
                    AuthError::Challenge(challenge(&self.parameters, request, access, &rejection))
                }
                Refused::Busy => AuthError::TooMany {
                    retry_after: BUSY_FOR,
                },
                Refused::Failed(error) => AuthError::Failed(error),
            })
    }
}
