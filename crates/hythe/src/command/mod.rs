//! One file a command.

pub(crate) mod config;
pub(crate) mod registry;
pub(crate) mod serve;
pub(crate) mod storage_check;
