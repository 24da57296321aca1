//! The storage core held against the interfaces, the layout of distribution v3, failing storage and power failures.

mod budget;
mod durability;
mod faults;
mod ledger;
mod listing;
mod purging;
mod referrers;
mod registries;
mod suite;
