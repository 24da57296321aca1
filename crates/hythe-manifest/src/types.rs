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
