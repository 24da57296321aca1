//! A client program that checks a registry against the OCI distribution specification, compares two registries answer by
//! answer, and moves data between Hythe and distribution.
//!
//! It knows a registry only by what any client can see: HTTP, the files in its storage folder, and its command line. It
//! shares no code with the registry, see `hythe-testutil`. So it can be run against any registry, and running it against
//! distribution, whose behaviour is known, checks the program itself.
//!
//! | Module | Command | What it answers |
//! |---|---|---|
//! | [`suite`], [`groups`] | `check` | Does the registry do what the specification says, and refuse what it must? |
//! | [`diff`] | `diff` | Where do two registries answer differently, and is each difference wanted? |
//! | [`operations`] | `operations` | Do metrics, health and logs look the same to an operator? |
//! | [`two_way`] | `two-way` | Can Hythe and distribution take turns on one storage folder? |
//! | [`cloud`] | `calls`, `replicas`, `killed`, `bucket-two-way`, `large` | What does it do to a cloud's storage that holds its data? |
//! | [`crash`] | `crash` | Is what was answered 201 there after the registry was killed? |

mod blob;
pub mod cloud;
mod context;
pub mod crash;
pub mod diff;
pub mod failure;
pub mod groups;
mod item;
mod manifest;
pub mod operations;
pub mod report;
pub mod suite;
mod text;
pub mod two_way;
mod upload;

pub use crate::context::Context;
pub use crate::failure::{Failure, Outcome};
pub use crate::report::Report;
pub use crate::suite::{Group, Plan, Scope};
