#![doc = include_str!("docs.md")]

mod client;
mod copy;
mod credentials;
mod delete;
mod driver;
mod error;
mod factory;
mod list;
mod multipart;
mod parameters;
mod put;
mod read;
mod redirect;
mod resource;
mod session;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod upload;

pub use client::RetryPolicy;
pub use driver::GcsDriver;
pub use error::SetupError;
pub use factory::GcsFactory;
pub use parameters::{CredentialSource, GcsParameters, ParametersError};
