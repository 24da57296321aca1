//! The registry's own certificate.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// From when on the log says that a certificate will expire.
const EXPIRES_SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Reads a chain of certificates and its key. One that is expired is served all the same, with a warning: clients can
/// decide better than a registry that does not start.
pub(super) fn load(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let named =
        |what: &str, path: &Path, reason: String| format!("http.tls.{what}: {}: {reason}", path.display());
    let chain = read_certificates(certificate).map_err(|reason| named("certificate", certificate, reason))?;
    check_validity(certificate, &chain[0]);
    check_permissions(key);
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named("key", key, error.to_string()))?;
    let private = provider.key_provider.load_private_key(private);
    let private = private.map_err(|error| named("key", key, error.to_string()))?;
    let certified = CertifiedKey::new(chain, private);
    match certified.keys_match() {
        // Unknown: a kind of key whose public half cannot be told; a handshake would show it.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let reason = format!("is not the key of the certificate {}", certificate.display());
            Err(named("key", key, reason))
        }
        Err(error) => Err(named("certificate", certificate, error.to_string())),
    }
}

/// All certificates of a PEM file, of which there must be one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let certificates: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("holds no certificate in PEM".to_owned());
    }
    Ok(certificates)
}

fn check_validity(path: &Path, certificate: &CertificateDer<'_>) {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return;
    };
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since_epoch.unwrap_or_default().as_secs().cast_signed();
    let (begin, end) = (parsed.validity().not_before, parsed.validity().not_after);
    let path = path.display();
    if now > end.timestamp() {
        tracing::warn!("http.tls.certificate: {path} expired at {end}; clients will refuse it");
    } else if now < begin.timestamp() {
        tracing::warn!("http.tls.certificate: {path} is not valid before {begin}; clients will refuse it");
    } else if end.timestamp() - now < EXPIRES_SOON.as_secs().cast_signed() {
        tracing::warn!("http.tls.certificate: {path} expires at {end}");
    }
}

fn check_permissions(path: &Path) {
    #[cfg(unix)]
    if std::fs::metadata(path).is_ok_and(|metadata| is_open_to_all(&metadata)) {
        tracing::warn!(
            "http.tls.key: every user of this machine can read {}; take the right away with chmod o-r",
            path.display()
        );
    }
}

#[cfg(unix)]
fn is_open_to_all(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o004 != 0
}
