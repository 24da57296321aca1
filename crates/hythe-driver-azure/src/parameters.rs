//! The parameters of `storage.azure`: those of distribution, and a few of our own.

mod values;

use std::fmt;
use std::time::Duration;

use azure_core::credentials::Secret;
use azure_core::http::Url;
use hythe_driver::Parameters;

pub use self::values::ParametersError;
use self::values::Values;
use crate::connection_string::ConnectionString;

const DEFAULT_REALM: &str = "core.windows.net";
const DEFAULT_MAX_RETRIES: u32 = 5;
const DEFAULT_RETRY_DELAY: Duration = Duration::from_millis(100);
const DEFAULT_CHUNK_BYTES: u64 = 4 << 20;
/// Below it the 50 000 blocks of a blob would not hold the layers that people push.
const MINIMUM_CHUNK_BYTES: u64 = 1 << 20;
/// Azure's limit of one block is 4000 MiB; a chunk is held in memory.
const MAXIMUM_CHUNK_BYTES: u64 = 1 << 30;
const DEFAULT_CONCURRENCY: usize = 256;

/// Where the container is, how to be let in, and how to speak with it.
#[derive(Debug, Clone)]
pub struct AzureParameters {
    /// The storage account; `accountname` in the configuration, or of the connection string.
    pub account_name: String,
    /// The container, which must exist; `container`.
    pub container: String,
    /// Who we are; `credentials`, `accountkey` or the connection string.
    pub credentials: Credentials,
    /// The blob service, with the account in its path where the account is not in the host; `serviceurl`, else
    /// `https://<accountname>.blob.<realm>`.
    pub service_url: Url,
    /// The prefix of all keys, without slashes at its ends; `rootdirectory`.
    pub root_directory: String,
    /// How often a failed request is sent again; `max_retries`. 0 in the configuration means the default, a negative
    /// number means never.
    pub max_retries: u32,
    /// The delay before the first of them, later ones wait longer; `retry_delay`.
    pub retry_delay: Duration,
    /// Whether the certificate of the service is taken unseen; `skipverify`.
    pub skip_verify: bool,
    /// The address of the service that clients are sent to; `redirectendpoint`, by default the service URL.
    pub redirect_endpoint: Option<Url>,
    /// The size of the first blocks of a large upload in bytes; `chunksize`.
    pub chunk_bytes: u64,
    /// How many requests are under way at once; `maxconcurrency`.
    pub max_concurrency: usize,
}

/// How requests are authorised. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The account's key, which signs each request.
    SharedKey {
        /// The key in base64, as the portal shows it.
        key: Secret,
    },
    /// A shared access signature that somebody else made.
    SasToken {
        /// Its query parameters, without a question mark.
        token: Secret,
    },
    /// An application of Entra ID.
    ClientSecret {
        /// The directory.
        tenant_id: String,
        /// The application.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// Whatever the machine offers: workload identity, managed identity, developer tools.
    Default {
        /// The application or the user-assigned identity to be, where the machine has several.
        client_id: Option<String>,
        /// The directory for workload identity.
        tenant_id: Option<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SharedKey { .. } => "SharedKey",
            Self::SasToken { .. } => "SasToken",
            Self::ClientSecret { .. } => "ClientSecret",
            Self::Default { .. } => "Default",
        })
    }
}

impl AzureParameters {
    /// Reads the parameters as they stand in the configuration. Names are compared without regard to case, unknown
    /// ones are ignored, `null` is as absent.
    pub fn read(parameters: &Parameters) -> Result<Self, ParametersError> {
        let values = Values::new(parameters, "")?;
        let connection = match values.text("connectionstring")? {
            Some(text) => ConnectionString::parse(&text)?,
            None => ConnectionString::default(),
        };
        let account_name = values.text("accountname")?.or(connection.account_name.clone());
        let account_name = account_name
            .or_else(|| account_of_endpoint(connection.blob_endpoint.as_deref()?))
            .ok_or_else(|| ParametersError::new("accountname", "is required"))?;
        let container = values.text("container")?;
        let container = container.ok_or_else(|| ParametersError::new("container", "is required"))?;
        Ok(Self {
            credentials: credentials(&values, &connection)?,
            service_url: service_url(&values, &connection, &account_name)?,
            account_name,
            container,
            root_directory: root_directory(&values)?,
            max_retries: match values.integer("max_retries")? {
                None | Some(0) => DEFAULT_MAX_RETRIES,
                Some(retries) => u32::try_from(retries.clamp(0, 100)).unwrap_or_default(),
            },
            retry_delay: values.duration("retry_delay")?.unwrap_or(DEFAULT_RETRY_DELAY),
            skip_verify: values.boolean("skipverify")?.unwrap_or(false),
            redirect_endpoint: match values.text("redirectendpoint")? {
                Some(text) => Some(endpoint("redirectendpoint", &text)?),
                None => None,
            },
            chunk_bytes: chunk_bytes(&values)?,
            max_concurrency: max_concurrency(&values)?,
        })
    }
}

