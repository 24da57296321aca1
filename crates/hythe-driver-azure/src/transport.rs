//! Connections to the service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use azure_core::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::error::SetupError;

/// A host that does not even accept a connection for so long is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Azure closes idle connections after a few minutes; ours must be gone before that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How much of the server's certificate is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// What the certificates of the machine vouch for.
    Platform,
    /// Anything.
    Blind,
    /// Nothing: no connection is encrypted, so that the machine needs no certificates.
    Unneeded,
}

/// The HTTP client of the driver. Its errors do not show the address, which may hold a signature.
#[derive(Debug)]
pub(crate) struct Transport(reqwest::Client);

impl Transport {
    pub(crate) fn new(trust: Trust) -> std::result::Result<Self, SetupError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(trust)?)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        client.map(Self).map_err(|source| SetupError::Transport {
            source: source.into(),
        })
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse> {
        let answered = HttpClient::execute_request(&self.0, request).await;
        answered.map_err(without_address)
    }
}

fn without_address(error: Error) -> Error {
    let kind = error.kind().clone();
    match error.into_downcast::<reqwest::Error>() {
        Ok(cause) => Error::with_error(kind, cause.without_url(), "the service cannot be reached"),
        Err(other) => other,
    }
}

fn tls(trust: Trust) -> std::result::Result<ClientConfig, SetupError> {
    let failed = |source: rustls::Error| SetupError::Transport {
        source: source.into(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    Ok(match trust {
        Trust::Platform => builder
            .with_platform_verifier()
            .map_err(failed)?
            .with_no_client_auth(),
        Trust::Unneeded => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
        Trust::Blind => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
            .with_no_client_auth(),
    })
}

/// Takes any certificate, as `skipverify` asks; the handshake itself is still checked.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::{Method, Url};

    use super::*;

    #[tokio::test]
    async fn an_error_does_not_show_the_address() {
        // A port of ours on which nobody listens any more.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let url = format!("http://127.0.0.1:{port}/reg/a?sig=hidden");
        let request = Request::new(Url::parse(&url).unwrap(), Method::Get);
        let transport = Transport::new(Trust::Unneeded).unwrap();
        let error = transport.execute_request(&request).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        assert_eq!(*error.kind(), azure_core::error::ErrorKind::Connection);
    }

    #[test]
    fn every_degree_of_trust_makes_a_client() {
        for trust in [Trust::Blind, Trust::Unneeded] {
            Transport::new(trust).unwrap();
        }
    }
}
