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

#[cfg(test)]
mod tests {
    use hythe_digest::{Digest, DigestError};

    use super::*;

    const A: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// `'` for `"` and `A` for a digest keep the documents readable.
    fn json(document: &str) -> Vec<u8> {
        document
            .replace("'A'", &format!("'{A}'"))
            .replace('\'', "\"")
            .into_bytes()
    }

    #[track_caller]
    fn check_manifest_error(document: &str, expected: &ManifestError) {
        assert_eq!(
            OciManifest.parse(&json(document)),
            Err(expected.clone()),
            "{document}"
        );
    }

    #[track_caller]
    fn check_index_error(document: &str, expected: &ManifestError) {
        assert_eq!(
            OciIndex.parse(&json(document)),
            Err(expected.clone()),
            "{document}"
        );
    }

    fn type_error(path: &str, expected: &'static str, found: &'static str) -> ManifestError {
        ManifestError::Type {
            path: path.to_owned(),
            expected,
            found,
        }
    }

    fn digest_error(path: &str, text: &str, source: DigestError) -> ManifestError {
        ManifestError::Digest {
            path: path.to_owned(),
            text: text.to_owned(),
            source,
        }
    }

    #[test]
    fn an_artifact_is_read_whole() {
        let parsed = OciManifest
            .parse(&json(
                "{'schemaVersion':2,'mediaType':'application/vnd.oci.image.manifest.v1+json',
                  'artifactType':'application/example','config':{'mediaType':'application/vnd.oci.empty.v1+json',
                  'digest':'A','size':2,'data':'e30='},'layers':[{'digest':'A','size':1},{'digest':'A'}],
                  'subject':{'mediaType':'application/vnd.oci.image.manifest.v1+json','digest':'A','size':7},
                  'annotations':{'k':'v','n':null},'unknown':[[{}]]} ",
            ))
            .unwrap();

