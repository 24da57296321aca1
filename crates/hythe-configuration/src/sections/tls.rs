//! `http.tls`.

use super::default_is_read_from_nothing;
use crate::problem::quoted;
use crate::section::{Section, did_you_mean};

/// Certificates and what is accepted from clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The file of the certificate chain; naming it switches TLS on.
    pub certificate: Option<String>,
    /// The file of the private key.
    pub key: Option<String>,
    /// Files of certificate authorities; naming them asks clients for certificates.
    pub clientcas: Vec<String>,
    /// What is asked of clients where `clientcas` is set.
    pub clientauth: ClientAuth,
    /// The oldest version that is spoken; 1.2 by default.
    pub minimumtls: TlsVersion,
    /// The suites for TLS 1.2, by their names in Go; empty for the default ones. All names are known ones.
    pub ciphersuites: Vec<String>,
    /// Certificates from an ACME server.
    pub letsencrypt: LetsEncrypt,
}

impl Tls {
    /// Whether the registry speaks TLS.
    pub fn is_enabled(&self) -> bool {
        self.certificate.is_some() || self.letsencrypt.cachefile.is_some()
    }
}

/// `http.tls.letsencrypt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetsEncrypt {
    /// The directory (not a file, whatever its name says) of certificates; naming it switches ACME on.
    pub cachefile: Option<String>,
    /// The address of the account.
    pub email: Option<String>,
    /// The names that certificates are asked for.
    pub hosts: Vec<String>,
    /// The directory of the ACME server; Let's Encrypt's own when absent.
    pub directoryurl: Option<String>,
    /// The address on which challenges over plain HTTP are answered, as `:80`; absent: only challenges over TLS are met.
    pub httpaddr: Option<String>,
}

/// What is asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// A certificate is asked for, not required, not verified.
    RequestClientCert,
    /// Some certificate is required, not verified.
    RequireAnyClientCert,
    /// A certificate is verified when there is one.
    VerifyClientCertIfGiven,
    /// A valid certificate is required.
    RequireAndVerifyClientCert,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Tls {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let tls = Self {
            certificate: nonempty(section, "certificate"),
            key: nonempty(section, "key"),
            clientcas: section.texts("clientcas"),
            clientauth: section.choice_or(
                "clientauth",
                &CLIENT_AUTHS,
                ClientAuth::RequireAndVerifyClientCert,
            ),
            minimumtls: section.choice_or("minimumtls", &VERSIONS, TlsVersion::Tls12),
            ciphersuites: section.texts("ciphersuites"),
            letsencrypt: section.section("letsencrypt", LetsEncrypt::read),
        };
        tls.check(section);
        tls
    }

    fn check(&self, section: &Section<'_>) {
        for suite in &self.ciphersuites {
            if !CIPHER_SUITES.contains(&suite.as_str()) {
                let meant = did_you_mean(suite, CIPHER_SUITES);
                section.fail("ciphersuites", format!("unknown suite {}{meant}", quoted(suite)));
            }
        }
        if self.minimumtls == TlsVersion::Tls13 && !self.ciphersuites.is_empty() {
            section.warn(
                "ciphersuites",
                "no effect, the suites of TLS 1.3 are not configurable",
            );
        }
        match (&self.certificate, &self.key) {
            (Some(_), None) => section.fail("certificate", "needs `key`, the file of its private key"),
            (None, Some(_)) => section.warn("key", "no effect without `certificate`"),
            _ => {}
        }
        if self.certificate.is_some() && self.letsencrypt.cachefile.is_some() {
            section.fail(
                "certificate",
                "cannot be combined with `letsencrypt.cachefile`; keep one of them",
            );
        }
        if !self.is_enabled() && !self.clientcas.is_empty() {
            let message =
                "no effect without TLS, so nobody is asked for a certificate; set `certificate` and `key`";
            section.warn("clientcas", message);
        }
        let is_acme_meant = !self.letsencrypt.hosts.is_empty() || self.letsencrypt.email.is_some();
        if is_acme_meant && self.letsencrypt.cachefile.is_none() {
            section.warn(
                "letsencrypt",
                "no effect without `cachefile`, the directory for certificates",
            );
        }
    }
}

impl LetsEncrypt {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            cachefile: nonempty(section, "cachefile"),
            email: nonempty(section, "email"),
            hosts: section.texts("hosts"),
            directoryurl: nonempty(section, "directoryurl"),
            httpaddr: nonempty(section, "httpaddr"),
        }
    }
}

default_is_read_from_nothing!(Tls, LetsEncrypt);

const CLIENT_AUTHS: [(&str, ClientAuth); 4] = [
    ("request-client-cert", ClientAuth::RequestClientCert),
    ("require-any-client-cert", ClientAuth::RequireAnyClientCert),
    ("verify-client-cert-if-given", ClientAuth::VerifyClientCertIfGiven),
    (
        "require-and-verify-client-cert",
        ClientAuth::RequireAndVerifyClientCert,
    ),
];

const VERSIONS: [(&str, TlsVersion); 2] = [("tls1.2", TlsVersion::Tls12), ("tls1.3", TlsVersion::Tls13)];

/// The names that the original takes.
const CIPHER_SUITES: [&str; 19] = [
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];

/// A text that counts as absent when it is empty.
fn nonempty(section: &Section<'_>, key: &'static str) -> Option<String> {
    section.text(key).filter(|text| !text.is_empty())
}
