//! Builders for the standard types: what they make, the parser reads back.
//!
//! The JSON is compact, its members stand in the order of the specifications, and annotations are sorted,
//! so equal inputs give equal bytes and equal digests.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use crate::{Descriptor, Manifest, ManifestKind, MediaType, ParsedManifest};

/// Makes an OCI image manifest, which is also what an artifact is.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    config: Descriptor,
    layers: Vec<Descriptor>,
    artifact_type: Option<MediaType>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

/// Makes an OCI image index.
#[derive(Clone, Debug, Default)]
pub struct IndexBuilder {
    manifests: Vec<Descriptor>,
    artifact_type: Option<MediaType>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

/// Makes a Docker image manifest, version 2, schema 2.
#[derive(Clone, Debug)]
pub struct DockerManifestBuilder {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// Makes a Docker manifest list.
#[derive(Clone, Debug, Default)]
pub struct DockerManifestListBuilder {
    manifests: Vec<Descriptor>,
}

/// All members of the standard types, in the order of the OCI image specification.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    media_type: &'a MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a MediaType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<&'a [Descriptor]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifests: Option<&'a [Descriptor]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

impl ImageBuilder {
    /// An image with a config and no layers.
    pub fn new(config: Descriptor) -> ImageBuilder {
        ImageBuilder {
            config,
            layers: Vec::new(),
            artifact_type: None,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Adds a layer above the others.
    #[must_use]
    pub fn layer(mut self, layer: Descriptor) -> ImageBuilder {
        self.layers.push(layer);
        self
    }

    /// Adds layers above the others.
    #[must_use]
    pub fn layers(mut self, layers: impl IntoIterator<Item = Descriptor>) -> ImageBuilder {
        self.layers.extend(layers);
        self
    }

    /// Says what kind of artifact it is.
    #[must_use]
    pub fn artifact_type(mut self, artifact_type: MediaType) -> ImageBuilder {
        self.artifact_type = Some(artifact_type);
        self
    }

    /// Says what manifest this one is about.
    #[must_use]
    pub fn subject(mut self, subject: Descriptor) -> ImageBuilder {
        self.subject = Some(subject);
        self
    }

    /// Adds an annotation; one of the same key is replaced.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> ImageBuilder {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// The manifest.
    pub fn build(self) -> Manifest {
        let media_type = MediaType::OCI_MANIFEST;
        let bytes = write(&Document {
            artifact_type: self.artifact_type.as_ref(),
            config: Some(&self.config),
            layers: Some(&self.layers),
            subject: self.subject.as_ref(),
            ..Document::new(&media_type, &self.annotations)
        });
        let mut parsed = ParsedManifest::new(ManifestKind::Image);
        parsed.artifact_type = self.artifact_type.map(String::from);
        parsed.config = Some(self.config);
        parsed.layers = self.layers;
        parsed.subject = self.subject;
        parsed.annotations = self.annotations;
        parsed.use_config_as_artifact_type();
        Manifest::new(media_type, bytes, parsed)
    }
}

impl IndexBuilder {
    /// An index without children.
    pub fn new() -> IndexBuilder {
        IndexBuilder::default()
    }

    /// Adds a child behind the others.
    #[must_use]
    pub fn manifest(mut self, manifest: Descriptor) -> IndexBuilder {
        self.manifests.push(manifest);
        self
    }

    /// Adds children behind the others.
    #[must_use]
    pub fn manifests(mut self, manifests: impl IntoIterator<Item = Descriptor>) -> IndexBuilder {
        self.manifests.extend(manifests);
        self
    }

    /// Says what kind of artifact it is.
    #[must_use]
    pub fn artifact_type(mut self, artifact_type: MediaType) -> IndexBuilder {
        self.artifact_type = Some(artifact_type);
        self
    }

    /// Says what manifest this one is about.
    #[must_use]
    pub fn subject(mut self, subject: Descriptor) -> IndexBuilder {
        self.subject = Some(subject);
        self
    }

    /// Adds an annotation; one of the same key is replaced.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> IndexBuilder {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// The manifest.
    pub fn build(self) -> Manifest {
        let media_type = MediaType::OCI_INDEX;
        let bytes = write(&Document {
            artifact_type: self.artifact_type.as_ref(),
            manifests: Some(&self.manifests),
            subject: self.subject.as_ref(),
            ..Document::new(&media_type, &self.annotations)
        });
        let mut parsed = ParsedManifest::new(ManifestKind::Index);
        parsed.artifact_type = self.artifact_type.map(String::from);
        parsed.manifests = self.manifests;
        parsed.subject = self.subject;
        parsed.annotations = self.annotations;
        Manifest::new(media_type, bytes, parsed)
    }
}

impl DockerManifestBuilder {
    /// An image with a config and no layers.
    pub fn new(config: Descriptor) -> DockerManifestBuilder {
        DockerManifestBuilder {
            config,
            layers: Vec::new(),
        }
    }

    /// Adds a layer above the others.
    #[must_use]
    pub fn layer(mut self, layer: Descriptor) -> DockerManifestBuilder {
        self.layers.push(layer);
        self
    }

    /// Adds layers above the others.
    #[must_use]
    pub fn layers(mut self, layers: impl IntoIterator<Item = Descriptor>) -> DockerManifestBuilder {
        self.layers.extend(layers);
        self
    }

    /// The manifest.
    pub fn build(self) -> Manifest {
        let media_type = MediaType::DOCKER_MANIFEST;
        let bytes = write(&Document {
            config: Some(&self.config),
            layers: Some(&self.layers),
            ..Document::new(&media_type, &BTreeMap::new())
        });
        let mut parsed = ParsedManifest::new(ManifestKind::Image);
        parsed.config = Some(self.config);
        parsed.layers = self.layers;
        parsed.use_config_as_artifact_type();
        Manifest::new(media_type, bytes, parsed)
    }
}

impl DockerManifestListBuilder {
    /// A list without children.
    pub fn new() -> DockerManifestListBuilder {
        DockerManifestListBuilder::default()
    }

    /// Adds a child behind the others. Clients expect it to have a platform.
    #[must_use]
    pub fn manifest(mut self, manifest: Descriptor) -> DockerManifestListBuilder {
        self.manifests.push(manifest);
        self
    }

    /// Adds children behind the others. Clients expect them to have platforms.
    #[must_use]
    pub fn manifests(mut self, manifests: impl IntoIterator<Item = Descriptor>) -> DockerManifestListBuilder {
        self.manifests.extend(manifests);
        self
    }

    /// The manifest.
    pub fn build(self) -> Manifest {
        let media_type = MediaType::DOCKER_MANIFEST_LIST;
        let bytes = write(&Document {
            manifests: Some(&self.manifests),
            ..Document::new(&media_type, &BTreeMap::new())
        });
        let mut parsed = ParsedManifest::new(ManifestKind::Index);
        parsed.manifests = self.manifests;
        Manifest::new(media_type, bytes, parsed)
    }
}

impl<'a> Document<'a> {
    fn new(media_type: &'a MediaType, annotations: &'a BTreeMap<String, String>) -> Document<'a> {
        Document {
            schema_version: 2,
            media_type,
            artifact_type: None,
            config: None,
            layers: None,
            manifests: None,
            subject: None,
            annotations,
        }
    }
}

fn write(document: &Document<'_>) -> Bytes {
    serde_json::to_vec(document)
        .expect("texts, numbers and maps with text keys become JSON")
        .into()
}

#[cfg(test)]
mod tests {
    use hythe_digest::{Algorithm, Digest};
    use proptest::prelude::*;

