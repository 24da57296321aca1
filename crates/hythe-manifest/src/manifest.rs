use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};

use crate::{Dependency, Descriptor, MediaType};

/// A manifest: the bytes that were pushed, and what they mean.
///
/// Clones share both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    media_type: MediaType,
    bytes: Bytes,
    parsed: Arc<ParsedManifest>,
}

/// What a registry has to know about a manifest, whatever its type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedManifest {
    /// Whether it describes one image (or artifact) or a list of manifests.
    pub kind: ManifestKind,
    /// `schemaVersion`, which is 2 for every type that is served today.
    pub schema_version: u32,
    /// What kind of artifact it is: its `artifactType`, else the media type of the config of an image.
    ///
    /// This is what the [referrers API][spec] filters by. Empty text counts as none.
    ///
    /// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    pub artifact_type: Option<String>,
    /// `annotations` of the manifest itself.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that this one says something about. It need not exist.
    pub subject: Option<Descriptor>,
    /// The configuration of an image.
    pub config: Option<Descriptor>,
    /// The layers of an image, lowest first.
    pub layers: Vec<Descriptor>,
    /// The children of an index.
    pub manifests: Vec<Descriptor>,
}

/// The two shapes of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// One image or artifact: config and layers.
    Image,
    /// A list of manifests.
    Index,
}

impl Manifest {
    /// A manifest of bytes that somebody read already; [`crate::ManifestTypes::parse`] is the usual way.
    pub fn new(media_type: MediaType, bytes: Bytes, parsed: ParsedManifest) -> Manifest {
        Manifest {
            media_type,
            bytes,
            parsed: Arc::new(parsed),
        }
    }

    /// The media type to serve it as.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The bytes exactly as they were pushed.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The number of bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// What the bytes mean.
    pub fn parsed(&self) -> &ParsedManifest {
        &self.parsed
    }

    /// The digest of the bytes. It is computed anew each time.
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        Digest::of(algorithm, &self.bytes)
    }

    /// What the manifest depends on, see [`ParsedManifest::dependencies`].
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.parsed.dependencies()
    }

    /// The descriptor of this manifest in a list of referrers: with its annotations and artifact type.
    ///
    /// `digest` is the one that the manifest is stored by ([OCI distribution specification, Listing
    /// Referrers][spec]).
    ///
    /// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    pub fn referrer_descriptor(&self, digest: Digest) -> Descriptor {
        let mut descriptor = Descriptor::new(Some(self.media_type.clone()), digest, self.size());
        descriptor.annotations.clone_from(&self.parsed.annotations);
        descriptor.artifact_type.clone_from(&self.parsed.artifact_type);
        descriptor
    }
}

impl ParsedManifest {
    /// A manifest that refers to nothing.
    pub fn new(kind: ManifestKind) -> ParsedManifest {
        ParsedManifest {
            kind,
            schema_version: 2,
            artifact_type: None,
            annotations: BTreeMap::new(),
            subject: None,
            config: None,
            layers: Vec::new(),
            manifests: Vec::new(),
        }
    }

    /// An image that does not say what kind of artifact it is, is of the kind of its config.
    pub(crate) fn use_config_as_artifact_type(&mut self) {
        if self.artifact_type.is_none() {
            let media_type = self.config.as_ref().and_then(|config| config.media_type.as_ref());
            self.artifact_type = media_type.map(|media_type| media_type.as_str().to_owned());
        }
    }

    /// What must be there for the manifest to be usable: config and layers of an image, children of an
    /// index. The subject is not among them.
    ///
    /// Content that is named twice appears twice.
    pub fn dependencies(&self) -> Vec<Dependency> {
        let blobs = self.config.iter().chain(&self.layers).map(Dependency::on_blob);
        blobs
            .chain(self.manifests.iter().map(Dependency::on_manifest))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_is_described_with_artifact_type_and_annotations() {
        let mut parsed = ParsedManifest::new(ManifestKind::Image);
        parsed.artifact_type = Some("application/example".to_owned());
        parsed.annotations.insert("key".to_owned(), "value".to_owned());
        let manifest = Manifest::new(MediaType::OCI_MANIFEST, Bytes::from_static(b"{}"), parsed);

        let digest = manifest.digest(Algorithm::Sha512);
        let descriptor = manifest.referrer_descriptor(digest);
        assert_eq!(descriptor.digest, Digest::of(Algorithm::Sha512, b"{}"));
        assert_eq!(descriptor.size, 2);
        assert!(descriptor.is("application/vnd.oci.image.manifest.v1+json"));
        assert_eq!(descriptor.artifact_type.as_deref(), Some("application/example"));
        assert_eq!(descriptor.annotations["key"], "value");
    }
}
