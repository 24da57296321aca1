//! Signed CloudFront addresses for the objects of a storage driver.
//!
//! Amazon's delivery network CloudFront can stand in front of a bucket and serve its objects from near the client.
//! [`CloudFront`] is a [`hythe_driver::Redirector`]: where the driver says under which keys it keeps its objects
//! ([`hythe_driver::Capabilities::key_prefix`]), it hands out `<baseurl><key>` with a *canned policy*, a signed
//! statement that exactly this address may be fetched until a given time. Clients inside Amazon's own network can be
//! left to the bucket's own addresses, which cost less there: [`CloudFront::keep_ranges_fresh`] runs beside the
//! registry for that.
//!
//! The hard decision is the hash of the signature. CloudFront takes SHA-1 unless the address says
//! `Hash-Algorithm=SHA256`, which it has understood since April 2026. SHA-256 lets ring sign, which is the
//! cryptography of everything else here; SHA-1 would need the `rsa` crate, whose private-key operations are open to
//! timing attacks (RUSTSEC-2023-0071), on a server that signs for whoever asks.
//!
//! What this crate deliberately does not know: S3, the registry, who asks for a blob and whether he may.

#![doc = include_str!("docs.md")]

mod cloudfront;
mod error;
mod filter;
mod options;
mod ranges;
mod signer;
mod source;

pub use cloudfront::CloudFront;
pub use error::CloudFrontError;
pub use options::{CloudFrontOptions, IpFilter};
pub use signer::Signer;
