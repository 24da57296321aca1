use std::fmt;
use std::path::PathBuf;

use http::Uri;
use hythe_driver::{ParameterProblem, Parameters};
use hythe_units::parse_unsigned;
use serde_json::Value;

/// Chunks of an upload session end at multiples of this, the last one excepted.
/// <https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload>
pub(crate) const CHUNK_ALIGNMENT: u64 = 256 * 1024;
const DEFAULT_CHUNK_BYTES: u64 = 16 << 20;
/// A chunk is held in memory while it is sent.
const MAXIMUM_CHUNK_BYTES: u64 = 1 << 30;
/// The fewest concurrent requests, as in distribution.
const MINIMUM_CONCURRENCY: u64 = 25;
const DEFAULT_CONCURRENCY: u64 = 50;
const MAXIMUM_CONCURRENCY: u64 = 1 << 20;
const DEFAULT_ENDPOINT: &str = "https://storage.googleapis.com";
/// Where Google's own libraries look for an emulator.
const EMULATOR_VARIABLE: &str = "STORAGE_EMULATOR_HOST";

/// What the driver is told in the configuration, under `storage.gcs`.
#[derive(Debug, Clone)]
pub struct GcsParameters {
    /// `bucket`: where everything is kept. Required.
    pub bucket: String,
    /// `keyfile` or `credentials`: the key of a service account, or another of Google's credential documents. With
    /// neither, the application default credentials are used.
    pub credentials: CredentialSource,
    /// `rootdirectory`: what all object names begin with, without slashes around it. Empty by default.
    pub root_directory: String,
    /// `chunksize`: how many bytes of an upload are sent in one request, a multiple of 262144. As many are held in
    /// memory per upload. 16 MiB by default.
    pub chunk_bytes: u64,
    /// `maxconcurrency`: how many requests run at once, 50 by default and at least 25. A download counts until it
    /// begins.
    pub max_concurrency: usize,
    /// `useragent`: what the service is told about the client; `hythe/<version>` by default.
    pub user_agent: String,
    /// `endpoint`: the scheme and host of the service. By default that of the variable `STORAGE_EMULATOR_HOST`, else
    /// `https://storage.googleapis.com`.
    pub endpoint: Uri,
    /// `redirectendpoint`: the scheme and host that clients are sent to; `endpoint` by default.
    pub redirect_endpoint: Uri,
    /// `anonymous`: ask for no credentials and send none. The default is true when the endpoint is that of
    /// `STORAGE_EMULATOR_HOST`. A `keyfile` or `credentials` still signs what clients are redirected to.
    pub anonymous: bool,
}

/// Where the credentials come from.
#[derive(Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// A JSON file.
    KeyFile(PathBuf),
    /// The content of such a file.
    Document(serde_json::Map<String, Value>),
    /// What the environment offers: `GOOGLE_APPLICATION_CREDENTIALS`, the file of `gcloud auth application-default
    /// login`, or the metadata server of the machine.
    ApplicationDefault,
}

impl fmt::Debug for CredentialSource {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFile(path) => f.debug_tuple("KeyFile").field(path).finish(),
            Self::Document(_) => f.write_str("Document"),
            Self::ApplicationDefault => f.write_str("ApplicationDefault"),
        }
    }
}

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {reason}")]
pub struct ParametersError {
    name: &'static str,
    reason: String,
}

impl From<ParametersError> for ParameterProblem {
    fn from(error: ParametersError) -> Self {
        Self::new(error.name, error.reason)
    }
}

impl GcsParameters {
    /// Reads the parameters as they stand in the configuration. Unknown ones are ignored, `null` is as absent.
    pub fn read(parameters: &Parameters) -> Result<Self, ParametersError> {
        let emulator = std::env::var(EMULATOR_VARIABLE).ok();
        Self::read_beside(parameters, emulator.as_deref().filter(|host| !host.is_empty()))
    }

