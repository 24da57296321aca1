//! An imitated object store, and a driver on it that knows only its requests.

mod backend;
mod bucket;
mod counts;
mod driver;

pub use counts::OperationCounts;
pub use driver::{ObjectStoreDriver, ObjectStoreOptions};
