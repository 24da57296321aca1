//! The container as a client sees it: addresses, credentials, retries. The requests are in files of their own.

use std::fmt;
use std::sync::Arc;

use azure_core::http::headers::Headers;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    ClientMethodOptions, ClientOptions, Context, Etag, Method, Pipeline, Request, RetryOptions, Transport,
    Url,
};
use azure_core::time::parse_rfc7231;
use azure_storage_blob::{
    BlobClient, BlobContainerClient, BlobContainerClientOptions, BlobServiceClient, BlobServiceClientOptions,
};
use hythe_driver::{DriverPath, FileInfo, PutMode, Version};

use crate::credentials::{Authority, authority};
use crate::error::{Failure, SetupError};
use crate::parameters::{AzureParameters, Credentials};
use crate::retry::{Attempts, Retry};
use crate::signer::Signer;
use crate::transport::{self, Trust};

/// The version of the protocol that is spoken: the first that can begin a listing in the middle.
pub(crate) const API_VERSION: &str = "2026-02-06";
/// What tokens of Entra ID are asked for.
const SCOPE: &str = "https://storage.azure.com/.default";

/// A container, as one set of credentials sees it. Clones share connections.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

struct Inner {
    account_name: String,
    container_name: String,
    container: BlobContainerClient,
    service: BlobServiceClient,
    /// For requests that the official crate has no method for.
    pipeline: Pipeline,
    authority: Authority,
    signer: Signer,
}

impl Client {
    pub(crate) fn new(parameters: &AzureParameters) -> std::result::Result<Self, SetupError> {
        let needs_tokens = matches!(
            parameters.credentials,
            Credentials::ClientSecret { .. } | Credentials::Default { .. }
        );
        let trust = match parameters.service_url.scheme() {
            _ if parameters.skip_verify => Trust::Blind,
            "http" if !needs_tokens => Trust::Unneeded,
            _ => Trust::Platform,
        };
        let transport = Arc::new(transport::Transport::new(trust)?);
        let options = || {
            let retry = Retry::new(
                parameters.max_retries,
                parameters.retry_delay,
                parameters.max_concurrency,
            );
            ClientOptions {
                // The last of the policies that see a call once, in the place of the official one.
                per_call_policies: vec![Arc::new(retry)],
                retry: RetryOptions::none(),
                transport: Some(Transport::new(transport.clone())),
                ..ClientOptions::default()
            }
        };
        // Tokens are fetched while a request waits for them, so they must not wait for each other's turn.
        let authority = authority(parameters, &options())?;
        let mut options = options();
        let mut service_url = parameters.service_url.clone();
        match &authority {
            Authority::Key(key) => options.per_try_policies.push(Arc::new(key.clone())),
            Authority::Token(credential) => {
                let policy = BearerTokenAuthorizationPolicy::new(credential.clone(), [SCOPE]);
                options.per_try_policies.push(Arc::new(policy));
            }
            Authority::Query(query) => service_url.set_query(Some(query.secret())),
        }
        let mut container_url = service_url.clone();
        extend(&mut container_url, &parameters.container);
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options.clone(),
            Vec::<Arc<dyn Policy>>::new(),
            Vec::new(),
            None,
        );
        let failed = |source: azure_core::Error| SetupError::Transport {
            source: source.into(),
        };
        let container_options = BlobContainerClientOptions {
            client_options: options.clone(),
            version: API_VERSION.to_owned(),
        };
        let service_options = BlobServiceClientOptions {
            client_options: options,
            version: API_VERSION.to_owned(),
        };
        Ok(Self(Arc::new(Inner {
            account_name: parameters.account_name.clone(),
            container_name: parameters.container.clone(),
            container: BlobContainerClient::new(container_url, None, Some(container_options))
                .map_err(failed)?,
            service: BlobServiceClient::new(service_url, None, Some(service_options)).map_err(failed)?,
            pipeline,
            authority,
            signer: Signer::default(),
        })))
    }

    pub(crate) fn container_name(&self) -> &str {
        &self.0.container_name
    }

    pub(crate) fn account_name(&self) -> &str {
        &self.0.account_name
    }

    pub(super) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.0.authority
    }

    pub(super) fn service(&self) -> &BlobServiceClient {
        &self.0.service
    }

    pub(super) fn container(&self) -> &BlobContainerClient {
        &self.0.container
    }

    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.0.pipeline
    }

    pub(super) fn blob(&self, key: &str) -> BlobClient {
        self.0.container.blob_client(key)
    }

    /// Says which key a failed request was for.
    pub(super) fn failed(&self, key: &str) -> impl Fn(azure_core::Error) -> Failure {
        move |error| Failure::of_request(&self.0.container_name, key, &error)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("container", &self.0.container_name)
            .field("authority", &self.0.authority)
            .finish_non_exhaustive()
    }
}

