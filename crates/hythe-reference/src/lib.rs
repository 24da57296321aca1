//! Names of a container registry: repositories, tags and references.
//!
//! A [`RepositoryName`] says where content lives, a [`Tag`] is a movable name for a manifest in it, and a
//! [`Reference`] is either a tag or a digest. All three can only be built valid, so code below the edge of a
//! program never checks them again: in particular no name can leave its folder in a storage tree.
//!
//! The grammar is that of the [OCI distribution specification, Pulling manifests][spec], and not the looser
//! one of distribution v3, whose names may begin with a registry host. The matchers are written by hand:
//! they are linear in the length of their input and can say what is wrong with it.
//!
//! This crate does not know of registry hosts, default domains or `docker.io/library`; a server is only ever
//! asked for the path.
//!
//! [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests

mod name;
mod reference;
mod tag;

pub use crate::name::{MAX_NAME_BYTES, NameError, RepositoryName};
pub use crate::reference::{Reference, ReferenceError};
pub use crate::tag::{MAX_TAG_BYTES, Tag, TagError};
