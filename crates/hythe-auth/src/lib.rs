//! The access control contract of the Hythe registry.
//!
//! An [`AccessController`] is shown the head of a request and the [`Access`] records it needs, and answers with
//! a [`Grant`] or with a [`Challenge`] that tells the client how to get in. The vocabulary is that of the Docker
//! token specification: `repository:library/ubuntu:pull`.
//!
//! The hard decision is that a controller sees all records of a request at once, because the challenge has to
//! name them all; and that which records a request needs is decided by the HTTP handlers, never by a controller.
//!
//! What this crate deliberately does not know: passwords, tokens, the routes of the API.

use std::fmt::{self, Debug};
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use http::HeaderValue;
use hythe_reference::RepositoryName;

/// What access is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// `repository` or `registry`.
    pub kind: ResourceKind,
    /// The repository's name, or `catalog`.
    pub name: String,
}

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// One repository.
    Repository,
    /// The registry as a whole.
    Registry,
}

impl ResourceKind {
    /// The name in scopes and tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Registry => "registry",
        }
    }
}

/// What is to be done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read.
    Pull,
    /// Write.
    Push,
    /// Delete.
    Delete,
    /// Everything; asked for to list the catalog.
    All,
}

impl Action {
    /// The name in scopes and tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::All => "*",
        }
    }
}

/// One record: an action on a resource. Shown as `repository:library/ubuntu:pull`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// On what.
    pub resource: Resource,
    /// What.
    pub action: Action,
}

impl Access {
    /// An action on one repository.
    pub fn repository(name: &RepositoryName, action: Action) -> Self {
        let resource = Resource {
            kind: ResourceKind::Repository,
            name: name.as_str().to_owned(),
        };
        Self { resource, action }
    }

    /// Listing all repositories.
    pub fn catalog() -> Self {
        let resource = Resource {
            kind: ResourceKind::Registry,
            name: "catalog".to_owned(),
        };
        Self {
            resource,
            action: Action::All,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resource { kind, name } = &self.resource;
        write!(f, "{}:{name}:{}", kind.as_str(), self.action.as_str())
    }
}

/// What of a request a controller may look at.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// All header fields.
    pub headers: &'a HeaderMap,
    /// The host the client named.
    pub host: Option<&'a str>,
    /// The peer's address.
    pub remote: Option<IpAddr>,
}

/// Access was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The user's name, where there is one.
    pub user: Option<String>,
    /// What the credentials are for, where they name classes of content; empty where they know of none.
    pub resources: Vec<GrantedResource>,
}

/// A resource that credentials are for. A registry that restricts classes of content looks at the class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedResource {
    /// The repository's name.
    pub name: String,
    /// `image` or `plugin`.
    pub class: String,
}

/// Access was not granted; this is how to ask for it. Answered as 401.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The values of `WWW-Authenticate`.
    pub authenticate: Vec<HeaderValue>,
    /// Why, for the log.
    pub reason: String,
}

/// A text between quotation marks, for a parameter of a challenge (RFC 9110, section 5.6.4). Control characters, which
/// no header can carry, become blanks.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => quoted.push(' '),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Why no grant was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The client has to authenticate, or needs more rights.
    #[error("access was not granted: {}", .0.reason)]
    Challenge(Challenge),
    /// The credentials are of a form that can be no credentials.
    #[error("the credentials cannot be read: {reason}")]
    Malformed {
        /// What is wrong, for the log.
        reason: &'static str,
    },
    /// Too many logins failed, or wait to be checked. Answered as 429.
    #[error("too many logins; the next one may be in {} s", retry_after.as_secs())]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The controller could not decide.
    #[error("the access controller failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Decides who may do what.
///
/// # Behaviour
/// * No records: the client only has to be somebody (the base route).
/// * All records must be granted; otherwise the challenge names all of them.
/// * It may be called concurrently, and must not hold up a worker: heavy checks go elsewhere.
#[async_trait]
pub trait AccessController: Debug + Send + Sync {
    /// Grants all of `access`, or says how to get it.
    async fn authorize(&self, request: RequestHead<'_>, access: &[Access]) -> Result<Grant, AuthError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_fits_into_a_header() {
        for (text, expected) in [
            ("", "\"\""),
            ("a realm", "\"a realm\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("a\r\nb", "\"a  b\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(quoted(text), expected);
            assert!(HeaderValue::from_bytes(quoted(text).as_bytes()).is_ok());
        }
    }
}
