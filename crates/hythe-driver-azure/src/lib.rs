#![doc = include_str!("docs.md")]

mod blocks;
mod body;
mod client;
mod connection_string;
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
mod retry;
mod sas;
mod shared_key;
mod signer;
mod stat;
mod store;
mod transport;

pub use driver::AzureDriver;
pub use error::SetupError;
pub use factory::AzureFactory;
pub use parameters::{AzureParameters, Credentials, ParametersError};