/// Adds a path segment; a service URL always has a path.
pub(crate) fn extend(url: &mut Url, segment: &str) {
    let path = format!("{}/{segment}", url.path().trim_end_matches('/'));
    url.set_path(&path);
}

/// A request that the official crate has no method for.
pub(super) fn request(method: Method, url: Url) -> Request {
    let mut request = Request::new(url, method);
    request.insert_header("x-ms-version", API_VERSION);
    request
}

/// Options of a request that counts how often it was sent.
pub(super) fn counted(attempts: &Attempts) -> ClientMethodOptions<'static> {
    ClientMethodOptions {
        context: Context::new().with_value(attempts.clone()),
    }
}

/// The conditions of a put: `If-Match` and `If-None-Match`.
pub(super) fn conditions(mode: &PutMode) -> (Option<Etag>, Option<Etag>) {
    match mode {
        PutMode::Overwrite => (None, None),
        PutMode::Create => (None, Some(Etag::from("*"))),
        PutMode::Update(version) => (Some(Etag::from(version.as_str())), None),
    }
}

/// What the headers of an answer say of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Properties {
    /// Bytes of the whole blob.
    pub(crate) size: u64,
    pub(crate) modified: Option<std::time::SystemTime>,
    pub(crate) version: Option<Version>,
    /// Whether it grows by appending, as the uploads of distribution do.
    pub(crate) is_append_blob: bool,
    /// The copy that made the blob, or is still making it.
    pub(crate) copy: Option<CopyState>,
    /// What this driver put beside the content to recognise its own writes.
    pub(crate) marker: Option<String>,
}

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyState {
    pub(crate) id: String,
    pub(crate) status: CopyStatus,
}

/// See `x-ms-copy-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyStatus {
    Success,
    Pending,
    /// Failed or aborted: what is there is an empty blob.
    Dead,
}

impl CopyStatus {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "success" => Self::Success,
            "pending" => Self::Pending,
            _ => Self::Dead,
        }
    }
}

/// The metadata name under which writes are marked.
pub(crate) const MARKER: &str = "hythewrite";
const MARKER_HEADER: &str = "x-ms-meta-hythewrite";

impl Properties {
    /// Reads the headers of an answer about a blob of `size` bytes.
    pub(super) fn read(headers: &Headers, size: u64) -> Self {
        let text = |name: &'static str| headers.get_optional_string(&name.into());
        let modified = text("last-modified").and_then(|text| parse_rfc7231(&text).ok());
        let copy_status = text("x-ms-copy-status");
        Self {
            size,
            modified: modified.map(Into::into),
            version: text("etag").map(Version::new),
            is_append_blob: text("x-ms-blob-type").as_deref() == Some("AppendBlob"),
            copy: copy_status.map(|status| CopyState {
                id: text("x-ms-copy-id").unwrap_or_default(),
                status: CopyStatus::parse(&status),
            }),
            marker: text(MARKER_HEADER),
        }
    }

    /// Whether the content is there: a copy that is under way or has failed shows an empty blob.
    pub(crate) fn is_whole(&self) -> bool {
        self.copy
            .as_ref()
            .is_none_or(|copy| copy.status == CopyStatus::Success)
    }

    pub(crate) fn into_info(self, path: DriverPath) -> FileInfo {
        FileInfo {
            version: self.version,
            ..FileInfo::file(path, self.size, self.modified)
        }
    }
}

/// A number in a header.
pub(super) fn number(headers: &Headers, name: &'static str) -> Option<u64> {
    headers.get_optional_str(&name.into())?.trim().parse().ok()
}
