//! Registries whose data are in a cloud's bucket: what can be seen there, and only there.
//!
//! | Module | Command | What it answers |
//! |---|---|---|
//! | [`calls`] | `calls` | How many calls to the storage does a push take, and a pull, beside the original? |
//! | [`replicas`] | `replicas` | Can every request of a push go to another registry on the same bucket? |
//! | [`killed`] | `killed` | What is left of pushes that were cut off, after a purge? |
//! | [`two_way`] | `bucket-two-way` | Can Hythe and distribution take turns on one bucket? |
//! | [`faults`] | `faults` | Does a client notice that each request to the storage fails once? |
//! | [`large`] | `large` | How much memory does a layer of many GiB take? |
//!
//! The bucket is looked at through the storage's own interface ([`Backend`]), with requests signed here, so that a mistake
//! in a driver cannot hide itself.

mod backend;
pub mod calls;
pub mod faults;
mod image;
pub mod killed;
pub mod large;
mod objects;
pub mod replicas;
mod signing;
pub mod two_way;

pub use self::backend::{Backend, Cloud};
