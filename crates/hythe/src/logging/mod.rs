//! Logs: the application's on standard error, the access log on standard output.
//!
//! Lines are handed to one writing thread through a bounded queue, so that a slow terminal or pipe never holds up
//! a request. When the queue is full lines are counted and left out, and the count is logged.

mod access;
mod format;
mod layer;
mod level;
mod lines;

pub(crate) use access::AccessLog;
pub(crate) use format::Formatter;
pub(crate) use layer::{LogSettings, start};
pub(crate) use level::{LevelReload, SharedLevel};
pub(crate) use lines::LineWriter;
