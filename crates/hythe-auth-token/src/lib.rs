//! Access control by signed tokens: the resource server's half of Docker's token authentication.
//!
//! A client without a token is sent to a token server by the challenge; the token it brings back is a JSON Web Token
//! (RFC 7519) that says who it is and which actions on which repositories it may do. [`TokenController`] is an
//! [`hythe_auth::AccessController`] that checks such tokens; it never talks to the token server.
//!
//! The hard decision is which key may have signed. Keys are trusted by configuration only: those of a JWK set, those of
//! the root certificates themselves, and those of certificates in the token that a root has issued. A key that the token
//! brings along counts for nothing by itself. An algorithm must be on the list *and* fit the kind of key, so that no
//! public key is ever taken for a shared secret; algorithms of shared secrets, and `none`, are refused whatever the
//! configuration says.
//!
//! Checking a signature takes up to 2 ms, and clients send one token with many requests: signatures are checked on
//! threads that may block, and what was right is remembered until the token expires or the keys change.
//!
//! What this crate deliberately does not know: how tokens are issued, routes, TLS.

mod certificates;
mod challenge;
mod claims;
mod controller;
mod keys;
mod parameters;
mod rejection;
mod token;

pub use controller::TokenController;
pub use keys::KeysError;
pub use parameters::{ParametersError, TokenParameters};
