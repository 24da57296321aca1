//! An imitated object store, and a driver on it that knows only its requests.

mod backend;
mod bucket;
mod counts;
mod driver;
mod options;

pub use counts::OperationCounts;
pub use driver::ObjectStoreDriver;
pub use options::ObjectStoreOptions;
