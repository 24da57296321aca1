//! Connections, with TLS where the address says so.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::address::Address;
use super::options::Options;
use crate::error::Error;

/// Both directions of a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How connections are made.
#[derive(Clone)]
pub(super) enum Transport {
    Plain,
    Tls(TlsConnector, ServerName<'static>),
}

impl Transport {
    pub(super) fn new(address: &Address, options: &Options) -> Result<Self, Error> {
        if !address.is_tls {
            return Ok(Self::Plain);
        }
        let mut roots = RootCertStore::empty();
        if let Some(path) = &options.roots {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| unusable(path, &error.to_string()))?;
            }
        }
        let name = ServerName::try_from(address.host().to_owned()).map_err(|_| Error::Address {
            address: address.url(),
        })?;
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(Path::new("TLS"), &error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match &options.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_slice(&read(&identity.key)?)
                    .map_err(|error| unusable(&identity.key, &error.to_string()))?;
                builder
                    .with_client_auth_cert(certificates(&identity.certificate)?, key)
                    .map_err(|error| unusable(&identity.certificate, &error.to_string()))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self::Tls(TlsConnector::from(Arc::new(config)), name))
    }

    pub(super) async fn connect(&self, authority: &str) -> Result<Box<dyn Stream>, Error> {
        let connect = |source| Error::Connect {
            authority: authority.to_owned(),
            source,
        };
        let stream = TcpStream::connect(authority).await.map_err(connect)?;
        stream.set_nodelay(true).map_err(connect)?;
        Ok(match self {
            Self::Plain => Box::new(stream),
            Self::Tls(connector, name) => {
                let stream = connector.connect(name.clone(), stream).await;
                Box::new(stream.map_err(connect)?)
            }
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(path, &error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::File {
        path: path.to_owned(),
        source: io::Error::other(reason.to_owned()),
    }
}
