//! The storage core of the Hythe registry over any storage driver.
//!
//! [`Registry`] is a [`Namespace`](hythe_distribution::Namespace) that keeps everything through one
//! [`StorageDriver`](hythe_driver::StorageDriver), in the layout of distribution v3: what either registry wrote
//! the other serves. [`Layout`] has every key.
//!
//! # What it promises
//! * Content is stored by its digest and verified before it becomes visible.
//! * Data first, then the link, then clean-up. A crash, a failed call or a dropped future at any point leaves
//!   at worst content without a link or a session to be purged, never a link to what was not stored.
//! * A manifest is linked after everything it refers to was found stored, and found by its subject at the
//!   latest when it is linked.
//! * What was acknowledged survives a power failure.
//! * A cache may describe content to readers; it never proves that content is there.
//!
//! # Map
//! | Module | Verb |
//! |---|---|
//! | `layout` | names every key |
//! | `links` | makes, reads, removes and lists links: the only code that does |
//! | `gate` | the one place before every decision that relies on stored content |
//! | `statters` | the one place where descriptor lookups are stacked |
//! | `blob_store` | content by digest, for all repositories |
//! | `linked_blob_store`, `mount` | the blobs of a repository |
//! | `upload` | sessions: opened, written, committed, purged |
//! | `manifest_store`, `manifest_verify` | the manifests of a repository, and what they may refer to |
//! | `manifest_cache` | manifests that were read lately |
//! | `tag_store`, `catalog`, `referrers` | names, lists and back references |
//!
//! # How the parts agree
//! * The shared `Core` holds driver, layout and options. Parts are functions over `&Core` and a repository name,
//!   or thin values that hold an `Arc<Core>` and implement an interface.
//! * Driver errors are translated where they occur (`error`), never by `?`.
//! * `gate::claim` before relying on content, with what is going to rest on it; `links::make` after.
//! * `referrers::index` is called for every manifest before it is linked, so an entry may stand for a manifest
//!   that is not (yet, or any more) a revision: `referrers::query` leaves such entries out.
//! * `manifest_verify::verify` is called before anything of a manifest is stored.
//!
//! It does not know: HTTP, configuration files, any particular driver, files or sockets.

mod blob_store;
mod catalog;
mod core;
mod error;
mod gate;
mod layout;
mod linked_blob_store;
mod links;
mod manifest_cache;
mod manifest_store;
mod manifest_verify;
mod mount;
mod options;
mod referrers;
mod registry;
mod repository;
mod statters;
mod tag_store;
mod upload;

pub use crate::layout::Layout;
pub use crate::manifest_verify::{
    ImageBlobs, ImagePlatform, IndexPlatforms, InvalidExpression, UrlSettings, ValidationRules,
    ValidationSettings,
};
pub use crate::options::{Clock, RegistryOptions, SystemClock};
pub use crate::registry::Registry;
pub use crate::upload::purge;
