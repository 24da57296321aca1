//! Recording every change of the file system, and what a power failure could leave of it.
//!
//! A test gives a [`Recorder`] to [`crate::FilesystemDriver::recorded`], calls
//! [`Recorder::acknowledge`] whenever somebody is told that something is done, and then looks at every
//! [`Outcome`] of [`power_failures`]: what could be on the disk if the power failed after any of the recorded
//! operations. Nothing that was acknowledged by then may be missing.
//!
//! The model is harsher than any file system in use: what was not synced may be there or not, operation by
//! operation, except that two operations on the same name or the same file keep their order and that a rename
//! happens in both directories or in neither.

mod disk;
mod outcome;
mod recorder;

pub use crate::operation::{FileHandle, Operation};
pub use outcome::{Outcome, power_failures};
pub use recorder::Recorder;
