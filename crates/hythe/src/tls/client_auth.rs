//! What is asked of clients: Go's `tls.ClientAuthType` in rustls.

use std::path::Path;
use std::sync::Arc;

use hythe_configuration::sections::tls::{ClientAuth, Tls};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::certificate::read_certificates;

/// Who checks client certificates. As in distribution, nobody does unless authorities are configured.
pub(super) fn verifier(
    configured: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    if configured.clientcas.is_empty() {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    for path in &configured.clientcas {
        let failed = |reason: String| format!("http.tls.clientcas: {path}: {reason}");
        for certificate in read_certificates(Path::new(path)).map_err(failed)? {
            roots
                .add(certificate)
                .map_err(|error| failed(error.to_string()))?;
        }
    }
    let is_mandatory = match configured.clientauth {
        ClientAuth::RequestClientCert => false,
        ClientAuth::RequireAnyClientCert => true,
        ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert => {
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            let builder = if configured.clientauth == ClientAuth::VerifyClientCertIfGiven {
                builder.allow_unauthenticated()
            } else {
                builder
            };
            return builder
                .build()
                .map(|verifier| verifier as Arc<dyn ClientCertVerifier>)
                .map_err(|error| format!("http.tls.clientcas: {error}"));
        }
    };
    let hints = roots.subjects();
    Ok(Arc::new(AnyCertificate {
        is_mandatory,
        hints,
        provider: provider.clone(),
    }))
}

/// Takes any certificate whose key the client has. The modes that use it are the original's; they say who somebody claims
/// to be and prove nothing.
#[derive(Debug)]
struct AnyCertificate {
    is_mandatory: bool,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
