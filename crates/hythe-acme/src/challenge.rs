//! What the ACME server is shown to prove that a name leads here, while it looks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use instant_acme::{ChallengeType, KeyAuthorization};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use crate::Error;
use crate::cache::{self, Cache};
use crate::certificate::{self, to_pem};

/// How it is proved that a name leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Challenge {
    /// By a certificate in a handshake for the protocol `acme-tls/1` on port 443 (RFC 8737).
    TlsAlpn01,
    /// By an answer over plain HTTP on port 80 (RFC 8555, section 8.3).
    Http01,
}

impl Challenge {
    pub(crate) fn kind(self) -> ChallengeType {
        match self {
            Self::TlsAlpn01 => ChallengeType::TlsAlpn01,
            Self::Http01 => ChallengeType::Http01,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlpn01 => "TLS-ALPN-01",
            Self::Http01 => "HTTP-01",
        })
    }
}

/// What is shown at the moment. It is in the folder as well, for others that share it.
#[derive(Debug, Clone)]
pub(crate) struct Challenges {
    cache: Cache,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct Shown {
    certificates: HashMap<String, Arc<CertifiedKey>>,
    answers: HashMap<String, String>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = self.certificates.keys();
        f.debug_set()
            .entries(certificates)
            .entries(self.answers.keys())
            .finish()
    }
}

impl Challenges {
    pub(crate) fn new(cache: Cache) -> Self {
        Self {
            cache,
            shown: Arc::default(),
        }
    }

    /// Shows what meets a challenge until the result is dropped.
    pub(crate) async fn show(
        &self,
        challenge: Challenge,
        host: &str,
        token: &str,
        authorization: &KeyAuthorization,
        provider: &CryptoProvider,
    ) -> Result<Showing, Error> {
        let (file, content) = match challenge {
            Challenge::Http01 => {
                let answer = authorization.as_str().to_owned();
                self.lock().answers.insert(token.to_owned(), answer.clone());
                (cache::key_authorization(token), answer)
            }
            Challenge::TlsAlpn01 => {
                let pem = proof(host, authorization.digest().as_ref())?;
                let read = certificate::read(pem.as_bytes(), provider);
                let certified = read.map_err(|reason| Error::Certificate {
                    host: host.to_owned(),
                    reason,
                })?;
                self.lock()
                    .certificates
                    .insert(host.to_owned(), Arc::new(certified));
                (cache::challenge_certificate(host), pem)
            }
        };
        let showing = Showing {
            challenges: self.clone(),
            challenge,
            key: match challenge {
                Challenge::Http01 => token.to_owned(),
                Challenge::TlsAlpn01 => host.to_owned(),
            },
            file,
        };
        // Others may not see it; whom the server asks here does.
        if let Err(error) = self.cache.store(showing.file.clone(), content).await {
            tracing::warn!(error = %error, "a challenge of ACME is shown by this process alone");
        }
        Ok(showing)
    }

    /// The certificate for a handshake by the server.
    pub(crate) async fn certificate(
        &self,
        host: &str,
        provider: &CryptoProvider,
    ) -> Option<Arc<CertifiedKey>> {
        let shown = self.lock().certificates.get(host).cloned();
        if shown.is_some() {
            return shown;
        }
        let pem = self.cache.load(cache::challenge_certificate(host)).await.ok()??;
        Some(Arc::new(certificate::read(&pem, provider).ok()?))
    }

    /// The answer to a request of the server.
    pub(crate) async fn answer(&self, token: &str) -> Option<String> {
        // RFC 8555, section 8.3; nothing else may become the name of a file.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if token.is_empty() || !token.bytes().all(is_token) {
            return None;
        }
        let shown = self.lock().answers.get(token).cloned();
        if shown.is_some() {
            return shown;
        }
        let content = self.cache.load(cache::key_authorization(token)).await.ok()??;
        String::from_utf8(content).ok()
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is shown for as long as this lives.
#[derive(Debug)]
pub(crate) struct Showing {
    challenges: Challenges,
    challenge: Challenge,
    key: String,
    file: String,
}

impl Drop for Showing {
    fn drop(&mut self) {
        match self.challenge {
            Challenge::Http01 => drop(self.challenges.lock().answers.remove(&self.key)),
            Challenge::TlsAlpn01 => drop(self.challenges.lock().certificates.remove(&self.key)),
        }
        self.challenges.cache.remove(&self.file);
    }
}

/// A certificate by itself with the digest of the authorization (RFC 8737, section 3), in the form that is kept.
fn proof(host: &str, digest: &[u8]) -> Result<String, Error> {
    let failed = |source| Error::Generate {
        host: host.to_owned(),
        source,
    };
    let key = KeyPair::generate().map_err(failed)?;
    let mut parameters = CertificateParams::new(vec![host.to_owned()]).map_err(failed)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    Ok(to_pem(&key, &certificate.pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenges() -> (tempfile::TempDir, Challenges, Challenges) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned()).unwrap();
        (folder, Challenges::new(cache.clone()), Challenges::new(cache))
    }

    #[tokio::test]
    async fn what_another_one_shows_is_shown_here_as_well() {
        let (folder, ours, theirs) = challenges();
        let provider = rustls::crypto::ring::default_provider();
        assert!(ours.certificate("a.test", &provider).await.is_none());
        assert_eq!(ours.answer("token").await, None);
        let pem = proof("a.test", &[7; 32]).unwrap();
        theirs.cache.write("a.test+token", pem.as_bytes()).unwrap();
        theirs.cache.write("token+http-01", b"token.thumbprint").unwrap();
        assert!(ours.certificate("a.test", &provider).await.is_some());
        assert!(ours.certificate("b.test", &provider).await.is_none());
        assert_eq!(ours.answer("token").await.as_deref(), Some("token.thumbprint"));
        drop(folder);
    }

    #[tokio::test]
    async fn a_token_names_no_other_file() {
        let (folder, ours, _) = challenges();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b+http-01"), "secret").unwrap();
        std::fs::write(folder.path().join("+http-01"), "secret").unwrap();
        for token in ["", "a/b", "./a/b", "a%2Fb", "a/../a/b"] {
            assert_eq!(ours.answer(token).await, None, "{token}");
        }
    }

    #[test]
    fn the_certificate_of_a_challenge_carries_the_digest() {
        let pem = proof("a.test", &[7; 32]).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let read = certificate::read(pem.as_bytes(), &provider).unwrap();
        let leaf = read.cert[0].to_vec();
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        let identifier = leaf.extensions().iter().find(|extension| {
            // id-pe-acmeIdentifier
            extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31"
        });
        let identifier = identifier.unwrap();
        assert!(identifier.critical);
        assert!(identifier.value.ends_with(&[7; 32]));
    }
}
