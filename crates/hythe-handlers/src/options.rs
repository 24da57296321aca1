use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use hythe_auth::AccessController;
use hythe_distribution::Namespace;
use ipnet::IpNet;

use crate::redirect::RedirectPolicy;

/// Everything that handlers need, complete before they are built.
#[derive(Debug, Clone)]
pub struct HandlersOptions {
    /// The registry behind the API.
    pub namespace: Arc<dyn Namespace>,
    /// Who decides about access; `None`: everybody may do everything.
    pub access: Option<Arc<dyn AccessController>>,
    /// How the URLs begin that are handed out.
    pub urls: UrlOptions,
    /// The key of the tokens that travel with uploads; registries that share it serve each other's uploads.
    pub secret: Vec<u8>,
    /// Whether the operator chose the secret. Only then is a token that does not verify refused: a secret that
    /// each process draws for itself says nothing about uploads begun before a restart.
    pub secret_configured: bool,
    /// Header fields for every answer of a route, unless the answer has them itself.
    pub headers: HeaderMap,
    /// Whether everything that writes is refused.
    pub read_only: bool,
    /// Which clients that GET a blob are sent to the storage, where it can serve them.
    pub redirect: RedirectPolicy,
    /// Networks of proxies whose word counts about whom they speak for.
    pub trusted_proxies: Vec<IpNet>,
    /// The classes of images that may be pushed, of `image` and `plugin`; empty for all.
    pub repository_classes: Vec<String>,
    /// The most entries of the catalog in one answer.
    pub catalog_max_entries: usize,
    /// The most tags in one answer, where the client asks for a number.
    pub tags_max: usize,
    /// The memory for the request bodies of all uploads together, in bytes.
    pub upload_buffer_bytes: u64,
    /// The least size of a chunk that the storage can take without waste, in bytes; `None`: any.
    pub chunk_min_length: Option<u64>,
    /// How long a client may send nothing of a body it announced.
    pub body_progress_timeout: Duration,
}

/// How the URLs begin that are handed out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlOptions {
    /// The public base URL with scheme and host; `None`: as the request says.
    pub host: Option<String>,
    /// Whether URLs have neither scheme nor host.
    pub relative: bool,
    /// The path under which the API lives, for example `/registry/`; empty for none.
    pub prefix: String,
}

impl HandlersOptions {
    /// The options of a registry that nothing was configured for: open to everybody, with a secret that no
    /// other process knows.
    pub fn new(namespace: Arc<dyn Namespace>) -> Self {
        Self {
            namespace,
            access: None,
            urls: UrlOptions::default(),
            secret: [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]
                .map(uuid::Uuid::into_bytes)
                .concat(),
            secret_configured: false,
            headers: HeaderMap::new(),
            read_only: false,
            redirect: RedirectPolicy::default(),
            trusted_proxies: Vec::new(),
            repository_classes: Vec::new(),
            catalog_max_entries: 1000,
            tags_max: 1000,
            upload_buffer_bytes: 16 * 1024 * 1024,
            chunk_min_length: None,
            body_progress_timeout: Duration::from_secs(60),
        }
    }
}