    use super::*;
    use crate::{ManifestTypes, Platform};

    #[track_caller]
    fn check_reads_back(manifest: &Manifest) {
        let types = ManifestTypes::standard();
        let bytes = manifest.bytes().clone();
        assert_eq!(
            &types
                .parse(manifest.media_type().as_str(), bytes.clone())
                .unwrap(),
            manifest
        );
        assert_eq!(&types.recognise(bytes).unwrap(), manifest);
    }

    #[test]
    fn bytes_are_compact_and_in_the_order_of_the_specification() {
        let digest = Digest::sha256(b"{}");
        let config = Descriptor::new(Some(MediaType::OCI_EMPTY), digest, 2);
        let manifest = ImageBuilder::new(config)
            .artifact_type(MediaType::OCTET_STREAM)
            .subject(Descriptor::new(Some(MediaType::OCI_MANIFEST), digest, 2))
            .annotation("b", "1")
            .annotation("a", "2")
            .build();
        let expected = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""artifactType":"application/octet-stream","#,
                r#""config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}},"#,
                r#""layers":[],"#,
                r#""subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":2}},"#,
                r#""annotations":{{"a":"2","b":"1"}}}}"#,
            ),
            digest = digest
        );
        assert_eq!(std::str::from_utf8(manifest.bytes()).unwrap(), expected);
        check_reads_back(&manifest);
    }

