//! The behaviour suite on the imitated service and on an emulator, and what only this driver has.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]

mod emulator;
mod faults;
mod imitation;
mod layers;
mod redirects;
mod support;
