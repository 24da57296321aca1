//! A manifest document of any of the standard types, and how its members become descriptors.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use hythe_digest::Digest;
use serde::de::MapAccess;

use crate::json::{Anything, Member, Object, Shape, Taken};
use crate::{Descriptor, MAX_MANIFEST_BYTES, ManifestError, MediaType, Platform};

/// What to do about members that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The manifest is being pushed: refuse it.
    Refuse,
    /// The manifest is stored already: do as if they were not there. A descriptor without a usable digest
    /// is left out, since nothing can be stored by it; any other one stays, whatever else is wrong with it.
    ///
    /// distribution v3 does not look at `subject` and `artifactType`, nor at the digests of the children of
    /// an index, so anything may stand there. It must still be possible to pull and delete the manifest.
    Overlook,
}

/// The members that decide what a document is.
#[derive(Debug, Default)]
pub(crate) struct Heading {
    pub(crate) schema_version: Member<i64>,
    pub(crate) media_type: Member<String>,
    pub(crate) manifests: Member<Anything>,
}

/// An image manifest.
#[derive(Debug, Default)]
pub(crate) struct ImageDocument {
    pub(crate) schema_version: Member<i64>,
    pub(crate) media_type: Member<String>,
    pub(crate) artifact_type: Member<String>,
    pub(crate) config: Member<DescriptorObject>,
    pub(crate) layers: Member<Vec<Member<DescriptorObject>>>,
    pub(crate) manifests: Member<Anything>,
    pub(crate) subject: Member<DescriptorObject>,
    pub(crate) annotations: Member<BTreeMap<String, Member<String>>>,
}

/// An index or list.
#[derive(Debug, Default)]
pub(crate) struct IndexDocument {
    pub(crate) schema_version: Member<i64>,
    pub(crate) media_type: Member<String>,
    pub(crate) artifact_type: Member<String>,
    pub(crate) config: Member<Anything>,
    pub(crate) layers: Member<Anything>,
    pub(crate) manifests: Member<Vec<Member<DescriptorObject>>>,
    pub(crate) subject: Member<DescriptorObject>,
    pub(crate) annotations: Member<BTreeMap<String, Member<String>>>,
}

#[derive(Debug, Default)]
pub(crate) struct DescriptorObject {
    media_type: Member<String>,
    digest: Member<String>,
    size: Member<i64>,
    urls: Member<Vec<Member<String>>>,
    annotations: Member<BTreeMap<String, Member<String>>>,
    data: Member<String>,
    platform: Member<PlatformObject>,
    artifact_type: Member<String>,
}

#[derive(Debug, Default)]
pub(crate) struct PlatformObject {
    architecture: Member<String>,
    os: Member<String>,
    os_version: Member<String>,
    os_features: Member<Vec<Member<String>>>,
    variant: Member<String>,
}

/// How much of a wrong digest is repeated in an error.
const MAX_QUOTED_CHARS: usize = 160;

/// Nothing shorter is a digest: `sha256:` and 64 digits.
const SHORTEST_DIGEST: usize = 71;

/// Reads a document; one that is just `null` has no members.
pub(crate) fn read<O: Object>(bytes: &[u8]) -> Result<O, ManifestError> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLarge { size: bytes.len() });
    }
    match serde_json::from_slice(bytes) {
        Ok(Member::Value(document)) => Ok(document),
        Ok(Member::Absent) => Ok(O::default()),
        Ok(Member::Wrong(found)) => Err(ManifestError::Type {
            path: "manifest".to_owned(),
            expected: O::EXPECTED,
            found,
        }),
        Err(error) => Err(ManifestError::Syntax {
            reason: error.to_string(),
        }),
    }
}

pub(crate) fn check_schema_version(version: &Member<i64>) -> Result<u32, ManifestError> {
    match version {
        Member::Value(2) => Ok(2),
        Member::Value(found) => Err(ManifestError::SchemaVersion { found: *found }),
        Member::Absent => Err(ManifestError::SchemaVersion { found: 0 }),
        Member::Wrong(found) => Err(type_error::<i64>(&"schemaVersion", found)),
    }
}

/// `mediaType` of a document, empty if there is none.
pub(crate) fn media_type(media_type: Member<String>) -> Result<String, ManifestError> {
    Ok(Mode::Refuse
        .optional(&"mediaType", media_type)?
        .unwrap_or_default())
}