    #[test]
    fn empty_lists_read_back() {
        check_reads_back(&IndexBuilder::new().build());
        check_reads_back(&DockerManifestListBuilder::new().build());
    }

    fn any_media_type() -> impl Strategy<Value = MediaType> {
        "[a-zA-Z0-9][a-z0-9!#$&^_.+-]{0,12}/[a-z0-9][a-z0-9.+-]{0,12}"
            .prop_map(|text| MediaType::parse(&text).unwrap())
    }

    fn any_annotations() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map(any::<String>(), any::<String>(), 0..3)
    }

    fn any_platform() -> impl Strategy<Value = Platform> {
        (
            any::<String>(),
            "[a-z]{0,6}",
            prop::option::of("[a-z]{1,6}"),
            prop::collection::vec("[a-z]{0,6}", 0..3),
        )
            .prop_map(|(architecture, os, variant, os_features)| Platform {
                architecture,
                os,
                os_version: variant.clone(),
                os_features,
                variant,
            })
    }

    fn any_descriptor() -> impl Strategy<Value = Descriptor> {
        let size = 0..=i64::MAX.unsigned_abs();
        let parts = (
            prop::option::of(any_media_type()),
            (0..3_usize, any::<[u8; 4]>(), size),
            prop::collection::vec(any::<String>(), 0..3),
            any_annotations(),
            prop::option::of(Just("e30=".to_owned())),
            prop::option::of(any_platform()),
            prop::option::of("[a-z/]{1,9}"),
        );
        parts.prop_map(
            |(media_type, (algorithm, content, size), urls, annotations, data, platform, artifact_type)| {
                let digest = Digest::of(Algorithm::ALL[algorithm], &content);
                Descriptor {
                    urls,
                    annotations,
                    data,
                    platform,
                    artifact_type,
                    ..Descriptor::new(media_type, digest, size)
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_builders_make_the_parser_reads_back(
            config in any_descriptor(),
            list in prop::collection::vec(any_descriptor(), 0..4),
            artifact_type in prop::option::of(any_media_type()),
            subject in prop::option::of(any_descriptor()),
            annotations in any_annotations(),
        ) {
            let mut image = ImageBuilder::new(config.clone()).layers(list.clone());
            let mut index = IndexBuilder::new().manifests(list.clone());
            if let Some(artifact_type) = artifact_type {
                image = image.artifact_type(artifact_type.clone());
                index = index.artifact_type(artifact_type);
            }
            if let Some(subject) = subject {
                image = image.subject(subject.clone());
                index = index.subject(subject);
            }
            for (key, value) in annotations {
                image = image.annotation(key.clone(), value.clone());
                index = index.annotation(key, value);
            }
            check_reads_back(&image.build());
            check_reads_back(&index.build());
            check_reads_back(&DockerManifestBuilder::new(config).layers(list.clone()).build());
            check_reads_back(&DockerManifestListBuilder::new().manifests(list).build());
        }
    }
}
