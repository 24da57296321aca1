use std::net::IpAddr;
use std::time::Duration;

use http::Method;

/// What a driver needs to know of a request to hand out an address for it.
#[derive(Debug, Clone)]
pub struct RedirectRequest {
    /// The method the client will use: GET or HEAD.
    pub method: Method,
    /// The client's address, for policies by network.
    pub client: Option<IpAddr>,
    /// The content type the client should see, where the backend can set it.
    pub content_type: Option<String>,
    /// How long the address should work. It may be less: never longer than the credential that signs it lives, nor
    /// than the backend allows.
    pub valid_for: Duration,
}

impl RedirectRequest {
    /// How long addresses work unless the operator says otherwise; all drivers of distribution v3 use this.
    pub const DEFAULT_VALIDITY: Duration = Duration::from_secs(20 * 60);
}
