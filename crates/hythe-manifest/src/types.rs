use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;

use crate::document::{self, Heading};
use crate::{
    DockerManifest, DockerManifestList, Manifest, ManifestError, MediaType, OciIndex, OciManifest,
    ParsedManifest, media_types,
};

/// One type of manifest: its name and how to read it.
///
/// *Behaviour*
/// - Reading has no effect but its result, and the same bytes always give the same result.
/// - No bytes make it panic; whatever is wrong with them is a [`ManifestError`].
/// - Descriptors come in the order of the document, repeated where the document repeats them.
pub trait ManifestType: Debug + Send + Sync {
    /// The media type that manifests of this type are pushed and served as, in lower case.
    fn media_type(&self) -> &'static str;

    /// Reads a manifest that is being pushed. What is wrong with it is refused.
    fn parse(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError>;

    /// Reads a manifest that is stored already, maybe by a registry that looks less closely.
    ///
    /// Whatever [`ManifestType::parse`] takes gives the same result here. Beyond that, mistakes that do not
    /// prevent the manifest from being served are overlooked.
    fn parse_stored(&self, bytes: &[u8]) -> Result<ParsedManifest, ManifestError> {
        self.parse(bytes)
    }
}

/// The types of manifests that a registry takes. Clones share the types.
#[derive(Clone, Debug)]
pub struct ManifestTypes {
    types: Vec<Arc<dyn ManifestType>>,
}

impl ManifestTypes {
    /// The four types of distribution v3.
    pub fn standard() -> ManifestTypes {
        ManifestTypes::empty()
            .with(Arc::new(OciManifest))
            .with(Arc::new(OciIndex))
            .with(Arc::new(DockerManifest))
            .with(Arc::new(DockerManifestList))
    }

    /// No types at all.
    pub fn empty() -> ManifestTypes {
        ManifestTypes { types: Vec::new() }
    }

    /// Adds a type; one of the same media type is replaced.
    #[must_use]
    pub fn with(mut self, added: Arc<dyn ManifestType>) -> ManifestTypes {
        self.types
            .retain(|existing| !existing.media_type().eq_ignore_ascii_case(added.media_type()));
        self.types.push(added);
        self
    }

    /// The type with a media type, compared without regard to case.
    pub fn get(&self, media_type: &str) -> Option<&Arc<dyn ManifestType>> {
        self.types
            .iter()
            .find(|known| known.media_type().eq_ignore_ascii_case(media_type))
    }

    /// The media types of all types, in the order they were added.
    pub fn media_types(&self) -> impl Iterator<Item = &'static str> {
        self.types.iter().map(|known| known.media_type())
    }

    /// Reads a manifest that is being pushed as `media_type`, which has no parameters any more.
    pub fn parse(&self, media_type: &str, bytes: Bytes) -> Result<Manifest, ManifestError> {
        let known = self
            .get(media_type)
            .ok_or_else(|| ManifestError::UnsupportedMediaType {
                media_type: media_type.to_owned(),
            })?;
        let parsed = known.parse(&bytes)?;
        Ok(manifest(known.as_ref(), bytes, parsed))
    }

    /// Reads a manifest of which only the bytes were stored.
    ///
    /// Its type is the one that `mediaType` names. Without one it is an OCI document: an index if it has
    /// `manifests`, else an image manifest. So an index that was pushed with neither comes back as an image
    /// manifest, as it does from distribution v3; nothing in the bytes tells them apart.
    pub fn recognise(&self, bytes: Bytes) -> Result<Manifest, ManifestError> {
        let heading: Heading = document::read(&bytes)?;
        document::check_schema_version(&heading.schema_version)?;
        let has_children = heading.manifests.is_present();
        let media_type = match document::media_type(heading.media_type)? {
            named if !named.is_empty() => named,
            _ if has_children => media_types::OCI_INDEX.to_owned(),
            _ => media_types::OCI_MANIFEST.to_owned(),
        };

        let known = self
            .get(&media_type)
            .ok_or(ManifestError::UnrecognizedMediaType { media_type })?;
        let parsed = known.parse_stored(&bytes)?;
        Ok(manifest(known.as_ref(), bytes, parsed))
    }
}

impl Default for ManifestTypes {
    fn default() -> ManifestTypes {
        ManifestTypes::standard()
    }
}

