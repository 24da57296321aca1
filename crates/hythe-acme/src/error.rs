//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::challenge::Challenge;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing could ever be asked for.
    #[error("no host is named, so no certificate can be asked for")]
    NoHosts,
    /// A name for which no server would give a certificate by these challenges.
    #[error("{host:?} is no host that a certificate can be asked for: {reason}")]
    Host {
        /// As configured.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The folder does not let us.
    #[error("cannot {action} {path}")]
    Cache {
        /// What was tried: `read`, `write` and so on.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The account's key is none that this crate can sign with.
    #[error("{path} is no account key: {reason}")]
    AccountKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The ACME server could not be asked, or refused.
    #[error("cannot {action} at {directory}")]
    Server {
        /// What was tried, as in `cannot log in`.
        action: &'static str,
        /// The directory of the server.
        directory: String,
        /// What it said, or why it could not be reached.
        source: instant_acme::Error,
    },
    /// The server wants to see a challenge met that is not set up.
    #[error("the ACME server offers no {challenge} challenge for {host}")]
    NotOffered {
        /// The name.
        host: String,
        /// The challenge that could have been met.
        challenge: Challenge,
    },
    /// The server looked and did not see what it wanted.
    #[error("the ACME server did not accept the {challenge} challenge of {host}: {reason}")]
    NotAccepted {
        /// The name.
        host: String,
        /// The challenge.
        challenge: Challenge,
        /// The server's words.
        reason: String,
    },
    /// What the server gave cannot be used.
    #[error("the certificate for {host} cannot be used: {reason}")]
    Certificate {
        /// The name.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key or a request could not be made.
    #[error("cannot make a key or a certificate for {host}")]
    Generate {
        /// The name.
        host: String,
        /// What the library says.
        source: rcgen::Error,
    },
    /// The server is too slow.
    #[error("no certificate within {0:?}")]
    Timeout(Duration),
}

impl Error {
    pub(crate) fn server(directory: &str, action: &'static str) -> impl FnOnce(instant_acme::Error) -> Self {
        move |source| Self::Server {
            action,
            directory: directory.to_owned(),
            source,
        }
    }
}