impl Mode {
    /// A text, empty counting as none.
    pub(crate) fn text(
        self,
        path: &dyn Display,
        member: Member<String>,
    ) -> Result<Option<String>, ManifestError> {
        Ok(self.optional(path, member)?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn annotations(
        self,
        path: &dyn Display,
        member: Member<BTreeMap<String, Member<String>>>,
    ) -> Result<BTreeMap<String, String>, ManifestError> {
        let entries = self.optional(path, member)?.unwrap_or_default();
        let mut annotations = BTreeMap::new();
        for (key, value) in entries {
            let value = self
                .optional(&format_args!("{path}[{key:?}]"), value)?
                .unwrap_or_default();
            annotations.insert(key, value);
        }
        Ok(annotations)
    }

    /// All descriptors of a list. A `null` in it is a descriptor without a digest, as in Go.
    pub(crate) fn descriptors(
        self,
        path: &dyn Display,
        member: Member<Vec<Member<DescriptorObject>>>,
    ) -> Result<Vec<Descriptor>, ManifestError> {
        let mut descriptors = Vec::new();
        for (index, element) in self
            .optional(path, member)?
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            let path = format_args!("{path}[{index}]");
            let object: DescriptorObject = self.optional(&path, element)?.unwrap_or_default();
            descriptors.extend(self.overlook(self.describe(&path, object))?);
        }
        Ok(descriptors)
    }

    /// A descriptor that may be missing.
    pub(crate) fn descriptor(
        self,
        path: &dyn Display,
        member: Member<DescriptorObject>,
    ) -> Result<Option<Descriptor>, ManifestError> {
        match self.optional(path, member)? {
            Some(object) => self.overlook(self.describe(path, object)),
            None => Ok(None),
        }
    }

    /// A descriptor that must be there. One that is missing is one without a digest, as in Go.
    pub(crate) fn required_descriptor(
        self,
        path: &dyn Display,
        member: Member<DescriptorObject>,
    ) -> Result<Option<Descriptor>, ManifestError> {
        let object = self.optional(path, member)?.unwrap_or_default();
        self.overlook(self.describe(path, object))
    }

    fn describe(self, path: &dyn Display, object: DescriptorObject) -> Result<Descriptor, ManifestError> {
        let at = |name: &'static str| At { path, name };
        let digest = self.optional(&at("digest"), object.digest)?.unwrap_or_default();
        let digest = Digest::parse(&digest).map_err(|source| ManifestError::Digest {
            path: at("digest").to_string(),
            text: digest.chars().take(MAX_QUOTED_CHARS).collect(),
            source,
        })?;
        let size = self.optional(&at("size"), object.size)?.unwrap_or_default();
        let size = u64::try_from(size).map_err(|_| ManifestError::NegativeSize {
            path: at("size").to_string(),
            size,
        });
        let size = self.overlook(size)?.unwrap_or_default();

        // Media types of content are the business of those who use it; only a type that is one is kept.
        let media_type = self.text(&at("mediaType"), object.media_type)?;
        let mut descriptor = Descriptor::new(
            media_type.and_then(|text| MediaType::parse(&text).ok()),
            digest,
            size,
        );
        descriptor.urls = self.texts(&at("urls"), object.urls)?;
        descriptor.annotations = self.annotations(&at("annotations"), object.annotations)?;
        descriptor.data = match self.text(&at("data"), object.data)? {
            Some(data) if is_base64(&data) => Some(data),
            Some(_) => self.overlook(Err(ManifestError::Data {
                path: at("data").to_string(),
            }))?,
            None => None,
        };
        descriptor.platform = match self.optional(&at("platform"), object.platform)? {
            Some(platform) => Some(self.platform(&at("platform"), platform)?),
            None => None,
        };
        descriptor.artifact_type = self.text(&at("artifactType"), object.artifact_type)?;
        Ok(descriptor)
    }

    fn platform(self, path: &dyn Display, object: PlatformObject) -> Result<Platform, ManifestError> {
        let at = |name: &'static str| At { path, name };
        Ok(Platform {
            architecture: self
                .optional(&at("architecture"), object.architecture)?
                .unwrap_or_default(),
            os: self.optional(&at("os"), object.os)?.unwrap_or_default(),
            os_version: self.text(&at("os.version"), object.os_version)?,
            os_features: self.texts(&at("os.features"), object.os_features)?,
            variant: self.text(&at("variant"), object.variant)?,
        })
    }

    fn texts(
        self,
        path: &dyn Display,
        member: Member<Vec<Member<String>>>,
    ) -> Result<Vec<String>, ManifestError> {
        let elements = self.optional(path, member)?.unwrap_or_default();
        elements
            .into_iter()
            .enumerate()
            .map(|(index, element)| {
                Ok(self
                    .optional(&format_args!("{path}[{index}]"), element)?
                    .unwrap_or_default())
            })
            .collect()
    }

    fn optional<T: Shape>(self, path: &dyn Display, member: Member<T>) -> Result<Option<T>, ManifestError> {
        match member {
            Member::Absent => Ok(None),
            Member::Value(value) => Ok(Some(value)),
            Member::Wrong(found) => self.overlook(Err(type_error::<T>(path, found))),
        }
    }

    fn overlook<T>(self, result: Result<T, ManifestError>) -> Result<Option<T>, ManifestError> {
        match (self, result) {
            (_, Ok(value)) => Ok(Some(value)),
            (Mode::Overlook, Err(_)) => Ok(None),
            (Mode::Refuse, Err(error)) => Err(error),
        }
    }
}

impl Object for Heading {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, values: &mut A) -> Result<Taken, A::Error> {
        match name {
            "schemaversion" => self.schema_version = values.next_value()?,
            "mediatype" => self.media_type = values.next_value()?,
            "manifests" => self.manifests = values.next_value()?,
            _ => return Ok(Taken::No),
        }
        Ok(Taken::Yes)
    }
}

