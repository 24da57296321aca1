//! From the configured credentials to something that authorises requests.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::ClientOptions;
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use tokio::sync::OnceCell;

use crate::error::SetupError;
use crate::parameters::{AzureParameters, Credentials};
use crate::shared_key::AccountKey;

/// What authorises requests.
#[derive(Debug, Clone)]
pub(crate) enum Authority {
    /// The account's key.
    Key(AccountKey),
    /// A query that is part of every address.
    Query(azure_core::credentials::Secret),
    /// Tokens of Entra ID.
    Token(Arc<dyn TokenCredential>),
}

/// Makes what the parameters ask for. `options` are for the requests to the identity service.
pub(crate) fn authority(
    parameters: &AzureParameters,
    options: &ClientOptions,
) -> Result<Authority, SetupError> {
    let failed = |kind| {
        move |source: azure_core::Error| SetupError::Credentials {
            kind,
            source: source.into(),
        }
    };
    match &parameters.credentials {
        Credentials::SharedKey { key } => {
            let key = AccountKey::new(&parameters.account_name, key.secret());
            key.map(Authority::Key).map_err(|source| SetupError::Credentials {
                kind: "shared_key",
                source: source.into(),
            })
        }
        Credentials::SasToken { token } => Ok(Authority::Query(token.clone())),
        Credentials::ClientSecret {
            tenant_id,
            client_id,
            secret,
        } => {
            let options = ClientSecretCredentialOptions {
                client_options: options.clone(),
            };
            ClientSecretCredential::new(tenant_id, client_id.clone(), secret.clone(), Some(options))
                .map(|credential| Authority::Token(credential))
                .map_err(failed("client_secret"))
        }
        Credentials::Default { client_id, tenant_id } => {
            let chain = Chain::new(client_id.as_ref(), tenant_id.as_ref(), options);
            chain
                .map(|chain| Authority::Token(Arc::new(chain)))
                .map_err(failed("default_credentials"))
        }
    }
}

/// Asks one source of tokens after another, and from then on the first that had one.
#[derive(Debug)]
struct Chain {
    sources: Vec<(&'static str, Arc<dyn TokenCredential>)>,
    chosen: OnceCell<usize>,
}

impl Chain {
    /// Workload identity where its environment variables are there, the identity of the machine, and the tools of
    /// a developer.
    fn new(
        client_id: Option<&String>,
        tenant_id: Option<&String>,
        options: &ClientOptions,
    ) -> azure_core::Result<Self> {
        let mut sources: Vec<(&'static str, Arc<dyn TokenCredential>)> = Vec::new();
        let workload = WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: options.clone(),
            },
            client_id: client_id.cloned(),
            tenant_id: tenant_id.cloned(),
            ..WorkloadIdentityCredentialOptions::default()
        }));
        // It fails at once where it is not set up.
        if let Ok(workload) = workload {
            sources.push(("workload identity", workload));
        }
        let managed = ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
            user_assigned_id: client_id.cloned().map(UserAssignedId::ClientId),
            client_options: options.clone(),
        }))?;
        sources.push(("managed identity", managed));
        sources.push(("developer tools", DeveloperToolsCredential::new(None)?));
        Ok(Self {
            sources,
            chosen: OnceCell::new(),
        })
    }

    /// The first source that has a token, by asking each.
    async fn choose(&self, scopes: &[&str]) -> azure_core::Result<usize> {
        let mut problems = Vec::new();
        for (index, (name, source)) in self.sources.iter().enumerate() {
            match source.get_token(scopes, None).await {
                Ok(_) => return Ok(index),
                Err(error) => problems.push(format!("{name}: {error}")),
            }
        }
        let told = format!("no credentials were found; {}", problems.join("; "));
        Err(azure_core::Error::with_message(ErrorKind::Credential, told))
    }
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let index = *self.chosen.get_or_try_init(|| self.choose(scopes)).await?;
        self.sources[index].1.get_token(scopes, options).await
    }
}

#[cfg(test)]
mod tests;
