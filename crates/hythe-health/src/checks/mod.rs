//! The checks of distribution, under whose messages they fail.

mod file;
mod http;
mod tcp;

pub use file::FileCheck;
pub use http::{HttpCheck, HttpCheckOptions};
pub use tcp::TcpCheck;
