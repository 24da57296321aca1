//! The behaviour suite on the filesystem driver, and what only a file system has.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]

mod confinement;
mod durability;
mod failures;
mod setup;
mod suite;
mod support;
