use hythe_digest::DigestError;
use thiserror::Error;

use crate::MAX_MANIFEST_BYTES;

/// Why bytes are not a manifest that a registry takes.
///
/// Every one of them is a mistake of whoever made the bytes. Where distribution v3 has a text for the same
/// mistake, the text is that; paths are written as `layers[2].digest`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST_BYTES`].
    #[error("manifest has {size} bytes, at most {MAX_MANIFEST_BYTES} are allowed")]
    TooLarge {
        /// Size of the bytes given.
        size: usize,
    },
    /// Not a JSON document, or something follows it.
    #[error("manifest is not valid JSON: {reason}")]
    Syntax {
        /// What the JSON parser expected, with line and column.
        reason: String,
    },
    /// The type that the bytes were sent as is not in the table.
    #[error("unsupported manifest media type and no default available: {media_type}")]
    UnsupportedMediaType {
        /// The type that was asked for.
        media_type: String,
    },
    /// The type that the bytes call themselves is not in the table.
    #[error("unrecognized manifest content type {media_type}")]
    UnrecognizedMediaType {
        /// `mediaType` of the document.
        media_type: String,
    },
    /// `schemaVersion` is not 2.
    #[error("unrecognized manifest schema version {found}")]
    SchemaVersion {
        /// `schemaVersion` of the document, 0 if there is none.
        found: i64,
    },
    /// `mediaType` must be there and must be that of the type.
    #[error("mediaType in manifest should be '{expected}' not '{found}'")]
    MediaTypeRequired {
        /// The media type of the type.
        expected: &'static str,
        /// `mediaType` of the document, empty if there is none.
        found: String,
    },
    /// `mediaType` may be missing, but is that of another type.
    #[error("if present, mediaType in manifest should be '{expected}' not '{found}'")]
    MediaTypeMismatch {
        /// The media type of the type.
        expected: &'static str,
        /// `mediaType` of the document.
        found: String,
    },
    /// An OCI image manifest with a `manifests` member.
    #[error("ocimanifest: expected manifest but found index")]
    ManifestIsIndex,
    /// An OCI image index with a `config` or `layers` member.
    #[error("index: expected index but found manifest")]
    IndexIsManifest,
    /// A member has the wrong JSON type.
    #[error("{path} is {found} instead of {expected}")]
    Type {
        /// Which member.
        path: String,
        /// What it should be, with an article.
        expected: &'static str,
        /// What it is, with an article.
        found: &'static str,
    },
    /// A descriptor has no digest that this registry can look up.
    #[error("{path} is {text:?}: {source}")]
    Digest {
        /// Which member.
        path: String,
        /// The digest as given, cut if it is long; empty if it is missing.
        text: String,
        /// What is wrong with it.
        source: DigestError,
    },
    /// A size is negative.
    #[error("{path} is {size}, sizes are not negative")]
    NegativeSize {
        /// Which member.
        path: String,
        /// The size as given.
        size: i64,
    },
    /// Embedded data is not base64.
    #[error("{path} is not base64")]
    Data {
        /// Which member.
        path: String,
    },
}
