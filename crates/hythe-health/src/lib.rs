//! Health checks: what is looked at, how often, and after how many failures it counts as down.
//!
//! A [`Health`] is a set of named [`Check`]s, each with a [`Schedule`]. [`Health::run`] looks at all of them in the
//! background, and [`Health::failing`] tells at any moment which are down and why; it waits for nothing. Here are the
//! checks of distribution's section `health`: that a file does *not* exist ([`FileCheck`]), that an HTTP server answers
//! ([`HttpCheck`]), that a TCP port takes connections ([`TcpCheck`]). Others implement [`Check`].
//!
//! The hard decision is what a failing check may do. In distribution it turns every request into a 503, those that
//! could have been served included, so that a short trouble of one backend takes the whole registry out of service.
//! Here a set of checks knows nothing of requests: it only tells, in the log when a check changes sides and through
//! [`Health::failing`] to whoever asks.
//!
//! What this crate deliberately does not know: storage, the registry's requests, the form in which health is reported.
//!
//! ```
//! use std::time::Duration;
//!
//! use hythe_health::{FileCheck, Health, Schedule};
//!
//! let mut health = Health::default();
//! let schedule = Schedule { interval: Duration::from_secs(10), threshold: 3 };
//! health.add("/run/maintenance", FileCheck::new("/run/maintenance"), schedule)?;
//! assert!(health.failing().is_empty(), "nothing has been looked at yet");
//! # Ok::<(), hythe_health::Error>(())
//! ```

mod check;
mod checks;
mod error;
mod health;
mod state;

pub use check::{Check, Down};
pub use checks::{FileCheck, HttpCheck, HttpCheckOptions, TcpCheck};
pub use error::Error;
pub use health::{Health, Schedule};
