//! Access control by a htpasswd file: who is in it, with the right password, may do everything.
//!
//! [`HtpasswdController`] is an [`hythe_auth::AccessController`]. It reads `name:hash` lines with bcrypt hashes, as
//! `htpasswd -B` writes them, notices within a second when the file changes, and makes a file with one random
//! password when there is none (`contract` of distribution's provider of that name).
//!
//! The hard decision is what a password check may cost. One of bcrypt's cost 10 takes some 70 ms of a core, and
//! clients send their password with every request. So a password that was right is remembered for a minute under a
//! keyed hash that only this process can make; checks run on threads that may block, no more at once than there are
//! processors; an address whose logins keep failing has to wait; and a name that does not exist costs as much time as
//! one that does, so that nobody learns names by the clock.
//!
//! What this crate deliberately does not know: repositories and actions, TLS, where the configuration comes from.

mod attempts;
mod controller;
mod credentials;
mod file;
mod parameters;
mod provision;
mod remembered;
mod source;
mod verify;

pub use controller::HtpasswdController;
pub use parameters::{HtpasswdParameters, ParametersError};
pub use source::SetupError;
