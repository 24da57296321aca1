//! Cipher suites by their names in Go.

use hythe_configuration::sections::tls::{Tls, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite as suite, default_provider};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// Those that rustls has; it left out CBC, 3DES and key exchange by RSA, which leak or have no forward secrecy.
const OFFERED: [(&str, SupportedCipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// The cryptography with the configured suites. As in Go, the list decides about TLS 1.2 only.
pub(super) fn provider(configured: &Tls) -> Result<CryptoProvider, String> {
    let mut provider = default_provider();
    if configured.ciphersuites.is_empty() || configured.minimumtls == TlsVersion::Tls13 {
        return Ok(provider);
    }
    let named = |name: &str| configured.ciphersuites.iter().any(|suite| suite == name);
    for name in &configured.ciphersuites {
        if !OFFERED.iter().any(|(offered, _)| offered == name) {
            tracing::warn!("http.tls.ciphersuites: {name} is not offered; rustls has left it out as unsafe");
        }
    }
    if !OFFERED.iter().any(|(name, _)| named(name)) {
        return Err("http.tls.ciphersuites: none of these suites is safe enough to be offered".to_owned());
    }
    let chosen = OFFERED
        .iter()
        .filter(|(name, suite)| is_of(*suite, &rustls::version::TLS13) || named(name))
        .map(|(_, suite)| *suite);
    provider.cipher_suites = chosen.collect();
    Ok(provider)
}

fn is_of(suite: SupportedCipherSuite, version: &'static SupportedProtocolVersion) -> bool {
    suite.version() == version
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(configured: &[&str], minimum: TlsVersion) -> Result<Vec<String>, String> {
        let tls = Tls {
            ciphersuites: configured.iter().map(|name| (*name).to_owned()).collect(),
            minimumtls: minimum,
            ..Tls::default()
        };
        let suites = provider(&tls)?.cipher_suites.into_iter();
        Ok(suites.map(|suite| format!("{:?}", suite.suite())).collect())
    }

    #[test]
    fn without_a_list_all_safe_suites_are_offered() {
        assert_eq!(names(&[], TlsVersion::Tls12).unwrap().len(), 9);
        assert_eq!(
            names(&["TLS_RSA_WITH_AES_128_CBC_SHA"], TlsVersion::Tls13)
                .unwrap()
                .len(),
            9
        );
    }

    #[test]
    fn a_list_chooses_those_of_the_older_version() {
        let chosen = names(
            &[
                "TLS_RSA_WITH_AES_128_CBC_SHA",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ],
            TlsVersion::Tls12,
        );
        assert_eq!(
            chosen.unwrap(),
            [
                "TLS13_AES_256_GCM_SHA384",
                "TLS13_AES_128_GCM_SHA256",
                "TLS13_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
            ]
        );
    }

    #[test]
    fn a_list_of_unsafe_suites_is_refused() {
        let error = names(&["TLS_RSA_WITH_AES_128_CBC_SHA"], TlsVersion::Tls12).unwrap_err();
        assert!(error.starts_with("http.tls.ciphersuites: none"), "{error}");
    }
}
