//! TLS with rustls: certificates from files or by ACME, client certificates, versions and suites as distribution configures them.
//!
//! The hard decision is that a running listener can be given other files: [`Tls`] holds what new connections are met
//! with, and replaces it as a whole when the files have changed and all of them can be used together. Connections that
//! are open keep what they began with, and so does everybody when a new file is bad.

mod acme;
mod certificate;
mod client_auth;
mod responder;
mod suites;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use hythe_acme::Acme;
use hythe_configuration::sections::tls;
use rustls::crypto::CryptoProvider;
use rustls::server::ResolvesServerCert;
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) use self::responder::Responder;
use crate::reload::Reload;

/// The answer to a client that forgot the `s` of `https`, as Go's server gives it.
const PLAIN_HTTP: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The first byte of every TLS connection: a handshake record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// What clients that connect are met with.
#[derive(Debug)]
pub(crate) struct Tls {
    configured: tls::Tls,
    http2: bool,
    acme: Option<Arc<Acme>>,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files. The error has a line for each problem.
    pub(crate) fn new(configured: tls::Tls, http2: bool) -> Result<Self, String> {
        let acme = acme::open(&configured.letsencrypt)?;
        let config = config(&configured, http2, acme.as_ref())?;
        Ok(Self {
            configured,
            http2,
            acme,
            current: RwLock::new(Arc::new(config)),
        })
    }

    /// What asks for certificates, where they are not in files; it wants to be run.
    pub(crate) fn acme(&self) -> Option<Arc<Acme>> {
        self.acme.clone()
    }

    /// What answers on the port for challenges over HTTP, where there is one; it wants to be run.
    pub(crate) async fn responder(&self) -> Result<Option<Responder>, String> {
        match (&self.configured.letsencrypt.httpaddr, &self.acme) {
            (Some(address), Some(acme)) => Responder::bind(address, acme.clone()).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The handshake with a client, which must not take longer than `limit`. `None`: it was no client but the ACME server,
    /// which has seen what it wanted.
    pub(crate) async fn accept(
        &self,
        mut stream: TcpStream,
        limit: Duration,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let current = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let shaken = tokio::time::timeout(limit, async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
                stream.write_all(PLAIN_HTTP).await?;
                stream.shutdown().await?;
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the client does not speak TLS",
                ));
            }
            match &self.acme {
                Some(acme) => acme::accept(acme, stream, current).await,
                None => TlsAcceptor::from(current).accept(stream).await.map(Some),
            }
        });
        let late = || {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "the client did not finish the TLS handshake in time",
            )
        };
        shaken.await.map_err(|_| late())?
    }
}

#[async_trait]
impl Reload for Tls {
    fn name(&self) -> &'static str {
        "http.tls"
    }

    fn files(&self) -> Vec<PathBuf> {
        let tls::Tls {
            certificate,
            key,
            clientcas,
            ..
        } = &self.configured;
        let files = [certificate, key].into_iter().flatten().chain(clientcas);
        files.map(PathBuf::from).collect()
    }

    async fn reload(&self) -> Result<(), String> {
        let (configured, http2, acme) = (self.configured.clone(), self.http2, self.acme.clone());
        let read = tokio::task::spawn_blocking(move || config(&configured, http2, acme.as_ref())).await;
        let config = read.map_err(|error| error.to_string())??;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        if let Some(acme) = &self.acme {
            acme.refresh();
        }
        Ok(())
    }
}

fn config(configured: &tls::Tls, http2: bool, acme: Option<&Arc<Acme>>) -> Result<ServerConfig, String> {
    let mut problems = Vec::new();
    let provider = Arc::new(suites::provider(configured).unwrap_or_else(|problem| {
        problems.push(problem);
        rustls::crypto::ring::default_provider()
    }));
    let identity = identity(configured, acme, &provider).map_err(|problem| problems.push(problem));
    let clients = client_auth::verifier(configured, &provider).map_err(|problem| problems.push(problem));
    let (Ok(identity), Ok(clients), true) = (identity, clients, problems.is_empty()) else {
        return Err(problems.join("\n"));
    };
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions(configured));
    let builder = builder.map_err(|error| format!("http.tls: {error}"))?;
    let mut config = builder
        .with_client_cert_verifier(clients)
        .with_cert_resolver(identity);
    config.alpn_protocols = if http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    // As Go's client sends them, so that resuming costs no signature.
    config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(|error| format!("http.tls: {error}"))?;
    Ok(config)
}

fn identity(
    configured: &tls::Tls,
    acme: Option<&Arc<Acme>>,
    provider: &CryptoProvider,
) -> Result<Arc<dyn ResolvesServerCert>, String> {
    if let Some(acme) = acme {
        return Ok(Arc::new(acme::ByName(acme.clone())));
    }
    let (Some(certificate), Some(key)) = (&configured.certificate, &configured.key) else {
        return Err("http.tls: neither certificate and key nor letsencrypt.cachefile is set".to_owned());
    };
    let certified = certificate::load(certificate.as_ref(), key.as_ref(), provider)?;
    Ok(Arc::new(SingleCertAndKey::from(certified)))
}

fn versions(configured: &tls::Tls) -> &'static [&'static SupportedProtocolVersion] {
    const FROM_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
    const FROM_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    match configured.minimumtls {
        tls::TlsVersion::Tls12 => FROM_1_2,
        tls::TlsVersion::Tls13 => FROM_1_3,
    }
}
