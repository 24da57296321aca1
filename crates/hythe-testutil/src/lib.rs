//! Helpers for tests and for the programs that test a registry from outside: content that can be made again from a
//! seed, manifests, an HTTP client that shows everything it received, and registries as child processes.
//!
//! Nothing here uses the crates under test. Digests come straight from `sha2`, manifests are plain JSON, requests
//! are written by `hyper` or byte by byte, so that a mistake in `hythe-digest`, `hythe-manifest` or `hythe-api`
//! cannot hide behind the same mistake in its test.
//!
//! | Module | For |
//! |---|---|
//! | [`random`] | bytes that do not compress and are the same for the same seed |
//! | [`digest`] | digests of bytes, as text |
//! | [`content`] | blobs, image manifests, indexes and artifacts with their digests |
//! | [`http`] | a client that keeps status, headers and body of each answer, and gets through TLS and access control |
//! | [`jwt`] | tokens signed in every way, and forged ones |
//! | [`token_server`] | a server that gives tokens for passwords |
//! | [`raw`] | a client for bytes that no HTTP library would send |
//! | [`proxy`] | counting and disturbing what a registry asks of the storage behind it |
//! | [`redirects`] | following redirects to the bytes of a blob, and counting them |
//! | [`server`] | a registry started from a program on this machine, and ended with the test |

pub mod content;
pub mod digest;
mod error;
pub mod http;
pub mod jwt;
pub mod proxy;
pub mod random;
pub mod raw;
pub mod redirects;
pub mod server;
pub mod token_server;

pub use crate::content::{Content, ImageBuilder, IndexBuilder};
pub use crate::digest::Algorithm;
pub use crate::error::Error;
pub use crate::http::{Client, Options, Request, Response};
pub use crate::proxy::Proxy;
pub use crate::random::Random;
pub use crate::raw::RawConnection;
pub use crate::server::{Configuration, ServerProcess};
