//! How requests reach the service: one pool of connections, and timeouts by progress.
//!
//! The SDK's own connector bounds the time from the beginning of a request to the head of its answer, body
//! included, so that a large part on a slow line fails however well it moves. This one fails what does not move.

mod proxy;
mod stall;
mod tls;

use std::time::Duration;

use aws_sdk_s3::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::error::SetupError;
use crate::parameters::S3Parameters;
use proxy::ProxyConnector;
use stall::{Progress, Sent, Stalled, Timed};

/// A service that does not even shake hands in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// No byte of a request taken and none of an answer given in this time. Completing a large upload takes the
/// service that long.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Services close idle connections after some time; one that was just closed costs a retry.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const IDLE_CONNECTIONS: usize = 64;
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The connections of one driver. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    client: Client<HttpsConnector<ProxyConnector>, Sent<SdkBody>>,
    /// Who leads to the service, for what he wants to see in a request.
    proxies: ProxyConnector,
    stall_timeout: Duration,
}

impl Connector {
    /// A pool without connections. Reads certificates: blocks.
    pub(crate) fn new(parameters: &S3Parameters) -> Result<Self, SetupError> {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(KEEPALIVE));
        let proxies = ProxyConnector::new(tcp, Matcher::from_env());
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(parameters)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(proxies.clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(https);
        Ok(Self {
            client,
            proxies,
            stall_timeout: STALL_TIMEOUT,
        })
    }

    /// As what the SDK sends its requests with.
    pub(crate) fn into_http_client(self) -> SharedHttpClient {
        SharedHttpClient::new(self)
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self {
            client,
            proxies,
            stall_timeout,
        } = self.clone();
        HttpConnectorFuture::new(async move {
            let mut request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            if let Some(authorization) = proxies.authorization(request.uri()) {
                request
                    .headers_mut()
                    .insert(http::header::PROXY_AUTHORIZATION, authorization);
            }
            let progress = Progress::new();
            let request = request.map(|body| Sent::new(body, progress.clone()));
            let answer = tokio::select! {
                answer = client.request(request) => answer.map_err(failed)?,
                () = progress.stalled(stall_timeout) => {
                    return Err(ConnectorError::timeout(Stalled(stall_timeout).into()));
                }
            };
            let answer = answer.map(|body| SdkBody::from_body_1_x(Timed::new(body, stall_timeout)));
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Whatever went wrong between us and the service is worth another try.
fn failed(error: hyper_util::client::legacy::Error) -> ConnectorError {
    ConnectorError::io(error.into())
}
