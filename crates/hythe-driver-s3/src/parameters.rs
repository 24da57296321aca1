//! The parameters of the section `storage.s3`: names, defaults and rules of distribution, and a few of our own.

mod known;
mod values;

use std::path::PathBuf;

use aws_sdk_s3::types::{ObjectCannedAcl, StorageClass};
use http::Uri;
use hythe_driver::Parameters;

pub use values::ParametersError;
use values::Values;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// S3 allows no smaller part but the last, and no larger one.
const PART_BYTES: std::ops::RangeInclusive<u64> = 5 * MIB..=5 * GIB;
/// Requests at once, for a process with its 1024 file descriptors.
const DEFAULT_CONCURRENCY: u64 = 256;
/// What a custom endpoint is addressed with when no region is named; the servers that look at it want this.
const REGION_OF_CUSTOM_ENDPOINTS: &str = "us-east-1";

/// Which bucket to use, and how. The names in the configuration are in the driver's page.
#[derive(Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of the configuration"
)]
pub struct S3Parameters {
    /// Key id and secret; without them the default chain of the SDK is asked.
    pub static_credentials: Option<StaticCredentials>,
    /// A role to assume with the credentials.
    pub role: Option<Role>,
    /// The region of the bucket.
    pub region: String,
    /// Another service than Amazon's.
    pub endpoint: Option<Uri>,
    /// Scheme and host of the addresses that clients are sent to.
    pub redirect_endpoint: Option<Uri>,
    /// The bucket in the path instead of in the host name.
    pub force_path_style: bool,
    /// The bucket.
    pub bucket: String,
    /// Whether objects are encrypted by the service.
    pub encrypt: bool,
    /// The key of the key management service to encrypt with.
    pub key_id: Option<String>,
    /// TLS, where the endpoint does not say.
    pub secure: bool,
    /// Whether any certificate of the server is accepted.
    pub skip_verify: bool,
    /// A file of further certificates (PEM) that may sign the server's.
    pub ca_file: Option<PathBuf>,
    /// Bytes of a part of an upload.
    pub chunk_bytes: u64,
    /// Bytes of a part of a copy.
    pub copy_chunk_bytes: u64,
    /// Parts of one copy under way at once.
    pub copy_concurrency: usize,
    /// Objects of more bytes are copied in parts.
    pub copy_threshold_bytes: u64,
    /// What all keys begin with.
    pub root_directory: String,
    /// The storage class of new objects; `None` leaves it to the bucket.
    pub storage_class: Option<StorageClass>,
    /// Added to the name under which the SDK introduces itself.
    pub user_agent: Option<String>,
    /// The access rule sent with new objects.
    pub object_acl: ObjectCannedAcl,
    /// Addresses that answer on IPv6 too.
    pub dual_stack: bool,
    /// The accelerated endpoint.
    pub accelerate: bool,
    /// Endpoints with certified cryptography.
    pub fips: bool,
    /// Requests under way at once.
    pub max_concurrency: usize,
    /// Whether the service puts conditionally; `None` finds out.
    pub conditional_puts: Option<bool>,
    /// Whether every request is logged.
    pub log_requests: bool,
    /// What was accepted but does something else than it says, for the log.
    pub warnings: Vec<String>,
}

/// Credentials from the configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// The access key's id.
    pub access_key: String,
    /// The secret.
    pub secret_key: String,
    /// The token of a temporary session.
    pub session_token: Option<String>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name (`arn:aws:iam::…:role/…`).
    pub arn: String,
    /// What the session is called in the service's logs.
    pub session_name: String,
    /// What the role's owner agreed on with us.
    pub external_id: Option<String>,
}

impl S3Parameters {
    /// Reads the parameters as they stand in the configuration. Unknown ones are ignored, `null` is as absent.
    pub fn read(parameters: &Parameters) -> Result<Self, ParametersError> {
        let mut values = Values::new(parameters);
        let endpoint = endpoint(&values)?;
        let region = region(&values, endpoint.is_some())?;
        let has_v4 = values.boolean("v4auth", true)?;
        if !has_v4 {
            values.warn("v4auth: false has no effect: requests are signed with version 4 of the signature");
        }
        let flags = ["usedualstack", "accelerate", "usefipsendpoint"];
        let [mut dual_stack, mut accelerate, mut fips] = [false; 3];
        for (name, flag) in flags.iter().zip([&mut dual_stack, &mut accelerate, &mut fips]) {
            let is_wanted = values.boolean(name, false)?;
            if is_wanted && endpoint.is_some() {
                values.warn(format!("{name} has no effect together with regionendpoint"));
            }
            *flag = is_wanted && endpoint.is_none();
        }
        let force_path_style = values.boolean("forcepathstyle", false)?;
        if accelerate && force_path_style {
            return Err(values.invalid("accelerate", "cannot be combined with forcepathstyle"));
        }
        let skip_verify = values.boolean("skipverify", false)?;
        if skip_verify {
            values.warn("skipverify: the certificate of the storage service is not verified");
        }
        Ok(Self {
            static_credentials: static_credentials(&mut values)?,
            role: role(&values)?,
            region,
            endpoint,
            redirect_endpoint: redirect_endpoint(&values)?,
            force_path_style,
            bucket: values
                .text("bucket")?
                .ok_or_else(|| values.invalid("bucket", "is required"))?,
            encrypt: values.boolean("encrypt", false)?,
            key_id: values.text("keyid")?,
            secure: values.boolean("secure", true)?,
            skip_verify,
            ca_file: values.text("cafile")?.map(PathBuf::from),
            chunk_bytes: values.integer("chunksize", 10 * MIB, PART_BYTES)?,
            copy_chunk_bytes: values.integer("multipartcopychunksize", 32 * MIB, PART_BYTES)?,
            copy_concurrency: values.integer("multipartcopymaxconcurrency", 100, 1..=i64::MAX as u64)?
                as usize,
            copy_threshold_bytes: values.integer("multipartcopythresholdsize", 32 * MIB, 0..=5 * GIB)?,
            root_directory: values.text("rootdirectory")?.unwrap_or_default(),
            storage_class: storage_class(&values)?,
            user_agent: values.text("useragent")?,
            object_acl: object_acl(&values)?,
            dual_stack,
            accelerate,
            fips,
            max_concurrency: values.integer("maxconcurrency", DEFAULT_CONCURRENCY, 1..=1 << 20)? as usize,
            conditional_puts: conditional_puts(&values)?,
            log_requests: log_requests(&mut values)?,
            warnings: values.into_warnings(),
        })
    }
}

