use google_cloud_auth::credentials::{
    self, CacheableResource, Credentials, external_account, impersonated, service_account, user_account,
};
use google_cloud_auth::signer::Signer;
use http::{Extensions, HeaderMap};
use serde_json::{Map, Value};

use crate::error::{Failure, Result, SetupError};
use crate::{CredentialSource, GcsParameters};

/// Objects and nothing else.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// What signing through the IAM service asks for.
const SIGNING_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How requests are authorized.
#[derive(Debug)]
pub(crate) enum Access {
    /// They are not.
    Anonymous,
    /// With a token, renewed in the background.
    Credentials(Credentials),
}

impl Access {
    /// The headers that authorize a request.
    pub(crate) async fn headers(&self) -> Result<HeaderMap> {
        let Self::Credentials(credentials) = self else {
            return Ok(HeaderMap::new());
        };
        match credentials.headers(Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => Ok(data),
            // Not said to somebody who has nothing cached.
            Ok(CacheableResource::NotModified) => Ok(HeaderMap::new()),
            Err(error) => Err(Failure::unauthorized(error)),
        }
    }
}

/// How addresses for clients are made.
#[derive(Debug)]
pub(crate) enum Signing {
    /// Signed with a private key that is here.
    Key(Signer),
    /// Signed by the IAM service, with a key that it keeps and changes.
    Service(Signer),
    /// Not at all: what is read without credentials can be fetched without a signature.
    Open,
    /// The credentials cannot sign, so nobody is redirected.
    Unable,
}

/// Reads the credentials. Must be called on a runtime: tokens are renewed in the background.
pub(crate) fn load(parameters: &GcsParameters) -> std::result::Result<(Access, Signing), SetupError> {
    let is_encrypted = parameters.endpoint.scheme_str() == Some("https");
    if !is_encrypted && !parameters.anonymous && !is_loopback(parameters) {
        let endpoint = parameters.endpoint.to_string();
        return Err(SetupError::Unencrypted { endpoint });
    }
    let document = document(&parameters.credentials)?;
    let signing = match &document {
        Some(document) => signing_of(document)?,
        None if parameters.anonymous => Signing::Open,
        None => {
            // Fails for credentials that cannot sign, and for a machine without any, which the next step tells better.
            let signer = credentials::Builder::default()
                .with_scopes([SIGNING_SCOPE])
                .build_signer();
            signer.map_or(Signing::Unable, Signing::Service)
        }
    };
    if parameters.anonymous {
        return Ok((Access::Anonymous, signing));
    }
    let credentials = match document {
        Some(document) => credentials_of(document)?,
        None => credentials::Builder::default()
            .with_scopes([SCOPE])
            .build()
            .map_err(unusable)?,
    };
    Ok((Access::Credentials(credentials), signing))
}

fn is_loopback(parameters: &GcsParameters) -> bool {
    let host = parameters.endpoint.host().unwrap_or_default();
    let address: Option<std::net::IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

fn document(source: &CredentialSource) -> std::result::Result<Option<Map<String, Value>>, SetupError> {
    match source {
        CredentialSource::ApplicationDefault => Ok(None),
        CredentialSource::Document(document) => Ok(Some(document.clone())),
        CredentialSource::KeyFile(path) => {
            let content = std::fs::read(path).map_err(|source| SetupError::KeyFile {
                path: path.clone(),
                source,
            })?;
            let parsed = serde_json::from_slice(&content);
            parsed
                .map(Some)
                .map_err(|_| SetupError::KeyFileContent { path: path.clone() })
        }
    }
}

fn kind_of(document: &Map<String, Value>) -> &str {
    document.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn signing_of(document: &Map<String, Value>) -> std::result::Result<Signing, SetupError> {
    let value = Value::Object(document.clone());
    match kind_of(document) {
        "service_account" => {
            let signer = service_account::Builder::new(value).build_signer();
            signer.map(Signing::Key).map_err(unusable)
        }
        "impersonated_service_account" => {
            let builder = impersonated::Builder::new(value).with_scopes([SIGNING_SCOPE]);
            builder.build_signer().map(Signing::Service).map_err(unusable)
        }
        _ => Ok(Signing::Unable),
    }
}

fn credentials_of(document: Map<String, Value>) -> std::result::Result<Credentials, SetupError> {
    let kind = kind_of(&document).to_owned();
    let document = Value::Object(document);
    let built = match kind.as_str() {
        "service_account" => {
            let access = service_account::AccessSpecifier::from_scopes([SCOPE]);
            service_account::Builder::new(document)
                .with_access_specifier(access)
                .build()
        }
        "authorized_user" => user_account::Builder::new(document).with_scopes([SCOPE]).build(),
        "external_account" => external_account::Builder::new(document)
            .with_scopes([SCOPE])
            .build(),
        "impersonated_service_account" => impersonated::Builder::new(document).with_scopes([SCOPE]).build(),
        _ => {
            let problem = format!("their type is {kind:?}, which is none of Google's that can be used here");
            return Err(SetupError::Credentials(problem.into()));
        }
    };
    built.map_err(unusable)
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> SetupError {
    SetupError::Credentials(Box::new(error))
}