impl Object for ImageDocument {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, values: &mut A) -> Result<Taken, A::Error> {
        match name {
            "schemaversion" => self.schema_version = values.next_value()?,
            "mediatype" => self.media_type = values.next_value()?,
            "artifacttype" => self.artifact_type = values.next_value()?,
            "config" => self.config = values.next_value()?,
            "layers" => self.layers = values.next_value()?,
            "manifests" => self.manifests = values.next_value()?,
            "subject" => self.subject = values.next_value()?,
            "annotations" => self.annotations = values.next_value()?,
            _ => return Ok(Taken::No),
        }
        Ok(Taken::Yes)
    }
}

impl Object for IndexDocument {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, values: &mut A) -> Result<Taken, A::Error> {
        match name {
            "schemaversion" => self.schema_version = values.next_value()?,
            "mediatype" => self.media_type = values.next_value()?,
            "artifacttype" => self.artifact_type = values.next_value()?,
            "config" => self.config = values.next_value()?,
            "layers" => self.layers = values.next_value()?,
            "manifests" => self.manifests = values.next_value()?,
            "subject" => self.subject = values.next_value()?,
            "annotations" => self.annotations = values.next_value()?,
            _ => return Ok(Taken::No),
        }
        Ok(Taken::Yes)
    }
}

impl Object for DescriptorObject {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, values: &mut A) -> Result<Taken, A::Error> {
        match name {
            "mediatype" => self.media_type = values.next_value()?,
            "digest" => self.digest = values.next_value()?,
            "size" => self.size = values.next_value()?,
            "urls" => self.urls = values.next_value()?,
            "annotations" => self.annotations = values.next_value()?,
            "data" => self.data = values.next_value()?,
            "platform" => self.platform = values.next_value()?,
            "artifacttype" => self.artifact_type = values.next_value()?,
            _ => return Ok(Taken::No),
        }
        Ok(Taken::Yes)
    }

    fn is_useful(&self) -> bool {
        matches!(&self.digest, Member::Value(digest) if digest.len() >= SHORTEST_DIGEST)
    }
}

impl Object for PlatformObject {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, values: &mut A) -> Result<Taken, A::Error> {
        match name {
            "architecture" => self.architecture = values.next_value()?,
            "os" => self.os = values.next_value()?,
            "os.version" => self.os_version = values.next_value()?,
            "os.features" => self.os_features = values.next_value()?,
            "variant" => self.variant = values.next_value()?,
            _ => return Ok(Taken::No),
        }
        Ok(Taken::Yes)
    }
}

/// A member of an object, written as a path only when somebody looks.
struct At<'a> {
    path: &'a dyn Display,
    name: &'static str,
}

impl Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.path, self.name)
    }
}

fn type_error<T: Shape>(path: &dyn Display, found: &'static str) -> ManifestError {
    ManifestError::Type {
        path: path.to_string(),
        expected: T::EXPECTED,
        found,
    }
}

/// As Go's decoder reads bytes: the standard alphabet with padding, line breaks anywhere.
fn is_base64(text: &str) -> bool {
    let encoded = || text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n'));
    let length = encoded().count();
    let padding = encoded().skip_while(|&byte| byte != b'=').count();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits_are_well = encoded().take(length - padding).all(is_digit);
    let padding_is_well = padding <= 2 && encoded().skip(length - padding).all(|byte| byte == b'=');
    length % 4 == 0 && digits_are_well && padding_is_well
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_what_is_no_descriptor_take_no_memory() {
        let good = format!(r#"{{"digest":"sha256:{}"}}"#, "a".repeat(64));
        for useless in ["0", "{}", "null", r#"{"digest":"sha256:ab"}"#, r#"{"digest":7}"#] {
            let elements = vec![useless; 1000].join(",");
            let json = format!(r#"{{"layers":[{good},{elements},{good}]}}"#);
            let document: ImageDocument = read(json.as_bytes()).unwrap();
            let Member::Value(layers) = &document.layers else {
                panic!("{:?}", document.layers);
            };
            assert_eq!(layers.len(), 3, "{useless}");

            let error = Mode::Refuse.descriptors(&"layers", document.layers).unwrap_err();
            assert!(error.to_string().starts_with("layers[1]"), "{error}");
            let document: ImageDocument = read(json.as_bytes()).unwrap();
            let descriptors = Mode::Overlook.descriptors(&"layers", document.layers).unwrap();
            assert_eq!(descriptors.len(), 2, "{useless}");
        }
    }

    #[test]
    fn base64_is_that_of_go() {
        for text in ["", "e30=", "AA==", "AAAA", "+/+/", "e3\r\n0=", "AB=="] {
            assert!(is_base64(text), "{text:?}");
        }
        for text in [
            "e30", "e30==", "====", "=AAA", "A===", "AA=A", "-_-_", "e30 ", "é30=",
        ] {
            assert!(!is_base64(text), "{text:?}");
        }
    }
}
