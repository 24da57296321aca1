//! One certificate, from the order to the chain.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::crypto::CryptoProvider;

use crate::Error;
use crate::account::Owner;
use crate::certificate::to_pem;
use crate::challenge::{Challenge, Challenges, Showing};

/// How long the server may take to look, and to sign.
const SERVER_PATIENCE: Duration = Duration::from_secs(2 * 60);

/// What is needed to order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ordering<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) challenges: &'a Challenges,
    pub(crate) provider: &'a CryptoProvider,
}

impl Ordering<'_> {
    /// A key and a chain in the form that is kept, for a name that is proved by the first of the challenges that the
    /// server accepts.
    pub(crate) async fn obtain(
        &self,
        account: &Account,
        host: &str,
        allowed: &[Challenge],
    ) -> Result<String, Error> {
        let mut outcome = Err(Error::NotOffered {
            host: host.to_owned(),
            challenge: Challenge::TlsAlpn01,
        });
        for &challenge in allowed {
            outcome = self.obtain_by(account, host, challenge).await;
            match &outcome {
                // Another order is needed: one with a failed challenge is lost.
                Err(error @ (Error::NotOffered { .. } | Error::NotAccepted { .. })) => {
                    tracing::info!(host, error = %error, "a challenge of ACME failed");
                }
                _ => break,
            }
        }
        outcome
    }

    async fn obtain_by(&self, account: &Account, host: &str, challenge: Challenge) -> Result<String, Error> {
        let identifiers = [Identifier::Dns(host.to_owned())];
        let order = account.new_order(&NewOrder::new(&identifiers)).await;
        let mut order = order.map_err(self.owner.failed("order a certificate"))?;
        let polling = RetryPolicy::new().timeout(SERVER_PATIENCE);
        if order.state().status == OrderStatus::Pending {
            let showing = self.prove(&mut order, host, challenge).await?;
            let status = order.poll_ready(&polling).await;
            drop(showing);
            if !matches!(status, Ok(OrderStatus::Ready)) {
                return Err(self.refusal(&mut order, host, challenge, status.err()).await);
            }
        }
        let (key, request) = request(host)?;
        let finalized = order.finalize_csr(&request).await;
        finalized.map_err(self.owner.failed("have a certificate signed"))?;
        let chain = order.poll_certificate(&polling).await;
        Ok(to_pem(
            &key,
            &chain.map_err(self.owner.failed("fetch the certificate"))?,
        ))
    }

    /// Shows what meets the challenges, and tells the server to look.
    async fn prove(
        &self,
        order: &mut Order,
        host: &str,
        challenge: Challenge,
    ) -> Result<Vec<Showing>, Error> {
        let failed = |action| self.owner.failed(action);
        let mut showing = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed("learn what to prove"))?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut offered = authorization
                .challenge(challenge.kind())
                .ok_or(Error::NotOffered {
                    host: host.to_owned(),
                    challenge,
                })?;
            let proof = offered.key_authorization();
            let shown = self
                .challenges
                .show(challenge, host, &offered.token, &proof, self.provider);
            showing.push(shown.await?);
            offered
                .set_ready()
                .await
                .map_err(failed("have a challenge looked at"))?;
        }
        Ok(showing)
    }

    /// Why an order is not ready: best in the words that the server has for the challenge.
    async fn refusal(
        &self,
        order: &mut Order,
        host: &str,
        challenge: Challenge,
        error: Option<instant_acme::Error>,
    ) -> Error {
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let Ok(state) = authorization.refresh().await else {
                continue;
            };
            let mut failed = state
                .challenges
                .iter()
                .filter(|challenge| challenge.status == ChallengeStatus::Invalid);
            if let Some(problem) = failed.find_map(|challenge| challenge.error.as_ref()) {
                return Error::NotAccepted {
                    host: host.to_owned(),
                    challenge,
                    reason: problem.to_string(),
                };
            }
        }
        match error {
            Some(error) => self.owner.failed("have a challenge looked at")(error),
            None => Error::NotAccepted {
                host: host.to_owned(),
                challenge,
                reason: "the order became invalid".to_owned(),
            },
        }
    }
}

/// A new key, and the request to sign it, in DER.
fn request(host: &str) -> Result<(KeyPair, Vec<u8>), Error> {
    let failed = |source| Error::Generate {
        host: host.to_owned(),
        source,
    };
    let key = KeyPair::generate().map_err(failed)?;
    let mut parameters = CertificateParams::new(vec![host.to_owned()]).map_err(failed)?;
    parameters.distinguished_name = DistinguishedName::new();
    let request = parameters.serialize_request(&key).map_err(failed)?;
    Ok((key, request.der().to_vec()))
}