        assert_eq!(parsed.kind, ManifestKind::Image);
        assert_eq!(parsed.artifact_type.as_deref(), Some("application/example"));
        assert_eq!(parsed.config.as_ref().unwrap().data.as_deref(), Some("e30="));
        assert_eq!(
            parsed.layers.iter().map(|layer| layer.size).collect::<Vec<_>>(),
            [1, 0]
        );
        assert_eq!(parsed.subject.as_ref().unwrap().digest, Digest::parse(A).unwrap());
        assert_eq!(parsed.annotations.get("k").map(String::as_str), Some("v"));
        assert_eq!(parsed.annotations.get("n").map(String::as_str), Some(""));
        assert_eq!(parsed.dependencies().len(), 3);
    }

    #[test]
    fn the_config_says_what_an_image_is() {
        let of = |members: &str| {
            let document =
                format!("{{'schemaVersion':2,{members}'config':{{'mediaType':'a/b','digest':'A'}}}}");
            OciManifest.parse(&json(&document)).unwrap().artifact_type
        };
        assert_eq!(of("").as_deref(), Some("a/b"));
        assert_eq!(of("'artifactType':'',").as_deref(), Some("a/b"));
        assert_eq!(of("'artifactType':'c/d',").as_deref(), Some("c/d"));
        assert_eq!(
            OciIndex
                .parse(&json("{'schemaVersion':2}"))
                .unwrap()
                .artifact_type,
            None
        );
    }

    #[test]
    fn members_are_read_as_go_reads_them() {
        let documents = [
            "{'SCHEMAVERSION':2,'Config':{'DIGEST':'A','SIZE':7}}",
            "{'ſchemaVerſion':2,'config':{'digeſt':'A','size':7}}",
            "{'schemaVersion':1,'schemaVersion':2,'config':7,'config':{'digest':'A','size':6,'Size':7}}",
            "{'schemaVersion':2,'layers':null,'annotations':null,'config':{'digest':'A','size':7,'urls':null}}",
            "{'schemaVersion':2,'manifests':null,'subject':null,'config':{'digest':'A','size':7}}\n\t ",
        ];
        for document in documents {
            let parsed = OciManifest.parse(&json(document)).unwrap();
            assert_eq!(parsed.config.unwrap().size, 7, "{document}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let check = |members: &str, expected: ManifestError| {
            check_manifest_error(&format!("{{'schemaVersion':2,{members}}}"), &expected);
        };
        check("'config':[]", type_error("config", "an object", "a list"));
        check(
            "'config':{'digest':7}",
            type_error("config.digest", "a string", "a number"),
        );
        check(
            "'config':{'digest':'A','size':'7'}",
            type_error("config.size", "an integer", "a string"),
        );
        check(
            "'config':{'digest':'A','size':1.5}",
            type_error(
                "config.size",
                "an integer",
                "a number with a fraction or an exponent",
            ),
        );
        check(
            "'config':{'digest':'A','size':-1}",
            ManifestError::NegativeSize {
                path: "config.size".to_owned(),
                size: -1,
            },
        );
        check(
            "'config':{'digest':'A'},'layers':{}",
            type_error("layers", "a list", "an object"),
        );
        check(
            "'config':{'digest':'A'},'layers':[7]",
            type_error("layers[0]", "an object", "a number"),
        );
        check(
            "'config':{'digest':'A'},'layers':[{'digest':'A','urls':['a',7]}]",
            type_error("layers[0].urls[1]", "a string", "a number"),
        );
        check(
            "'config':{'digest':'A'},'layers':[{'digest':'A'},{'digest':'A','annotations':{'k':7}}]",
            type_error("layers[1].annotations[\"k\"]", "a string", "a number"),
        );
        check(
            "'config':{'digest':'A','platform':{'os.features':7}}",
            type_error("config.platform.os.features", "a list", "a number"),
        );
        check(
            "'config':{'digest':'A','data':'%'}",
            ManifestError::Data {
                path: "config.data".to_owned(),
            },
        );
        check(
            "'config':{'digest':'A'},'subject':'A'",
            type_error("subject", "an object", "a string"),
        );
        check(
            "'config':{'digest':'A'},'annotations':[]",
            type_error("annotations", "an object", "a list"),
        );
        check(
            "'config':{'digest':'A'},'artifactType':7",
            type_error("artifactType", "a string", "a number"),
        );
    }

    #[test]
    fn every_digest_must_be_one() {
        let check = |members: &str, path: &str, text: &str, source: DigestError| {
            check_manifest_error(
                &format!("{{'schemaVersion':2,{members}}}"),
                &digest_error(path, text, source),
            );
        };
        check("'layers':[]", "config.digest", "", DigestError::Format);
        check("'config':null", "config.digest", "", DigestError::Format);
        check("'config':{}", "config.digest", "", DigestError::Format);
        check(
            "'config':{'digest':'sha256:abc'}",
            "config.digest",
            "sha256:abc",
            DigestError::Length,
        );
        let config = "'config':{'digest':'A'}";
        check(
            &format!("{config},'layers':[{{'digest':'A'}},{{'digest':'md5:abc'}}]"),
            "layers[1].digest",
            "md5:abc",
            DigestError::UnsupportedAlgorithm,
        );
        check(
            &format!("{config},'layers':[null]"),
            "layers[0].digest",
            "",
            DigestError::Format,
        );
        check(
            &format!("{config},'subject':{{}}"),
            "subject.digest",
            "",
            DigestError::Format,
        );

        let long = "a".repeat(1000);
        let document = format!("{{'schemaVersion':2,'manifests':[{{'digest':'{long}'}}]}}");
        check_index_error(
            &document,
            &digest_error("manifests[0].digest", &long[..160], DigestError::Format),
        );
    }

    #[test]
    fn messages_are_those_of_the_original() {
        let check = |result: Result<ParsedManifest, ManifestError>, expected: &str| {
            assert_eq!(result.unwrap_err().to_string(), expected);
        };
        check(
            OciManifest.parse(&json("{'schemaVersion':2,'manifests':[]}")),
            "ocimanifest: expected manifest but found index",
        );
        check(
            OciIndex.parse(&json("{'schemaVersion':2,'layers':[]}")),
            "index: expected index but found manifest",
        );
        check(
            OciIndex.parse(&json("{'schemaVersion':2,'config':0}")),
            "index: expected index but found manifest",
        );
        check(OciManifest.parse(b"{}"), "unrecognized manifest schema version 0");
        check(
            OciManifest.parse(b"null"),
            "unrecognized manifest schema version 0",
        );
        check(
            OciIndex.parse(&json("{'schemaVersion':3}")),
            "unrecognized manifest schema version 3",
        );
        check(
            OciManifest.parse(&json("{'mediaType':'a/b'}")),
            "if present, mediaType in manifest should be 'application/vnd.oci.image.manifest.v1+json' not 'a/b'",
        );
        check(
            OciManifest.parse(&json("{'schemaVersion':2,'config':{'digest':'sha256:abc'}}")),
            "config.digest is \"sha256:abc\": invalid checksum digest length",
        );
    }

    #[test]
    fn stored_manifests_may_have_anything_where_the_original_does_not_look() {
        let parsed = OciManifest
            .parse_stored(&json(
                "{'schemaVersion':2,'subject':'A','artifactType':7,'config':{'digest':'A','size':-1,'data':'%'},
                  'layers':[{'digest':'A','size':3}]}",
            ))
            .unwrap();
        assert_eq!((parsed.subject, parsed.artifact_type), (None, None));
        assert_eq!(parsed.config.unwrap().size, 0);
        assert_eq!(parsed.layers.len(), 1);

        let parsed = OciIndex
            .parse_stored(&json(
                "{'schemaVersion':2,'manifests':[{'digest':'sha256:abc'},null,{'digest':'A','size':3}]}",
            ))
            .unwrap();
        assert_eq!(
            parsed
                .manifests
                .iter()
                .map(|child| child.size)
                .collect::<Vec<_>>(),
            [3]
        );
        assert!(
            OciManifest
                .parse_stored(&json("{'schemaVersion':2}"))
                .unwrap()
                .config
                .is_none()
        );
    }

    #[test]
    fn a_media_type_that_is_none_is_not_kept() {
        let parsed = OciManifest
            .parse(&json(
                "{'schemaVersion':2,'config':{'mediaType':'text/plain; charset=x','digest':'A'}}",
            ))
            .unwrap();
        assert_eq!(parsed.config.unwrap().media_type, None);
    }
}
