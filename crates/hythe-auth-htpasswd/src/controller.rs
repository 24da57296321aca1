use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use hythe_auth::{Access, AccessController, AuthError, Challenge, Grant, RequestHead, quoted};

use crate::attempts::Attempts;
use crate::credentials::Credentials;
use crate::file::Users;
use crate::remembered::Remembered;
use crate::source::Source;
use crate::verify::{BUSY_FOR, Verifier, VerifyError};
use crate::{HtpasswdParameters, SetupError};

/// Grants everything to who is in a htpasswd file.
///
/// # Behaviour
/// * Without credentials, or with wrong ones, the challenge is `Basic realm="…"`; which of them was wrong is told to
///   nobody.
/// * After twenty failed logins in a row an address gets [`AuthError::TooMany`] until it has waited, three seconds for
///   each further attempt. Passwords that are remembered are taken meanwhile, so that a client with an old password
///   does not lock out the others behind its address.
/// * A file that cannot be read leaves the users as they were; if there never was a good one, it is
///   [`AuthError::Failed`].
#[derive(Debug)]
pub struct HtpasswdController {
    challenge: HeaderValue,
    source: Source,
    verifier: Verifier,
    remembered: Remembered,
    attempts: Attempts,
}

impl HtpasswdController {
    /// Opens the file; one that is missing is made, with one user and a random password that the log tells.
    pub async fn new(parameters: &HtpasswdParameters) -> Result<Self, SetupError> {
        let challenge = format!("Basic realm={}", quoted(&parameters.realm));
        Ok(Self {
            challenge: HeaderValue::from_bytes(challenge.as_bytes())
                .expect("a quoted text has no control characters"),
            source: Source::open(&parameters.path).await?,
            verifier: Verifier::new(),
            remembered: Remembered::new(),
            attempts: Attempts::new(),
        })
    }

    /// Reads the file again with the next request, changed or not.
    pub fn reload(&self) {
        self.source.look_again();
    }

    fn challenge(&self, reason: &str) -> AuthError {
        AuthError::Challenge(Challenge {
            authenticate: vec![self.challenge.clone()],
            reason: reason.to_owned(),
        })
    }

    async fn is_right(
        &self,
        users: &Users,
        credentials: &Credentials,
        address: Option<IpAddr>,
    ) -> Result<bool, AuthError> {
        let Credentials { name, password } = credentials;
        let known = users.hash(name);
        let fingerprint = known.map(|hash| self.remembered.fingerprint(name, password, hash));
        if let Some(fingerprint) = &fingerprint
            && self.remembered.has(fingerprint)
        {
            return Ok(true);
        }
        if let Some(address) = address {
            self.attempts.take(address).map_err(too_many)?;
        }
        let hash = known.map_or_else(|| users.nobody(), str::to_owned);
        let verified = self.verifier.verify(password.clone(), hash);
        let is_right = match &fingerprint {
            Some(fingerprint) => self.remembered.check(fingerprint, verified).await,
            None => verified.await.map(|_| false),
        };
        let is_right = is_right.map_err(|error| match error {
            VerifyError::Busy => too_many(BUSY_FOR),
            VerifyError::Failed(_) => AuthError::Failed(error.into()),
        })?;
        if is_right && let Some(address) = address {
            self.attempts.give_back(address);
        }
        Ok(is_right)
    }
}

fn too_many(wait: Duration) -> AuthError {
    AuthError::TooMany { retry_after: wait }
}

#[async_trait]
impl AccessController for HtpasswdController {
    async fn authorize(&self, request: RequestHead<'_>, _access: &[Access]) -> Result<Grant, AuthError> {
        let Some(credentials) = Credentials::of(request.headers) else {
            return Err(self.challenge("no credentials"));
        };
        let users = self.source.users().await;
        let users = users.map_err(|error| AuthError::Failed(error.into()))?;
        if self.is_right(&users, &credentials, request.remote).await? {
            Ok(Grant {
                user: Some(credentials.name),
                ..Grant::default()
            })
        } else {
            Err(self.challenge("wrong name or password"))
        }
    }
}