    fn read_beside(parameters: &Parameters, emulator: Option<&str>) -> Result<Self, ParametersError> {
        let given = Given(parameters);
        let configured = given.uri("endpoint")?;
        let is_emulator = configured.is_none() && emulator.is_some();
        let endpoint = match (configured, emulator) {
            (Some(endpoint), _) => endpoint,
            (None, Some(host)) => endpoint_of(EMULATOR_VARIABLE, &with_scheme(host))?,
            (None, None) => Uri::from_static(DEFAULT_ENDPOINT),
        };
        Ok(Self {
            bucket: bucket(given.text("bucket")?)?,
            credentials: given.credentials()?,
            root_directory: given
                .text("rootdirectory")?
                .map(|root| root.trim_matches('/').to_owned())
                .unwrap_or_default(),
            chunk_bytes: chunk_bytes(given.number("chunksize")?)?,
            max_concurrency: max_concurrency(given.number("maxconcurrency")?),
            user_agent: user_agent(given.text("useragent")?)?,
            redirect_endpoint: given.uri("redirectendpoint")?.unwrap_or_else(|| endpoint.clone()),
            endpoint,
            anonymous: given.flag("anonymous")?.unwrap_or(is_emulator),
        })
    }
}

fn bucket(given: Option<String>) -> Result<String, ParametersError> {
    match given {
        None => Err(invalid("bucket", "is required")),
        Some(bucket) if bucket.is_empty() || bucket.contains('/') => {
            Err(invalid("bucket", "must be a bucket's name"))
        }
        Some(bucket) => Ok(bucket),
    }
}

fn chunk_bytes(given: Option<i128>) -> Result<u64, ParametersError> {
    let Some(number) = given else {
        return Ok(DEFAULT_CHUNK_BYTES);
    };
    let bytes = u64::try_from(number).ok();
    let bytes = bytes.filter(|bytes| (CHUNK_ALIGNMENT..=MAXIMUM_CHUNK_BYTES).contains(bytes));
    let bytes = bytes.filter(|bytes| bytes % CHUNK_ALIGNMENT == 0);
    bytes.ok_or_else(|| {
        let expected =
            format!("must be a multiple of {CHUNK_ALIGNMENT}, at least that and at most 1 GiB, got {number}");
        invalid("chunksize", &expected)
    })
}

/// Too small a number is raised to the minimum.
fn max_concurrency(given: Option<i128>) -> usize {
    let wanted = given.unwrap_or(DEFAULT_CONCURRENCY.into()).max(0);
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    wanted.clamp(MINIMUM_CONCURRENCY, MAXIMUM_CONCURRENCY) as usize
}

fn user_agent(given: Option<String>) -> Result<String, ParametersError> {
    let Some(agent) = given else {
        return Ok(concat!("hythe/", env!("CARGO_PKG_VERSION")).to_owned());
    };
    if agent.is_empty() || http::HeaderValue::from_str(&agent).is_err() {
        return Err(invalid("useragent", "must be the value of a header"));
    }
    Ok(agent)
}

/// Google's libraries take a bare host and port as well.
fn with_scheme(host: &str) -> String {
    if host.contains("://") {
        host.to_owned()
    } else {
        format!("http://{host}")
    }
}

fn endpoint_of(name: &'static str, text: &str) -> Result<Uri, ParametersError> {
    let uri: Option<Uri> = text.trim_end_matches('/').parse().ok();
    let is_endpoint = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri
                .authority()
                .is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.path_and_query().is_none_or(|rest| rest == "/")
    };
    uri.filter(is_endpoint).ok_or_else(|| {
        invalid(
            name,
            "must be a scheme and a host, such as https://storage.example.com",
        )
    })
}

/// The parameters with what their scalars may look like in YAML.
struct Given<'a>(&'a Parameters);

impl Given<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Any scalar, as text.
    fn text(&self, name: &'static str) -> Result<Option<String>, ParametersError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(Some(value.to_string())),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) => Err(invalid(name, "must be a text")),
        }
    }

    /// A whole number, also as text with one of Go's base prefixes.
    fn number(&self, name: &'static str) -> Result<Option<i128>, ParametersError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = match value {
            Value::Number(number) => number.as_i128(),
            Value::String(text) => parse_unsigned(text).map(i128::from),
            _ => None,
        };
        let expected = || invalid(name, &format!("must be a whole number, got {value}"));
        number.map(Some).ok_or_else(expected)
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, ParametersError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(_) => Err(invalid(name, "must be true or false")),
        }
    }

    fn uri(&self, name: &'static str) -> Result<Option<Uri>, ParametersError> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.map(|text| endpoint_of(name, &text)).transpose()
    }

    /// `keyfile` wins, as in distribution.
    fn credentials(&self) -> Result<CredentialSource, ParametersError> {
        if let Some(path) = self.text("keyfile")?.filter(|path| !path.is_empty()) {
            return Ok(CredentialSource::KeyFile(path.into()));
        }
        match self.value("credentials") {
            None => Ok(CredentialSource::ApplicationDefault),
            Some(Value::Object(document)) => Ok(CredentialSource::Document(document.clone())),
            // Whatever it is, it may be a secret.
            Some(_) => Err(invalid("credentials", "must be a map, the content of a key file")),
        }
    }
}

