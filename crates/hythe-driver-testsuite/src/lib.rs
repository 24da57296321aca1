//! One behaviour suite for every storage driver of the Hythe registry, and for every layer around one.
//!
//! Each behaviour is one function that gets a fresh, empty store and panics when the driver does not behave. The
//! first of them are the cases of distribution's own suite; the others follow the sentences of the contract's
//! documentation. What a driver cannot do, by its [`hythe_driver::Capabilities`], is left out with a line that
//! says so.
//!
//! ```text
//! hythe_driver_testsuite::driver_suite!(async || Fixture::new(MyDriver::new(), MyDriver::new()));
//! ```
//!
//! What this crate deliberately does not do: measure, or reach into a backend behind the driver's back.

#![allow(clippy::unwrap_used, reason = "a behaviour suite panics by design")]

mod commits;
mod concurrency;
mod conditional_puts;
mod contended;
mod deleting;
mod fixture;
mod listing;
mod paths;
mod reading;
mod renaming;
mod resuming;
mod sample;
mod small_files;
mod suite;
mod walking;
mod writing;

pub use fixture::{Fixture, run};

/// The behaviours, for [`driver_suite!`].
pub mod behaviours {
    pub use crate::commits::*;
    pub use crate::concurrency::*;
    pub use crate::conditional_puts::*;
    pub use crate::contended::*;
    pub use crate::deleting::*;
    pub use crate::listing::*;
    pub use crate::paths::*;
    pub use crate::reading::*;
    pub use crate::renaming::*;
    pub use crate::resuming::*;
    pub use crate::small_files::*;
    pub use crate::walking::*;
    pub use crate::writing::*;
}
