//! Files sent by hyper over this crate's connections, to clients of all kinds.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod aborts;
mod answers;
mod cold;
mod server;
mod short_files;