fn invalid(name: &'static str, reason: &str) -> ParametersError {
    ParametersError {
        name,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value, emulator: Option<&str>) -> Result<GcsParameters, ParametersError> {
        GcsParameters::read_beside(value.as_object().unwrap(), emulator)
    }

    #[test]
    fn only_the_bucket_is_required() {
        let parameters = read(&json!({"bucket": "b", "unknown": 1, "chunksize": null}), None).unwrap();
        assert_eq!(parameters.bucket, "b");
        assert_eq!(parameters.credentials, CredentialSource::ApplicationDefault);
        assert_eq!(parameters.root_directory, "");
        assert_eq!(parameters.chunk_bytes, 16_777_216);
        assert_eq!(parameters.max_concurrency, 50);
        assert!(parameters.user_agent.starts_with("hythe/"));
        assert_eq!(parameters.endpoint, "https://storage.googleapis.com/");
        assert_eq!(parameters.redirect_endpoint, parameters.endpoint);
        assert!(!parameters.anonymous);
    }

    #[test]
    fn every_parameter_is_read() {
        let given = json!({
            "bucket": "b", "credentials": {"type": "service_account"}, "rootdirectory": "//x/y/", "chunksize": "5242880",
            "maxconcurrency": 3, "useragent": "me", "endpoint": "http://localhost:1/", "redirectendpoint": "https://r", "anonymous": "true",
        });
        let parameters = read(&given, Some("ignored:9")).unwrap();
        assert!(matches!(parameters.credentials, CredentialSource::Document(_)));
        assert_eq!(parameters.root_directory, "x/y");
        assert_eq!(
            (parameters.chunk_bytes, parameters.max_concurrency),
            (5_242_880, 25)
        );
        assert_eq!(parameters.user_agent, "me");
        assert_eq!(parameters.endpoint, "http://localhost:1/");
        assert_eq!(parameters.redirect_endpoint, "https://r/");
        assert!(parameters.anonymous);
    }

    #[test]
    fn a_key_file_wins() {
        let given = json!({"bucket": "b", "keyfile": "/k", "credentials": {}});
        assert_eq!(
            read(&given, None).unwrap().credentials,
            CredentialSource::KeyFile("/k".into())
        );
    }

    #[test]
    fn an_emulator_in_the_environment_is_used_without_credentials() {
        for host in ["localhost:4443", "http://localhost:4443"] {
            let parameters = read(&json!({"bucket": "b"}), Some(host)).unwrap();
            assert_eq!(parameters.endpoint, "http://localhost:4443/");
            assert!(parameters.anonymous);
        }
    }

    #[test]
    fn unusable_parameters_are_named_and_secrets_are_not_shown() {
        for (name, value) in [
            ("bucket", json!("")),
            ("bucket", json!("a/b")),
            ("bucket", json!([])),
            ("credentials", json!("secret")),
            ("chunksize", json!(262_143)),
            ("chunksize", json!(262_145)),
            ("chunksize", json!(-262_144)),
            ("chunksize", json!("x")),
            ("chunksize", json!(0)),
            ("maxconcurrency", json!("many")),
            ("maxconcurrency", json!(2.5)),
            ("useragent", json!("")),
            ("useragent", json!("a\nb")),
            ("endpoint", json!("localhost")),
            ("endpoint", json!("ftp://localhost")),
            ("endpoint", json!("https://host/path")),
            ("redirectendpoint", json!("https://user@host")),
            ("anonymous", json!("maybe")),
        ] {
            let mut given = json!({"bucket": "b"});
            given[name] = value;
            let error = read(&given, None).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("secret"), "{error}");
        }
        assert!(read(&json!({}), None).is_err());
    }
}
