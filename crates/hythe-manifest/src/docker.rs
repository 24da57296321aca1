use crate::document::{self, ImageDocument, IndexDocument, Mode};
use crate::{ManifestError, ManifestKind, ManifestType, ParsedManifest, media_types};

/// Docker image manifests, version 2, schema 2 ([specification][spec]).
///
/// They have no annotations and no subject; members of these names are unknown members.
///
/// [spec]: https://distribution.github.io/distribution/spec/manifest-v2-2/
#[derive(Clone, Copy, Debug, Default)]
pub struct DockerManifest;

/// Docker manifest lists ([specification][spec]).
///
/// [spec]: https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list
#[derive(Clone, Copy, Debug, Default)]
pub struct DockerManifestList;

impl DockerManifest {
    fn read(bytes: &[u8], mode: Mode) -> Result<ParsedManifest, ManifestError> {
        let document: ImageDocument = document::read(bytes)?;
        check_media_type(
            media_types::DOCKER_MANIFEST,
            document::media_type(document.media_type)?,
        )?;

        let mut parsed = ParsedManifest::new(ManifestKind::Image);
        parsed.schema_version = document::check_schema_version(&document.schema_version)?;
        parsed.config = mode.required_descriptor(&"config", document.config)?;
        parsed.layers = mode.descriptors(&"layers", document.layers)?;
        parsed.use_config_as_artifact_type();
        Ok(parsed)
    }
}

impl ManifestType for DockerManifest {
    fn media_type(&self) -> &'static str {
        media_types::DOCKER_MANIFEST
    }

    fn parse(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        DockerManifest::read(bytes, Mode::Refuse)
    }

    fn parse_stored(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        DockerManifest::read(bytes, Mode::Overlook)
    }
}

impl DockerManifestList {
    fn read(bytes: &[u8], mode: Mode) -> Result<ParsedManifest, ManifestError> {
        let document: IndexDocument = document::read(bytes)?;
        check_media_type(
            media_types::DOCKER_MANIFEST_LIST,
            document::media_type(document.media_type)?,
        )?;

        let mut parsed = ParsedManifest::new(ManifestKind::Index);
        parsed.schema_version = document::check_schema_version(&document.schema_version)?;
        parsed.manifests = mode.descriptors(&"manifests", document.manifests)?;
        Ok(parsed)
    }
}

impl ManifestType for DockerManifestList {
    fn media_type(&self) -> &'static str {
        media_types::DOCKER_MANIFEST_LIST
    }

    fn parse(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        DockerManifestList::read(bytes, Mode::Refuse)
    }

    fn parse_stored(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        DockerManifestList::read(bytes, Mode::Overlook)
    }
}

/// Docker documents always carry their media type.
fn check_media_type(expected: &'static str, found: String) -> Result<(), ManifestError> {
    if found == expected {
        Ok(())
    } else {
        Err(ManifestError::MediaTypeRequired { expected, found })
    }
}
