#![doc = include_str!("docs.md")]

mod backend;
mod client;
mod conditions;
mod connector;
mod copy;
mod credentials;
mod delete;
mod driver;
mod error;
mod factory;
mod head;
mod interceptors;
mod list;
mod parameters;
mod put;
mod reader;
#[cfg(test)]
mod recording;
mod redirect;
mod retry;
mod upload;

pub use driver::S3Driver;
pub use error::SetupError;
pub use factory::S3Factory;
pub use parameters::{ParametersError, Role, S3Parameters, StaticCredentials};
