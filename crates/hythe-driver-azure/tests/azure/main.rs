//! The driver on Azurite.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]

mod emulator;
mod faults;
mod layers;
mod redirect;
mod suite;