/// An address without a scheme gets that of `secure`.
fn endpoint(values: &Values<'_>) -> Result<Option<Uri>, ParametersError> {
    let Some(text) = values.text("regionendpoint")? else {
        return Ok(None);
    };
    let scheme = if values.boolean("secure", true)? {
        "https"
    } else {
        "http"
    };
    let full = if text.contains("://") {
        text
    } else {
        format!("{scheme}://{text}")
    };
    let address = full.parse::<Uri>().ok().filter(|address| {
        matches!(address.scheme_str(), Some("http" | "https")) && address.authority().is_some()
    });
    let invalid = || {
        values.invalid(
            "regionendpoint",
            "must be a host or an address with http or https",
        )
    };
    address.map(Some).ok_or_else(invalid)
}

fn region(values: &Values<'_>, has_endpoint: bool) -> Result<String, ParametersError> {
    match values.text("region")? {
        Some(region) if has_endpoint || known::REGIONS.contains(&region.as_str()) => Ok(region),
        Some(_) => Err(values.invalid(
            "region",
            "must be a region of AWS unless regionendpoint names the service",
        )),
        None if has_endpoint => Ok(REGION_OF_CUSTOM_ENDPOINTS.to_owned()),
        None => Err(values.invalid("region", "is required unless regionendpoint names the service")),
    }
}

fn static_credentials(values: &mut Values<'_>) -> Result<Option<StaticCredentials>, ParametersError> {
    let session_token = values.text("sessiontoken")?;
    match (values.text("accesskey")?, values.text("secretkey")?) {
        (Some(access_key), Some(secret_key)) => Ok(Some(StaticCredentials {
            access_key,
            secret_key,
            session_token,
        })),
        (None, None) if session_token.is_none() => Ok(None),
        _ => {
            values.warn(
                "accesskey, secretkey and sessiontoken are ignored because they are incomplete: the default \
                 credentials are used",
            );
            Ok(None)
        }
    }
}

fn role(values: &Values<'_>) -> Result<Option<Role>, ParametersError> {
    let Some(arn) = values.text("rolearn")? else {
        return Ok(None);
    };
    Ok(Some(Role {
        arn,
        session_name: values
            .text("rolesessionname")?
            .unwrap_or_else(|| "hythe".to_owned()),
        external_id: values.text("externalid")?,
    }))
}

fn redirect_endpoint(values: &Values<'_>) -> Result<Option<Uri>, ParametersError> {
    let Some(text) = values.text("redirectendpoint")? else {
        return Ok(None);
    };
    let address = text.parse::<Uri>().ok().filter(|address| {
        let is_plain =
            address.query().is_none() && matches!(address.path(), "" | "/") && !text.ends_with('/');
        address.scheme().is_some() && address.authority().is_some() && is_plain
    });
    let invalid = || values.invalid("redirectendpoint", "must be a scheme and a host, without a path");
    address.map(Some).ok_or_else(invalid)
}

fn storage_class(values: &Values<'_>) -> Result<Option<StorageClass>, ParametersError> {
    let Some(text) = values.text("storageclass")? else {
        return Ok(Some(StorageClass::Standard));
    };
    let upper = text.to_ascii_uppercase();
    if upper == "NONE" {
        return Ok(None);
    }
    let known = known::STORAGE_CLASSES.contains(&upper.as_str());
    let class = known.then(|| StorageClass::from(upper.as_str()));
    class
        .map(Some)
        .ok_or_else(|| values.invalid("storageclass", "must be NONE or a storage class of S3"))
}

fn object_acl(values: &Values<'_>) -> Result<ObjectCannedAcl, ParametersError> {
    let Some(text) = values.text("objectacl")? else {
        return Ok(ObjectCannedAcl::Private);
    };
    let known = known::OBJECT_ACLS.contains(&text.as_str());
    known
        .then(|| ObjectCannedAcl::from(text.as_str()))
        .ok_or_else(|| values.invalid("objectacl", "must be a canned access rule of S3"))
}

fn conditional_puts(values: &Values<'_>) -> Result<Option<bool>, ParametersError> {
    match values.text("conditionalputs")?.as_deref() {
        None | Some("auto") => Ok(None),
        Some(_) => values.boolean("conditionalputs", true).map(Some),
    }
}

/// Every level but `off` logs one line for every attempt of a request; an unknown level is `off`.
fn log_requests(values: &mut Values<'_>) -> Result<bool, ParametersError> {
    let Some(level) = values.text("loglevel")? else {
        return Ok(false);
    };
    let level = level.to_ascii_lowercase();
    if [
        "debugwithsigning",
        "debugwithhttpbody",
        "debugwitheventstreambody",
    ]
    .contains(&level.as_str())
    {
        values.warn(format!(
            "loglevel: {level} logs one line per request, without bodies and signatures"
        ));
    }
    Ok(known::LOG_LEVELS.contains(&level.as_str()))
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for S3Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Parameters")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("root_directory", &self.root_directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
