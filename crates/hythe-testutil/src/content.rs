//! Blobs and manifests as a client would make them (OCI image specification; Docker image manifest V2, schema 2).
//!
//! The builders write what they are told, also what no registry may accept; a test decides what is right.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::digest::Algorithm;

/// Media types that tests need by name.
pub mod media_type {
    /// OCI image manifest.
    pub const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image configuration.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, uncompressed.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// OCI layer, gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// OCI layer that need not be pushed, uncompressed.
    pub const OCI_LAYER_NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    /// OCI layer that need not be pushed, gzip.
    pub const OCI_LAYER_NONDISTRIBUTABLE_GZIP: &str =
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    /// The empty JSON document as a configuration or layer of an artifact.
    pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// Docker image manifest, schema 2.
    pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image configuration.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker layer, gzip.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker layer that is fetched from elsewhere.
    pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    /// Bytes without a type.
    pub const OCTET_STREAM: &str = "application/octet-stream";
}

/// Bytes with their media type and digest: a blob or a manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    /// What `Content-Type` and the descriptor say.
    pub media_type: String,
    /// The digest that a client would address it by.
    pub digest: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl Content {
    /// Content addressed by a digest of the given algorithm.
    pub fn new(media_type: &str, bytes: impl Into<Bytes>, algorithm: Algorithm) -> Self {
        let bytes = bytes.into();
        Self {
            media_type: media_type.to_owned(),
            digest: algorithm.digest(&bytes),
            bytes,
        }
    }

    /// A blob without a type, addressed by sha256.
    pub fn blob(bytes: impl Into<Bytes>) -> Self {
        Self::new(media_type::OCTET_STREAM, bytes, Algorithm::Sha256)
    }

    /// The empty JSON document, `{}`, which artifacts use where they have nothing to say.
    pub fn empty_json(algorithm: Algorithm) -> Self {
        Self::new(media_type::OCI_EMPTY, Bytes::from_static(b"{}"), algorithm)
    }

    /// An image configuration for a platform, distinct for each `salt`.
    pub fn config(os: &str, architecture: &str, salt: u64, algorithm: Algorithm) -> Self {
        let config = json!({
            "os": os,
            "architecture": architecture,
            "config": { "Labels": { "salt": salt.to_string() } },
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        Self::new(media_type::OCI_CONFIG, config.to_string(), algorithm)
    }

    /// Number of bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The descriptor that refers to it (OCI image specification, descriptor).
    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.size() })
    }

    /// The descriptor with one more member, for instance `platform` or `data`.
    pub fn descriptor_with(&self, name: &str, value: Value) -> Value {
        let mut descriptor = self.descriptor();
        descriptor[name] = value;
        descriptor
    }
}

/// Writes an image manifest, which is also how artifacts are written.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    media_type: String,
    members: Map<String, Value>,
    layers: Vec<Value>,
}

impl ImageBuilder {
    /// An OCI image manifest.
    pub fn oci() -> Self {
        Self::with_media_type(media_type::OCI_IMAGE)
    }

    /// A Docker image manifest, schema 2.
    pub fn docker() -> Self {
        Self::with_media_type(media_type::DOCKER_IMAGE)
    }

    fn with_media_type(media_type: &str) -> Self {
        let mut members = Map::new();
        members.insert("schemaVersion".to_owned(), json!(2));
        members.insert("mediaType".to_owned(), json!(media_type));
        Self {
            media_type: media_type.to_owned(),
            members,
            layers: Vec::new(),
        }
    }

    /// The configuration's descriptor.
    #[must_use]
    pub fn config(self, descriptor: Value) -> Self {
        self.member("config", descriptor)
    }

    /// One more layer.
    #[must_use]
    pub fn layer(mut self, descriptor: Value) -> Self {
        self.layers.push(descriptor);
        self
    }

    /// What kind of artifact this is.
    #[must_use]
    pub fn artifact_type(self, artifact_type: &str) -> Self {
        self.member("artifactType", json!(artifact_type))
    }

