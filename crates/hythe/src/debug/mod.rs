//! The debug listener (`http.debug`): health and metrics, on an address of its own, in clear text and open to all
//! who reach it, as in the original.
//!
//! It is apart from [`crate::edge`]: what is asked here are a few short pages, by probes and collectors, and they must
//! be answered whatever the registry is busy with, to the very end of the process.

mod pages;
mod server;

pub(crate) use pages::{MetricsPage, Pages};
pub(crate) use server::DebugServer;