fn credentials(values: &Values<'_>, connection: &ConnectionString) -> Result<Credentials, ParametersError> {
    let own = values.section("credentials")?;
    let key = values.text("accountkey")?.or(connection.account_key.clone());
    let token = own.text("sastoken")?.or(connection.sas_token.clone());
    let kind = own.text("type")?.unwrap_or_else(|| {
        // distribution wants the type to be named; what is there says it as well.
        let kind = match (&key, &token) {
            (Some(_), _) => "shared_key",
            (None, Some(_)) => "sas_token",
            (None, None) => "",
        };
        kind.to_owned()
    });
    let required = |name: &'static str, value: Option<String>| {
        value.ok_or(ParametersError::new(name, "is required for these credentials"))
    };
    match kind.as_str() {
        "shared_key" => {
            let key = required("accountkey", key)?;
            let is_base64 = azure_core::base64::decode(&key).is_ok_and(|key| !key.is_empty());
            if !is_base64 {
                return Err(ParametersError::new("accountkey", "must be a key in base64"));
            }
            Ok(Credentials::SharedKey { key: key.into() })
        }
        "sas_token" => {
            let token = required("credentials.sastoken", token)?;
            let token = token.trim_start_matches('?').to_owned();
            if !token.split('&').any(|pair| pair.starts_with("sig=")) {
                return Err(ParametersError::new(
                    "credentials.sastoken",
                    "must be the query of a shared access signature",
                ));
            }
            Ok(Credentials::SasToken { token: token.into() })
        }
        "client_secret" => Ok(Credentials::ClientSecret {
            tenant_id: required("credentials.tenantid", own.text("tenantid")?)?,
            client_id: required("credentials.clientid", own.text("clientid")?)?,
            secret: required("credentials.secret", own.text("secret")?)?.into(),
        }),
        "default_credentials" => Ok(Credentials::Default {
            client_id: own.text("clientid")?,
            tenant_id: own.text("tenantid")?,
        }),
        _ => Err(ParametersError::new(
            "credentials.type",
            "must be shared_key, sas_token, client_secret or default_credentials",
        )),
    }
}

fn service_url(
    values: &Values<'_>,
    connection: &ConnectionString,
    account_name: &str,
) -> Result<Url, ParametersError> {
    if let Some(text) = values.text("serviceurl")? {
        return endpoint("serviceurl", &text);
    }
    if let Some(text) = &connection.blob_endpoint {
        return endpoint("connectionstring", text);
    }
    let realm = values.text("realm")?.or(connection.endpoint_suffix.clone());
    let realm = realm.unwrap_or_else(|| DEFAULT_REALM.to_owned());
    let protocol = connection.protocol.as_deref().unwrap_or("https");
    endpoint("realm", &format!("{protocol}://{account_name}.blob.{realm}"))
}

/// The account in the host or, where the host has none (emulators, private clouds), in the path.
fn account_of_endpoint(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let in_path = url.path().trim_matches('/');
    if !in_path.is_empty() {
        return Some(in_path.to_owned());
    }
    let (account, _) = url.host_str()?.split_once(".blob.")?;
    Some(account.to_owned())
}

/// An address without a slash at its end.
fn endpoint(name: &'static str, text: &str) -> Result<Url, ParametersError> {
    let invalid = || {
        ParametersError::new(
            name,
            "must be an http or https address without query and password",
        )
    };
    let mut url = Url::parse(text).map_err(|_| invalid())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        return Err(invalid());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn root_directory(values: &Values<'_>) -> Result<String, ParametersError> {
    let text = values.text("rootdirectory")?.unwrap_or_default();
    Ok(text.trim_matches('/').to_owned())
}

fn chunk_bytes(values: &Values<'_>) -> Result<u64, ParametersError> {
    let Some(bytes) = values.integer("chunksize")? else {
        return Ok(DEFAULT_CHUNK_BYTES);
    };
    let bytes = u64::try_from(bytes).unwrap_or_default();
    if !(MINIMUM_CHUNK_BYTES..=MAXIMUM_CHUNK_BYTES).contains(&bytes) {
        return Err(ParametersError::new(
            "chunksize",
            "must be between 1 MiB and 1 GiB, in bytes",
        ));
    }
    Ok(bytes)
}

fn max_concurrency(values: &Values<'_>) -> Result<usize, ParametersError> {
    match values.integer("maxconcurrency")? {
        None => Ok(DEFAULT_CONCURRENCY),
        Some(requests) => usize::try_from(requests)
            .ok()
            .filter(|requests| (1..=1 << 20).contains(requests))
            .ok_or_else(|| ParametersError::new("maxconcurrency", "must be at least 1")),
    }
}

#[cfg(test)]
mod tests;
