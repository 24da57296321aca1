//! Storage in memory for the Hythe registry: for trying it out, and for tests.
//!
//! [`InMemoryDriver::new`] behaves as a file system does: it appends, renames and keeps directories. Everything
//! is one tree under one lock that is never held while waiting.
//!
//! [`InMemoryDriver::object_store`] behaves as a bucket does: no appending, no directories, renaming by copying,
//! uploads in parts of a minimum size, updates by version. It counts the requests that a real one would have
//! answered, so that a test can hold the registry to a budget.
//!
//! What this crate deliberately does not do: bound its memory, or keep anything beyond the process.
//!
//! # In the configuration

#![doc = include_str!("docs.md")]

mod content;
mod driver;
mod factory;
mod object_store;
mod tree;
mod writer;

pub use driver::InMemoryDriver;
pub use factory::InMemoryFactory;
pub use object_store::{ObjectStoreDriver, ObjectStoreOptions, OperationCounts};
