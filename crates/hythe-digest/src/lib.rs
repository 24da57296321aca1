//! Content digests: parsing, streaming hashing and hash state that survives a restart.
//!
//! A [`Digest`] names content by its hash: `sha256:` followed by lower-case hexadecimal digits. A
//! [`Digester`] computes one while bytes stream by, and a [`Verifier`] compares a stream with a digest
//! that somebody claimed.
//!
//! The one hard decision is the form of a *saved* hash state. An upload may be interrupted, continued by
//! another process, or even by another program on the same storage, without reading the first gigabytes
//! again. So [`Digester::save_state`] writes the binary marshalling of Go's `crypto/sha256` and
//! `crypto/sha512`, which distribution v3 keeps beside its uploads, instead of a format of our own.
//!
//! This crate knows no IO and no storage; who keeps a state, and for how long, is not its business.
//!
//! ```
//! use hythe_digest::{Algorithm, Digest, Digester};
//!
//! let mut digester = Digester::new(Algorithm::Sha256);
//! digester.update(b"hello, ");
//!
//! // Another process goes on where this one stopped.
//! let state = digester.save_state();
//! let mut resumed = Digester::restore_state(Algorithm::Sha256, &state)?;
//! resumed.update(b"world");
//!
//! assert_eq!(resumed.finish(), Digest::sha256(b"hello, world"));
//! # Ok::<(), hythe_digest::StateError>(())
//! ```

mod algorithm;
mod digest;
mod digester;
mod state;
mod verifier;

pub use crate::algorithm::Algorithm;
pub use crate::digest::{Digest, DigestError, EMPTY_SHA256};
pub use crate::digester::Digester;
pub use crate::state::StateError;
pub use crate::verifier::{Mismatch, Verifier};
