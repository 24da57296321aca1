//! Certificates that `hythe-acme` keeps: chosen by the name a client asks for, once there is one.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hythe_acme::{Acme, Challenge, Settings};
use hythe_configuration::sections::tls::LetsEncrypt;
use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::compose::chain;

/// The protocol of handshakes by an ACME server (RFC 8737, section 6.2).
const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

/// The certificates of `http.tls.letsencrypt`, where it is configured.
pub(super) fn open(configured: &LetsEncrypt) -> Result<Option<Arc<Acme>>, String> {
    let Some(folder) = &configured.cachefile else {
        return Ok(None);
    };
    // Who opens a port for it wants it to be used.
    let http = configured.httpaddr.as_ref().map(|_| Challenge::Http01);
    let settings = Settings {
        folder: PathBuf::from(folder),
        hosts: configured.hosts.clone(),
        email: configured.email.clone(),
        directory: configured.directoryurl.clone(),
        challenges: http.into_iter().chain([Challenge::TlsAlpn01]).collect(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    match Acme::open(settings, provider) {
        Ok(acme) => Ok(Some(Arc::new(acme))),
        Err(error) => Err(format!("http.tls.letsencrypt: {}", chain(&error))),
    }
}

/// The handshake with a client, which waits for the first certificate of a name; or with the ACME server, after
/// which nothing comes.
pub(super) async fn accept(
    acme: &Acme,
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = begun.client_hello();
    let name = hello.server_name().unwrap_or_default().to_owned();
    let is_challenge = hello
        .alpn()
        .is_some_and(|mut protocols| protocols.any(|protocol| protocol == CHALLENGE_PROTOCOL));
    if !is_challenge {
        acme.ready(&name).await;
        return begun.into_stream(config).await.map(Some);
    }
    let Some(certificate) = acme.challenge_certificate(&name).await else {
        return Err(io::Error::other(format!(
            "no ACME challenge is open for {name:?}"
        )));
    };
    let config = challenge_config(certificate).map_err(io::Error::other)?;
    begun.into_stream(Arc::new(config)).await?.shutdown().await?;
    Err(io::Error::other(format!(
        "the ACME server has seen the challenge of {name}"
    )))
}

/// What the ACME server is met with; it has no certificate of its own.
fn challenge_config(certificate: Arc<CertifiedKey>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![CHALLENGE_PROTOCOL.to_vec()];
    Ok(config)
}

/// Chooses by the name that the client sends. Who sends none, or one that is not listed, is refused as in distribution.
#[derive(Debug)]
pub(super) struct ByName(pub(super) Arc<Acme>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.certificate(hello.server_name()?)
    }
}
