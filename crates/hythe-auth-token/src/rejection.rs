/// Why a token does not open the door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("no token")]
    Missing,
    #[error("malformed token: {0}")]
    Malformed(String),
    #[error("the token is signed with {0}, which is not allowed")]
    Algorithm(String),
    #[error("the token's key is not trusted: {0}")]
    UntrustedKey(String),
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token's claims cannot be read: {0}")]
    Claims(String),
    #[error("the token's issuer is {0:?}")]
    Issuer(String),
    #[error("the token is for the audience {0:?}")]
    Audience(Vec<String>),
    #[error("the token expired at {0}")]
    Expired(i64),
    #[error("the token is not valid before {0}")]
    TooEarly(i64),
    #[error("the token does not grant {0}")]
    Scope(String),
}

impl Rejection {
    /// The parameter `error` of the challenge (RFC 6750, section 3.1). As in distribution, there is none for a token that
    /// is missing, badly signed or without readable claims.
    pub(crate) fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::Missing | Self::Signature | Self::Claims(_) => None,
            Self::Scope(_) => Some("insufficient_scope"),
            _ => Some("invalid_token"),
        }
    }
}
