use std::sync::Arc;

/// What a driver can do beyond the required behaviour, as data.
///
/// Callers choose their way by it and the behaviour suite leaves out what a backend cannot do; nobody probes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a backend, not states"
)]
pub struct Capabilities {
    /// [`crate::WriterMode::Append`] continues a file in place, so that a suspended writer needs no token.
    pub append: bool,
    /// [`crate::PutMode::Update`] is supported.
    pub conditional_update: bool,
    /// Directories exist on their own: one that lost its last file is still listed.
    pub directories: bool,
    /// [`crate::StorageDriver::redirect_url`] may return an address.
    pub redirect: bool,
    /// The backend answers `Range: bytes=-n` (the last bytes) at such an address. Azure's does not, though it must take
    /// the other forms.
    pub redirect_suffix_ranges: bool,
    /// Smallest piece, in bytes, that can be added to an unfinished upload cheaply; `None` when there is no
    /// minimum. Clients are told it as `OCI-Chunk-Min-Length`.
    pub minimum_part_bytes: Option<u64>,
    /// What stands before a path, without its leading `/`, in the name of the object that holds it: empty, or ending
    /// in `/`. It lets a delivery network in front of the same bucket name the object. `None` where a file is no
    /// object that others could serve by such a name.
    pub key_prefix: Option<Arc<str>>,
}

impl Capabilities {
    /// The capabilities of a file system: it appends, keeps directories, and neither updates conditionally nor
    /// redirects.
    pub fn filesystem() -> Self {
        Self {
            append: true,
            conditional_update: false,
            directories: true,
            redirect: false,
            redirect_suffix_ranges: false,
            minimum_part_bytes: None,
            key_prefix: None,
        }
    }

    /// The capabilities of an object store whose unfinished uploads take parts of at least
    /// `minimum_part_bytes` bytes: no appending, no directories, conditional updates.
    pub fn object_store(minimum_part_bytes: u64) -> Self {
        Self {
            append: false,
            conditional_update: true,
            directories: false,
            redirect: false,
            redirect_suffix_ranges: false,
            minimum_part_bytes: Some(minimum_part_bytes),
            key_prefix: None,
        }
    }
}