    /// The manifest this one refers to.
    #[must_use]
    pub fn subject(self, descriptor: Value) -> Self {
        self.member("subject", descriptor)
    }

    /// One more annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        annotate(&mut self.members, name, value);
        self
    }

    /// Any member, also one that no specification knows.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// The manifest, addressed by sha256.
    pub fn build(self) -> Content {
        self.build_with(Algorithm::Sha256)
    }

    /// The manifest, addressed by a digest of the given algorithm.
    pub fn build_with(mut self, algorithm: Algorithm) -> Content {
        self.members
            .insert("layers".to_owned(), Value::Array(self.layers));
        Content::new(
            &self.media_type,
            Value::Object(self.members).to_string(),
            algorithm,
        )
    }
}

/// Writes an image index or a Docker manifest list.
#[derive(Clone, Debug)]
pub struct IndexBuilder {
    media_type: String,
    members: Map<String, Value>,
    manifests: Vec<Value>,
}

impl IndexBuilder {
    /// An OCI image index.
    pub fn oci() -> Self {
        Self::with_media_type(media_type::OCI_INDEX)
    }

    /// A Docker manifest list.
    pub fn docker() -> Self {
        Self::with_media_type(media_type::DOCKER_LIST)
    }

    fn with_media_type(media_type: &str) -> Self {
        let mut members = Map::new();
        members.insert("schemaVersion".to_owned(), json!(2));
        members.insert("mediaType".to_owned(), json!(media_type));
        Self {
            media_type: media_type.to_owned(),
            members,
            manifests: Vec::new(),
        }
    }

    /// One more child, as it is described.
    #[must_use]
    pub fn manifest(mut self, descriptor: Value) -> Self {
        self.manifests.push(descriptor);
        self
    }

    /// One more child, for a platform.
    #[must_use]
    pub fn platform(self, child: &Content, os: &str, architecture: &str) -> Self {
        let platform = json!({ "os": os, "architecture": architecture });
        self.manifest(child.descriptor_with("platform", platform))
    }

    /// What kind of artifact this is.
    #[must_use]
    pub fn artifact_type(self, artifact_type: &str) -> Self {
        self.member("artifactType", json!(artifact_type))
    }

    /// The manifest this one refers to.
    #[must_use]
    pub fn subject(self, descriptor: Value) -> Self {
        self.member("subject", descriptor)
    }

    /// One more annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        annotate(&mut self.members, name, value);
        self
    }

    /// Any member, also one that no specification knows.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// The index, addressed by sha256.
    pub fn build(self) -> Content {
        self.build_with(Algorithm::Sha256)
    }

    /// The index, addressed by a digest of the given algorithm.
    pub fn build_with(mut self, algorithm: Algorithm) -> Content {
        self.members
            .insert("manifests".to_owned(), Value::Array(self.manifests));
        Content::new(
            &self.media_type,
            Value::Object(self.members).to_string(),
            algorithm,
        )
    }
}

fn annotate(members: &mut Map<String, Value>, name: &str, value: &str) {
    let annotations = members.entry("annotations").or_insert_with(|| json!({}));
    annotations[name] = json!(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_names_its_config_and_layers() {
        let config = Content::config("linux", "amd64", 1, Algorithm::Sha256);
        let layer = Content::blob("layer");
        let image = ImageBuilder::oci()
            .config(config.descriptor())
            .layer(layer.descriptor())
            .annotation("a", "1")
            .annotation("b", "2")
            .build();
        let parsed: Value = serde_json::from_slice(&image.bytes).unwrap();
        assert_eq!(parsed["config"]["digest"], json!(config.digest));
        assert_eq!(parsed["layers"][0]["size"], json!(5));
        assert_eq!(parsed["annotations"], json!({ "a": "1", "b": "2" }));
        assert_eq!(image.media_type, media_type::OCI_IMAGE);
    }

    #[test]
    fn an_index_without_children_has_an_empty_list() {
        let parsed: Value = serde_json::from_slice(&IndexBuilder::oci().build().bytes).unwrap();
        assert_eq!(parsed["manifests"], json!([]));
    }
}
