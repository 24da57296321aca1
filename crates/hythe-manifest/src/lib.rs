//! Descriptors, media types and manifests of a container registry.
//!
//! A manifest is two things at once: the bytes that somebody pushed, which are its identity and are kept
//! verbatim, and what a registry has to know about them. [`Manifest`] holds both. What is known is the same
//! for every type: a [`ParsedManifest`] with descriptors of config, layers, children and subject.
//!
//! Types are not a closed enum. A [`ManifestTypes`] table is given to a registry when it is built; it has
//! the four types of distribution v3 ([`OciManifest`], [`OciIndex`], [`DockerManifest`],
//! [`DockerManifestList`]), and a program that reuses these crates adds its own by implementing
//! [`ManifestType`]. An OCI artifact is an OCI image manifest with an `artifactType`.
//!
//! The hard decision is how to read JSON. Member names match case-insensitively, the last duplicate wins,
//! unknown members are ignored and `null` is as good as nothing, because that is how Go's decoder, and
//! therefore distribution v3, reads what clients have pushed for ten years. Where this crate differs, it
//! refuses with a clear error what distribution stores or answers with an internal error.
//!
//! It does not know where blobs are: [`ParsedManifest::dependencies`] says what must be there, a storage
//! checks it.
//!
//! ```
//! use hythe_digest::Digest;
//! use hythe_manifest::{Descriptor, ImageBuilder, ManifestTypes, MediaType};
//!
//! let config = Descriptor::new(Some(MediaType::OCI_CONFIG), Digest::sha256(b"{}"), 2);
//! let manifest = ImageBuilder::new(config).annotation("org.example.key", "value").build();
//!
//! let types = ManifestTypes::standard();
//! let parsed = types.parse("application/vnd.oci.image.manifest.v1+json", manifest.bytes().clone())?;
//! assert_eq!(parsed, manifest);
//! # Ok::<(), hythe_manifest::ManifestError>(())
//! ```

mod builder;
mod dependency;
mod descriptor;
mod docker;
mod document;
mod error;
mod json;
mod manifest;
mod media_type;
mod oci;
mod types;

pub use crate::builder::{DockerManifestBuilder, DockerManifestListBuilder, ImageBuilder, IndexBuilder};
pub use crate::dependency::{Dependency, DependencyTarget, Presence};
pub use crate::descriptor::{Descriptor, Platform};
pub use crate::docker::{DockerManifest, DockerManifestList};
pub use crate::error::ManifestError;
pub use crate::manifest::{Manifest, ManifestKind, ParsedManifest};
pub use crate::media_type::{MediaType, MediaTypeError, media_types};
pub use crate::oci::{OciIndex, OciManifest};
pub use crate::types::{ManifestType, ManifestTypes};

/// The largest manifest that is read, in bytes.
///
/// The [OCI distribution specification, Pushing manifests][spec], asks registries to take at least 4 MiB;
/// distribution v3 takes exactly that.
///
/// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
