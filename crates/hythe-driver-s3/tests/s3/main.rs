//! The driver on servers that speak S3: the behaviour suite, and faults on the way.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]
#![allow(clippy::print_stderr, reason = "what is left out must be seen")]

mod emulator;
mod faults;
mod suite;
