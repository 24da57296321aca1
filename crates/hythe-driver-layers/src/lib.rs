//! Storage drivers around storage drivers.
//!
//! A layer is a driver that passes every call to another one and does something beside it: [`Instrumented`] reports
//! it, [`Throttled`] bounds how many run at once, [`Redirected`] hands out other addresses for clients ([`BaseUrl`] and
//! [`Rewrite`] say which), and for tests (feature `testing`) `Faulty` makes the n-th call fail and `Counting` counts.
//!
//! The hard decision is that forwarding is written once. A layer is a [`Policy`], which sees each call as a future to
//! run; [`Layered`] is the one driver that forwards all methods, those of writers included, so a new method of the
//! contract cannot be forgotten in one layer of many.
//!
//! What this crate deliberately does not know: any backend, and what its observer does with what it is told.

#![doc = include_str!("docs.md")]

mod action;
mod base_url;
#[cfg(feature = "testing")]
mod counting;
#[cfg(feature = "testing")]
mod faulty;
mod instrumented;
mod layered;
mod options;
mod policy;
mod redirected;
mod rewrite;
mod throttled;

pub use action::Action;
pub use base_url::BaseUrl;
#[cfg(feature = "testing")]
pub use counting::{Counting, CountingPolicy};
#[cfg(feature = "testing")]
pub use faulty::{Effect, Fault, Faulty, FaultyPolicy};
pub use instrumented::{InstrumentPolicy, Instrumented, LogObserver, Observation, Observer};
pub use layered::Layered;
pub use options::OptionError;
pub use policy::{Call, Policy};
pub use redirected::{Redirected, RedirectorPolicy};
pub use rewrite::Rewrite;
pub use throttled::{MINIMUM_CONCURRENT_CALLS, ThrottlePolicy, Throttled};
