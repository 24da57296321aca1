//! The storage core held against the interfaces, the layout of distribution v3, failing storage and power failures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod budget;
mod durability;
mod faults;
mod ledger;
mod listing;
mod original;
mod purging;
mod referrers;
mod registries;
mod suite;
mod uploads;
mod validation;
