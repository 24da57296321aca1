//! Storage in memory for the Hythe registry: for trying it out, and for tests.
//!
//! [`InMemoryDriver::new`] behaves as a file system does: it appends, renames and keeps directories. Everything
//! is one tree under one lock that is never held while waiting.
//!
//! What this crate deliberately does not do: bound its memory, or keep anything beyond the process.

mod content;
mod driver;
mod factory;
mod tree;
mod writer;

pub use driver::InMemoryDriver;
pub use factory::InMemoryFactory;
