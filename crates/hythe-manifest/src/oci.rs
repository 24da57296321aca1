use crate::document::{self, ImageDocument, IndexDocument, Mode};
use crate::{ManifestError, ManifestKind, ManifestType, ParsedManifest, media_types};

/// OCI image manifests, artifacts included ([OCI image specification][spec]).
///
/// [spec]: https://github.com/opencontainers/image-spec/blob/main/manifest.md
#[derive(Clone, Copy, Debug, Default)]
pub struct OciManifest;

/// OCI image indexes ([OCI image specification][spec]).
///
/// [spec]: https://github.com/opencontainers/image-spec/blob/main/image-index.md
#[derive(Clone, Copy, Debug, Default)]
pub struct OciIndex;

impl OciManifest {
    fn read(bytes: &[u8], mode: Mode) -> Result<ParsedManifest, ManifestError> {
        let document: ImageDocument = document::read(bytes)?;
        if document.manifests.is_present() {
            return Err(ManifestError::ManifestIsIndex);
        }
        check_media_type(
            media_types::OCI_MANIFEST,
            document::media_type(document.media_type)?,
        )?;

        let mut parsed = ParsedManifest::new(ManifestKind::Image);
        parsed.schema_version = document::check_schema_version(&document.schema_version)?;
        parsed.config = mode.required_descriptor(&"config", document.config)?;
        parsed.layers = mode.descriptors(&"layers", document.layers)?;
        parsed.subject = mode.descriptor(&"subject", document.subject)?;
        parsed.annotations = mode.annotations(&"annotations", document.annotations)?;
        parsed.artifact_type = mode.text(&"artifactType", document.artifact_type)?;
        parsed.use_config_as_artifact_type();
        Ok(parsed)
    }
}

impl ManifestType for OciManifest {
    fn media_type(&self) -> &'static str {
        media_types::OCI_MANIFEST
    }

    fn parse(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        OciManifest::read(bytes, Mode::Refuse)
    }

    fn parse_stored(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        OciManifest::read(bytes, Mode::Overlook)
    }
}

impl OciIndex {
    fn read(bytes: &[u8], mode: Mode) -> Result<ParsedManifest, ManifestError> {
        let document: IndexDocument = document::read(bytes)?;
        if document.config.is_present() || document.layers.is_present() {
            return Err(ManifestError::IndexIsManifest);
        }
        check_media_type(media_types::OCI_INDEX, document::media_type(document.media_type)?)?;

        let mut parsed = ParsedManifest::new(ManifestKind::Index);
        parsed.schema_version = document::check_schema_version(&document.schema_version)?;
        parsed.manifests = mode.descriptors(&"manifests", document.manifests)?;
        parsed.subject = mode.descriptor(&"subject", document.subject)?;
        parsed.annotations = mode.annotations(&"annotations", document.annotations)?;
        parsed.artifact_type = mode.text(&"artifactType", document.artifact_type)?;
        Ok(parsed)
    }
}

impl ManifestType for OciIndex {
    fn media_type(&self) -> &'static str {
        media_types::OCI_INDEX
    }

    fn parse(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        OciIndex::read(bytes, Mode::Refuse)
    }

    fn parse_stored(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        OciIndex::read(bytes, Mode::Overlook)
    }
}

/// OCI documents may leave their media type out.
fn check_media_type(expected: &'static str, found: String) -> Result<(), ManifestError> {
    if found.is_empty() || found == expected {
        Ok(())
    } else {
        Err(ManifestError::MediaTypeMismatch { expected, found })
    }
}
