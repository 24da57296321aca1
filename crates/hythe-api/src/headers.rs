//! Header fields of the registry API that HTTP itself does not know.

use http::HeaderName;

/// `Docker-Distribution-Api-Version`: which API answers. Its value is [`API_VERSION_VALUE`].
pub const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
/// The only value of [`API_VERSION`].
pub const API_VERSION_VALUE: &str = "registry/2.0";
/// `Docker-Content-Digest`: the digest of the content that is meant, even where only a part is sent.
pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// `Docker-Upload-UUID`: the id of an upload, for people who read logs.
pub const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// `OCI-Subject`: the subject of a manifest that was pushed, when the registry indexed it.
pub const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// `OCI-Tag`: the tags that the query of a manifest push asked for and got.
pub const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
/// `OCI-Filters-Applied`: the filters that made a list of referrers shorter.
pub const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// `OCI-Chunk-Min-Length`: the least size of a chunk in bytes, save for the last.
pub const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
/// `X-Forwarded-Proto`: the scheme that the client used, from a proxy.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// `X-Forwarded-Host`: the host that the client used, from a proxy.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
