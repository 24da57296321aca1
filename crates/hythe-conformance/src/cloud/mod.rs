//! Registries whose data are in a cloud's bucket: what can be seen there, and only there.
//!
//! | Module | Command | What it answers |
//! |---|---|---|
//! | [`calls`] | `calls` | How many calls to the storage does a push take, and a pull, beside the original? |
//! | [`replicas`] | `replicas` | Can every request of a push go to another registry on the same bucket? |
//!
//! The bucket is looked at through the storage's own interface ([`Backend`]), with requests signed here, so that a mistake
//! in a driver cannot hide itself.

mod backend;
pub mod calls;
mod image;
mod objects;
pub mod replicas;
mod signing;

pub use self::backend::{Backend, Cloud};
