//! One file a command.

pub(crate) mod serve;
pub(crate) mod storage_check;
