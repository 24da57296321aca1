use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A media type without parameters, for example `application/vnd.oci.image.manifest.v1+json`.
///
/// Two parts joined by `/`, each a restricted name of [RFC 6838, section 4.2][rfc]. The text is kept as it
/// was given; [`MediaType::is`] compares as the RFC asks, without regard to case. Clones share one
/// allocation.
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc6838#section-4.2
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType(Text);

/// A text is not a [`MediaType`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("media type is not of the form type/subtype")]
pub struct MediaTypeError;

/// The media types that a registry meets, as text.
pub mod media_types {
    /// OCI image manifest, also the one of artifacts.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Docker image manifest, version 2, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image manifest, version 2, schema 1. No registry of today takes it.
    pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
    /// The signed form of [`DOCKER_SCHEMA1`].
    pub const DOCKER_SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

    /// Bytes about which nothing is known; what blobs are served as.
    pub const OCTET_STREAM: &str = "application/octet-stream";

    /// Configuration of an OCI image.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// The blob `{}`, which stands where an artifact has nothing to say.
    pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// OCI layer, tar.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// OCI layer, tar and gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, tar and zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// OCI layer that may not be distributed, tar.
    pub const OCI_LAYER_NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    /// OCI layer that may not be distributed, tar and gzip.
    pub const OCI_LAYER_NONDISTRIBUTABLE_GZIP: &str =
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    /// OCI layer that may not be distributed, tar and zstd.
    pub const OCI_LAYER_NONDISTRIBUTABLE_ZSTD: &str =
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";

    /// Configuration of a Docker image.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Configuration of a Docker plugin.
    pub const DOCKER_PLUGIN_CONFIG: &str = "application/vnd.docker.plugin.v1+json";
    /// Docker layer, tar and gzip.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker layer that is downloaded from elsewhere.
    pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
}

/// RFC 6838 gives each part at most 127 characters.
const MAX_PART_BYTES: usize = 127;

/// Either one of the constants, or a text that came from outside.
#[derive(Clone)]
enum Text {
    Known(&'static str),
    Given(Arc<str>),
}

impl MediaType {
    /// [`media_types::OCI_MANIFEST`].
    pub const OCI_MANIFEST: MediaType = MediaType(Text::Known(media_types::OCI_MANIFEST));
    /// [`media_types::OCI_INDEX`].
    pub const OCI_INDEX: MediaType = MediaType(Text::Known(media_types::OCI_INDEX));
    /// [`media_types::DOCKER_MANIFEST`].
    pub const DOCKER_MANIFEST: MediaType = MediaType(Text::Known(media_types::DOCKER_MANIFEST));
    /// [`media_types::DOCKER_MANIFEST_LIST`].
    pub const DOCKER_MANIFEST_LIST: MediaType = MediaType(Text::Known(media_types::DOCKER_MANIFEST_LIST));
    /// [`media_types::OCTET_STREAM`].
    pub const OCTET_STREAM: MediaType = MediaType(Text::Known(media_types::OCTET_STREAM));
    /// [`media_types::OCI_CONFIG`].
    pub const OCI_CONFIG: MediaType = MediaType(Text::Known(media_types::OCI_CONFIG));
    /// [`media_types::OCI_EMPTY`].
    pub const OCI_EMPTY: MediaType = MediaType(Text::Known(media_types::OCI_EMPTY));
    /// [`media_types::OCI_LAYER_GZIP`].
    pub const OCI_LAYER_GZIP: MediaType = MediaType(Text::Known(media_types::OCI_LAYER_GZIP));
    /// [`media_types::DOCKER_CONFIG`].
    pub const DOCKER_CONFIG: MediaType = MediaType(Text::Known(media_types::DOCKER_CONFIG));
    /// [`media_types::DOCKER_LAYER`].
    pub const DOCKER_LAYER: MediaType = MediaType(Text::Known(media_types::DOCKER_LAYER));

    /// Reads a media type. Parameters are not part of one: strip them first.
    pub fn parse(text: &str) -> Result<MediaType, MediaTypeError> {
        match text.split_once('/') {
            Some((main, sub)) if is_restricted_name(main) && is_restricted_name(sub) => {
                Ok(MediaType(Text::Given(text.into())))
            }
            _ => Err(MediaTypeError),
        }
    }

    /// A media type that the program itself names.
    pub(crate) fn known(text: &'static str) -> MediaType {
        MediaType(Text::Known(text))
    }

    /// The media type as it was given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether this is `other`, without regard to case.
    pub fn is(&self, other: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<MediaType, MediaTypeError> {
        MediaType::parse(text)
    }
}

impl AsRef<str> for MediaType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl TryFrom<String> for MediaType {
    type Error = MediaTypeError;

    fn try_from(text: String) -> Result<MediaType, MediaTypeError> {
        MediaType::parse(&text)
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> String {
        media_type.as_str().to_owned()
    }
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Text::Known(text) => text,
            Text::Given(text) => text,
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

fn is_restricted_name(part: &str) -> bool {
    let first_is_alphanumeric = part.starts_with(|c: char| c.is_ascii_alphanumeric());
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c);
    first_is_alphanumeric && part.len() <= MAX_PART_BYTES && part.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn media_types_read_back_as_written() {
        for text in [
            media_types::OCI_MANIFEST,
            media_types::DOCKER_MANIFEST_LIST,
            media_types::OCTET_STREAM,
            "text/plain",
            "Application/X.y-z_1!#$&^+json",
        ] {
            assert_eq!(MediaType::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_type_and_subtype_is_refused() {
        let long = format!("a/{}", "b".repeat(128));
        for text in [
            "", "/", "a", "a/", "/a", "a/b/c", "a/b;c=d", "a b/c", "*/*", "a/*", ".a/b", "é/b", &long,
        ] {
            assert_eq!(MediaType::parse(text), Err(MediaTypeError), "{text:?}");
        }
    }

    #[test]
    fn case_does_not_matter_to_is() {
        assert!(MediaType::OCI_INDEX.is("Application/Vnd.Oci.Image.Index.V1+JSON"));
        assert!(!MediaType::OCI_INDEX.is(media_types::OCI_MANIFEST));
    }

    #[test]
    fn constants_equal_what_was_parsed() {
        let parsed = MediaType::parse(media_types::OCI_EMPTY).unwrap();
        assert_eq!(parsed, MediaType::OCI_EMPTY);
        assert_eq!(parsed.cmp(&MediaType::OCI_EMPTY), std::cmp::Ordering::Equal);
    }

    #[test]
    fn json_is_the_text() {
        let json = "\"text/plain\"";
        let media_type: MediaType = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&media_type).unwrap(), json);
        assert!(serde_json::from_str::<MediaType>("\"plain\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_media_type_that_displays_it_or_an_error(text in "[a-z./+;=]{0,20}|\\PC{0,12}") {
            if let Ok(media_type) = MediaType::parse(&text) {
                prop_assert_eq!(media_type.to_string(), text);
            }
        }
    }
}
