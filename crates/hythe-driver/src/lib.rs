//! The storage driver contract of the Hythe registry.
//!
//! A [`StorageDriver`] keeps named byte sequences: on a disk, in memory, in a bucket. Everything the registry
//! stores goes through this trait, and nothing in it knows what a registry is: no digests, no repositories.
//!
//! The hard decision is how an upload is written. An object store can neither append nor rename, so the
//! contract does not pretend that it can. A [`FileWriter`] takes batches, and then either *suspends* (what was
//! written is kept and a [`ResumeToken`] says where), *commits to a destination* (the content becomes visible
//! there at once, whole) or is *cancelled*. Each of the three consumes the writer, so that using it afterwards
//! does not compile.
//!
//! The trait has few methods and no defaults: a default method in a wrapper silently bypasses what it wraps.
//! Whatever can be expressed through the required methods is a free function ([`walk_by_listing`]). What all object
//! stores have in common is in [`objects`] (directories) and [`multipart`] (uploads).
//!
//! What this crate deliberately does not know: any runtime, any file or network call, any backend's name.

mod capabilities;
mod driver;
mod error;
mod factory;
mod info;
pub mod multipart;
pub mod objects;
mod path;
mod put;
mod read;
mod redirect;
mod redirector;
mod walk;
mod writer;

pub use capabilities::Capabilities;
pub use driver::StorageDriver;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use factory::{DriverFactories, DriverFactory, FactoryError, ParameterProblem, Parameters};
pub use info::{FileInfo, FileKind, Version};
pub use path::{DriverPath, InvalidPath};
pub use put::{PutMode, PutOptions};
pub use read::{ByteStream, Content, FileRange, Read, ReadRange, collect};
pub use redirect::RedirectRequest;
pub use redirector::Redirector;
pub use walk::{ListOptions, WalkControl, WalkOptions, WalkVisitor, compare_siblings, walk_by_listing};
pub use writer::{CommitOptions, FileWriter, ResumeToken, WriterMode};
