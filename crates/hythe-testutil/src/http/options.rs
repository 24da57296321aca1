//! What stands between a client and a registry.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How to get to a registry, and who to be there. By default: plain HTTP, nobody.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A PEM file of the certificates that the registry's must lead back to; without it no `https://` address is taken.
    pub roots: Option<PathBuf>,
    /// The certificate to show.
    pub identity: Option<Identity>,
    /// What challenges are answered with.
    pub credentials: Option<Credentials>,
    /// The form that every `Location` must have, where the registry names a place of its own.
    pub locations: Option<Locations>,
}

/// A client's certificate.
#[derive(Clone, Debug)]
pub struct Identity {
    /// A PEM file, the client's own certificate first.
    pub certificate: PathBuf,
    /// A PEM file of its key.
    pub key: PathBuf,
}

/// A name and a password.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// Reads `NAME:PASSWORD`.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The value of `Authorization` (RFC 7617).
    pub fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.user, self.password))
        )
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The form of a `Location` (RFC 9110, section 10.2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Locations {
    /// Scheme, host and port as they were asked for, then the path.
    Absolute,
    /// The path alone.
    Relative,
}
