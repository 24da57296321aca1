//! Recording every change of the file system, and what a power failure could leave of it.

mod recorder;

pub use crate::operation::{FileHandle, Operation};
pub use recorder::Recorder;
