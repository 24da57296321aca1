//! The Hythe container registry: the program that puts the parts together.
//!
//! Everything below it is a library. This crate alone names concrete drivers and caches, reads files and the
//! environment, and has cargo features: one for each driver and cache. [`compose`] is the only place that knows
//! everybody.

mod access;
mod authorities;
mod caches;
mod cli;
mod command;
mod compose;
mod debug;
mod drivers;
mod edge;
mod health;
mod load;
mod logging;
mod metrics;
mod middlewares;
mod reload;
mod shutdown;
mod tls;
mod welcome;

use std::process::ExitCode;

/// The allocator of musl has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
