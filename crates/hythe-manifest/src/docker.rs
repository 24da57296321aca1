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

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_media_type_must_be_in_the_document() {
        let check = |result: Result<ParsedManifest, ManifestError>, expected: &str| {
            assert_eq!(result.unwrap_err().to_string(), expected);
        };
        check(
            DockerManifest.parse(br#"{"schemaVersion":2}"#),
            "mediaType in manifest should be 'application/vnd.docker.distribution.manifest.v2+json' not ''",
        );
        check(
            DockerManifestList.parse(br#"{"schemaVersion":2,"mediaType":"a/b"}"#),
            "mediaType in manifest should be 'application/vnd.docker.distribution.manifest.list.v2+json' not 'a/b'",
        );
    }

    #[test]
    fn subjects_and_annotations_are_unknown_members() {
        let media_type = media_types::DOCKER_MANIFEST;
        let document = format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","subject":7,"annotations":7,"artifactType":7,
                "manifests":7,"config":{{"mediaType":"a/b","digest":"{A}"}}}}"#
        );
        let parsed = DockerManifest.parse(document.as_bytes()).unwrap();
        assert_eq!(parsed.subject, None);
        assert_eq!(parsed.artifact_type.as_deref(), Some("a/b"));
        assert_eq!(parsed.layers, []);
    }

    #[test]
    fn children_of_a_list_have_platforms() {
        let media_type = media_types::DOCKER_MANIFEST_LIST;
        let document = format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{{"digest":"{A}","size":1,
                "platform":{{"architecture":"amd64","os":"linux","features":["sse4"]}}}},{{"digest":"{A}"}}]}}"#
        );
        let parsed = DockerManifestList.parse(document.as_bytes()).unwrap();
        let platform = parsed.manifests[0].platform.as_ref().unwrap();
        assert_eq!(
            (platform.architecture.as_str(), platform.os.as_str()),
            ("amd64", "linux")
        );
        assert_eq!(parsed.manifests[1].platform, None);
    }
}
