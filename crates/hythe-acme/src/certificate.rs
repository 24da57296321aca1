//! A certificate as it is kept: its key and its chain, and when both have to be replaced.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::KeyPair;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

/// A certificate for one name, whose key is there.
#[derive(Clone)]
pub(crate) struct Certificate {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

impl Certificate {
    /// Reads a key and a chain from PEM. It may have expired.
    pub(crate) fn parse(pem: &[u8], host: &str, provider: &CryptoProvider) -> Result<Self, String> {
        let certified = read(pem, provider)?;
        let leaf = certified.end_entity_cert().map_err(|error| error.to_string())?;
        let (not_before, not_after) = validity(leaf)?;
        is_for(leaf, host)?;
        certified.keys_match().map_err(|error| error.to_string())?;
        Ok(Self {
            certified: Arc::new(certified),
            not_before,
            not_after,
        })
    }

    /// The certificates, to tell two of them apart.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Reads a key and a chain from PEM, of which it is not known whether they fit.
pub(crate) fn read(pem: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| format!("no private key: {error}"))?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| format!("an unusable private key: {error}"))?;
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("an unusable certificate: {error}"))?;
    if chain.is_empty() {
        return Err("no certificate".to_owned());
    }
    Ok(CertifiedKey::new(chain, key))
}

/// A key and a chain in the form that is kept.
pub(crate) fn to_pem(key: &KeyPair, chain: &str) -> String {
    format!("{}{chain}", key.serialize_pem())
}

fn validity(leaf: &CertificateDer<'_>) -> Result<(SystemTime, SystemTime), String> {
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| error.to_string())?;
    let time = |time: ASN1Time| {
        let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    };
    let validity = leaf.validity();
    Ok((time(validity.not_before), time(validity.not_after)))
}

fn is_for(leaf: &CertificateDer<'_>, host: &str) -> Result<(), String> {
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let parsed = ParsedCertificate::try_from(leaf).map_err(|error| error.to_string())?;
    verify_server_name(&parsed, &name).map_err(|error| error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, date_time_ymd};

    use super::*;

    /// A key and a certificate by itself, in PEM, valid through the year 2000.
    pub(crate) fn kept(host: &str) -> String {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![host.to_owned()]).unwrap();
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(2001, 1, 1);
        to_pem(&key, &parameters.self_signed(&key).unwrap().pem())
    }

    fn parse(pem: &str) -> Result<Certificate, String> {
        Certificate::parse(
            pem.as_bytes(),
            "a.test",
            &rustls::crypto::ring::default_provider(),
        )
    }

    #[test]
    fn what_is_kept_is_read() {
        let certificate = parse(&kept("a.test")).unwrap();
        let year = certificate
            .not_after
            .duration_since(certificate.not_before)
            .unwrap();
        assert_eq!(year, Duration::from_secs(366 * 24 * 60 * 60));
        assert_eq!(certificate.certified.cert.len(), 1);
    }

    #[test]
    fn keys_in_the_form_of_go_are_read() {
        // autocert writes SEC 1 ("EC PRIVATE KEY").
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        let sec1 = crate::account::tests::to_sec1(&key.serialize_der());
        parse(&format!("{sec1}{certificate}")).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let check = |pem: &str, expected: &str| {
            let reason = parse(pem).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        };
        let (one, other) = (kept("a.test"), kept("a.test"));
        let (_, chain) = one.split_at(one.find("-----BEGIN CERT").unwrap());
        let (key, _) = other.split_at(other.find("-----BEGIN CERT").unwrap());
        check("", "no private key");
        check(chain, "no private key");
        check(key, "no certificate");
        check(&format!("{key}{chain}"), "KeyMismatch");
        check(&kept("b.test"), "not valid for name");
    }
}
