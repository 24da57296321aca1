//! An HTTP/1.1 client that hides nothing: no redirects followed unless asked to, no headers added but `Host`, every
//! answer kept whole.
//!
//! What it does about a registry that stands behind something is said once, in [`Options`]: it trusts roots and shows a
//! certificate, answers challenges (`Basic`, and `Bearer` with a token from the server that the challenge names), and
//! puts the path of its address in front of every target. A case that is written for a registry without all that runs
//! unchanged, and [`Seen`] tells whether it met what it was meant to meet.

mod address;
mod challenge;
mod client;
mod login;
mod options;
mod request;
mod response;
mod seen;
mod tls;
mod tokens;

pub use self::client::Client;
pub use self::options::{Credentials, Identity, Locations, Options};
pub use self::request::Request;
pub use self::response::Response;
pub use self::seen::Seen;
pub(crate) use self::tls::Stream;