fn manifest(known: &dyn ManifestType, bytes: Bytes, parsed: ParsedManifest) -> Manifest {
    Manifest::new(MediaType::known(known.media_type()), bytes, parsed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{MAX_MANIFEST_BYTES, ManifestKind};

    const A: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[derive(Debug)]
    struct Example;

    impl ManifestType for Example {
        fn media_type(&self) -> &'static str {
            "application/example+json"
        }

        fn parse(&self, _: &[u8]) -> Result<ParsedManifest, ManifestError> {
            Ok(ParsedManifest::new(ManifestKind::Index))
        }
    }

    #[track_caller]
    fn check_recognised(document: &str, expected: &str) {
        let manifest = ManifestTypes::standard()
            .recognise(Bytes::from(document.to_owned()))
            .unwrap();
        assert_eq!(manifest.media_type().as_str(), expected, "{document}");
        assert_eq!(manifest.bytes(), document);
    }

    #[test]
    fn pushed_manifests_are_read_as_what_they_are_sent_as() {
        let document = Bytes::from_static(br#"{"schemaVersion":2}"#);
        let types = ManifestTypes::standard();
        let index = types
            .parse("Application/vnd.OCI.image.index.v1+json", document.clone())
            .unwrap();
        assert_eq!(index.media_type(), &MediaType::OCI_INDEX);
        assert_eq!(index.bytes(), &document);

        for media_type in ["", "text/plain", media_types::DOCKER_SCHEMA1_SIGNED] {
            assert_eq!(
                types.parse(media_type, document.clone()).unwrap_err().to_string(),
                format!("unsupported manifest media type and no default available: {media_type}"),
            );
        }
    }

    #[test]
    fn stored_manifests_are_recognised_by_their_media_type() {
        for media_type in ManifestTypes::standard().media_types() {
            let document = format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}"}}"#);
            check_recognised(&document, media_type);
        }
    }

    #[test]
    fn without_media_type_the_children_decide() {
        check_recognised(r#"{"schemaVersion":2,"manifests":[]}"#, media_types::OCI_INDEX);
        check_recognised(
            r#"{"schemaVersion":2,"manifests":null}"#,
            media_types::OCI_MANIFEST,
        );
        check_recognised(r#"{"schemaVersion":2,"mediaType":""}"#, media_types::OCI_MANIFEST);
        check_recognised(
            &format!(r#"{{"schemaVersion":2,"config":{{"digest":"{A}"}}}}"#),
            media_types::OCI_MANIFEST,
        );
    }

    #[test]
    fn what_is_not_recognised_is_told() {
        let check = |document: &'static str, expected: &str| {
            let error = ManifestTypes::standard()
                .recognise(Bytes::from_static(document.as_bytes()))
                .unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            "",
            "manifest is not valid JSON: EOF while parsing a value at line 1 column 0",
        );
        check(
            "{} x",
            "manifest is not valid JSON: trailing characters at line 1 column 4",
        );
        check("[]", "manifest is a list instead of an object");
        check(
            r#"{"schemaVersion":1,"mediaType":"a/b"}"#,
            "unrecognized manifest schema version 1",
        );
        check(
            r#"{"schemaVersion":"2"}"#,
            "schemaVersion is a string instead of an integer",
        );
        check(
            r#"{"schemaVersion":2,"mediaType":"a/b"}"#,
            "unrecognized manifest content type a/b",
        );
    }

    #[test]
    fn four_mebibytes_are_the_limit() {
        let mut document = br#"{"schemaVersion":2}"#.to_vec();
        document.resize(MAX_MANIFEST_BYTES, b' ');
        let types = ManifestTypes::standard();
        assert!(
            types
                .parse(media_types::OCI_INDEX, document.clone().into())
                .is_ok()
        );
        document.push(b' ');
        let size = MAX_MANIFEST_BYTES + 1;
        assert_eq!(
            types.parse(media_types::OCI_INDEX, document.into()),
            Err(ManifestError::TooLarge { size }),
        );
    }

    #[test]
    fn a_type_can_be_added_and_replaced() {
        let types = ManifestTypes::standard()
            .with(Arc::new(Example))
            .with(Arc::new(Example));
        assert_eq!(types.media_types().count(), 5);
        let document = Bytes::from_static(br#"{"schemaVersion":2,"mediaType":"application/example+json"}"#);
        assert_eq!(
            types.recognise(document).unwrap().media_type().as_str(),
            "application/example+json"
        );
        assert_eq!(ManifestTypes::empty().media_types().count(), 0);
    }

    /// JSON that has much to do with manifests and little order.
    fn any_json() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("2".to_owned()),
            Just("-1".to_owned()),
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("1e9".to_owned()),
            Just(format!("\"{A}\"")),
            Just("\"application/vnd.oci.image.manifest.v1+json\"".to_owned()),
            Just("\"\\ud800\"".to_owned()),
            "\"[a-z/:]{0,8}\"",
        ];
        word.prop_recursive(4, 64, 6, |inner| {
            let name = prop::sample::select(vec![
                "schemaVersion",
                "mediaType",
                "config",
                "layers",
                "manifests",
                "subject",
                "annotations",
                "artifactType",
                "digest",
                "size",
                "urls",
                "data",
                "platform",
                "os",
                "os.features",
                "other",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
                prop::collection::vec((name, inner), 0..8).prop_map(|members| {
                    let members: Vec<_> = members
                        .into_iter()
                        .map(|(name, value)| format!("\"{name}\":{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    fn check_never_panics(bytes: &[u8]) -> Result<(), TestCaseError> {
        let types = ManifestTypes::standard();
        let _ = types.recognise(Bytes::copy_from_slice(bytes));
        for media_type in types.media_types() {
            let known = types.get(media_type).unwrap();
            if let Ok(parsed) = known.parse(bytes) {
                prop_assert_eq!(known.parse_stored(bytes), Ok(parsed));
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            check_never_panics(&bytes)?;
        }

        #[test]
        fn arbitrary_json_never_panics_and_is_read_alike_when_stored(document in any_json()) {
            check_never_panics(document.as_bytes())?;
            check_never_panics(format!("{{\"schemaVersion\":2,\"config\":{{\"digest\":\"{A}\"}},\"layers\":[{document}]}}").as_bytes())?;
            check_never_panics(format!("{{\"schemaVersion\":2,\"manifests\":[{document}]}}").as_bytes())?;
        }
    }
}
