//! Certificates by ACME (RFC 8555): asked for, kept in a folder, renewed in the background, handed out by name.
//!
//! [`Acme`] is opened with the names it may serve, and run beside a TLS server. The server asks it for the certificate
//! of a name ([`Acme::certificate`]), and answers the two challenges from it: TLS-ALPN-01
//! ([`Acme::challenge_certificate`], RFC 8737) and HTTP-01 ([`Acme::key_authorization`], RFC 8555, section 8.3).
//!
//! The hard decision is the folder. It is the cache of Go's `autocert`, which distribution uses: a file for each name,
//! another for the account's key, others for challenges while they last. So a registry that switches from distribution,
//! or back, keeps its account and its certificates and asks nobody, and several registries behind one name can share
//! the folder: each takes up what another one obtained, and answers challenges that another one was set.
//!
//! Certificates are asked for when the registry starts and not, as `autocert` does, when the first client comes: the
//! names are known, and a mistake shows at once in the log. A name that is not listed gets nothing.
//!
//! What this crate deliberately does not know: sockets and listeners, HTTP servers, configuration files.

mod account;
mod acme;
mod cache;
mod certificate;
mod challenge;
mod error;
mod hosts;
mod order;
mod renewal;

pub use acme::{Acme, Settings};
pub use challenge::Challenge;
pub use error::Error;
