//! Signatures for single blobs: by the account's key, or by a key that the service gives for a token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::http::RequestContent;
use azure_core::time::OffsetDateTime;
use azure_storage_blob::models::KeyInfo;
use azure_storage_common::models::UserDelegationKey;
use azure_storage_sas::{SasBuilder, SasProtocol};
use hythe_driver::ErrorKind;

use crate::client::Client;
use crate::credentials::Authority;
use crate::error::{Failure, Result};
use crate::sas::Grant;

/// Clocks differ: a signature is good a little before it was made, as distribution's.
const CLOCK_SKEW: Duration = Duration::from_secs(10);
/// How long keys for signing are asked for. Azure gives them for at most 7 days, of which an hour is left to clocks.
const KEY_LIFE: Duration = Duration::from_secs(48 * 3600);
const LONGEST_KEY_LIFE: Duration = Duration::from_secs((7 * 24 - 1) * 3600);
/// A key that lives no longer than an address and this is replaced, as in distribution.
const KEY_RESERVE: Duration = Duration::from_secs(30 * 60);
/// The service reads a source while the request for it lasts.
const SOURCE_VALIDITY: Duration = Duration::from_secs(3600);

/// The key that the service gave last.
#[derive(Debug, Default)]
pub(crate) struct Signer {
    delegation_key: Mutex<Option<DelegationKey>>,
}

#[derive(Debug, Clone)]
struct DelegationKey {
    key: Arc<UserDelegationKey>,
    expires: OffsetDateTime,
}

/// What a signature is to allow: reading one blob.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) key: &'a str,
    pub(crate) valid_for: Duration,
    pub(crate) allow_http: bool,
    pub(crate) content_type: Option<&'a str>,
}

impl Signer {
    /// The key in use, unless it is to be replaced.
    fn good_until(&self, needed: OffsetDateTime) -> Option<DelegationKey> {
        let cached = self.delegation_key.lock().unwrap_or_else(PoisonError::into_inner);
        cached.clone().filter(|cached| cached.expires >= needed)
    }

    fn keep(&self, fresh: DelegationKey) {
        *self.delegation_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
    }
}

impl Client {
    /// A query that allows reading a blob. `None` with a shared access signature as the only credential: it cannot
    /// sign, and is not to be handed out.
    pub(crate) async fn signed_query(
        &self,
        reading: Reading<'_>,
        now: OffsetDateTime,
    ) -> Result<Option<String>> {
        let mut grant = Grant {
            container: self.container_name(),
            key: reading.key,
            starts: now - CLOCK_SKEW,
            expires: now + reading.valid_for,
            allow_http: reading.allow_http,
            content_type: reading.content_type,
        };
        match self.authority() {
            Authority::Query(_) => Ok(None),
            Authority::Key(account) => Ok(Some(grant.signed_by(account))),
            Authority::Token(_) => {
                let delegated = self.delegation_key(reading.valid_for, now).await?;
                grant.expires = grant.expires.min(delegated.expires);
                let query = delegated_query(self.account_name(), &delegated.key, &grant);
                query
                    .map(Some)
                    .map_err(|error| Failure::because(ErrorKind::Other, error))
            }
        }
    }

    /// An address at which the service itself can read a blob.
    pub(crate) async fn readable_address(&self, key: &str) -> Result<String> {
        let mut address = self.blob(key).url().clone();
        let reading = Reading {
            key,
            valid_for: SOURCE_VALIDITY,
            allow_http: address.scheme() == "http",
            content_type: None,
        };
        if let Some(query) = self.signed_query(reading, OffsetDateTime::now_utc()).await? {
            address.set_query(Some(&query));
        }
        Ok(address.into())
    }

    async fn delegation_key(&self, valid_for: Duration, now: OffsetDateTime) -> Result<DelegationKey> {
        let needed = now + valid_for.saturating_add(KEY_RESERVE).min(LONGEST_KEY_LIFE / 2);
        if let Some(cached) = self.signer().good_until(needed) {
            return Ok(cached);
        }
        let life = valid_for.saturating_add(KEY_LIFE).min(LONGEST_KEY_LIFE);
        let wanted = KeyInfo {
            start: Some(now - CLOCK_SKEW),
            expiry: Some(now + life),
            ..KeyInfo::default()
        };
        let failed = self.failed("");
        let wanted = RequestContent::try_from(wanted).map_err(&failed)?;
        let answer = self.service().get_user_delegation_key(wanted, None).await;
        let key = answer
            .and_then(azure_core::http::Response::into_model)
            .map_err(&failed)?;
        let fresh = DelegationKey {
            expires: key.signed_expiry.unwrap_or(now + life),
            key: Arc::new(key),
        };
        self.signer().keep(fresh.clone());
        Ok(fresh)
    }
}

fn delegated_query(account: &str, key: &UserDelegationKey, grant: &Grant<'_>) -> azure_core::Result<String> {
    let protocol = if grant.allow_http {
        SasProtocol::HttpsAndHttp
    } else {
        SasProtocol::Https
    };
    let builder = SasBuilder::new(account, key, grant.expires)?
        .start(grant.starts)
        .protocol(protocol)
        .blob(grant.container, grant.key)
        .read();
    Ok(match grant.content_type {
        Some(content_type) => builder.content_type(content_type).build(),
        None => builder.build(),
    })
}
