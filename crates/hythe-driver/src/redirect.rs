use std::net::IpAddr;

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
}
