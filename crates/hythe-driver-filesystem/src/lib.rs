#![doc = include_str!("docs.md")]

mod delete;
mod driver;
mod error;
mod factory;
mod list;
mod operation;
mod os;
mod parameters;
mod put;
mod reader;
mod rename;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod unsynced;
mod writer;

pub use driver::FilesystemDriver;
pub use error::SetupError;
pub use factory::FilesystemFactory;
pub use parameters::{FilesystemParameters, ParametersError};
