use hythe_driver::multipart::{PartBudget, PartLimits};
use hythe_driver::objects::PAGE_KEYS;

/// How the imitated object store and the driver on it behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectStoreOptions {
    /// The fewest bytes of a part that is not the last of its upload.
    pub minimum_part_bytes: u64,
    /// The bytes of the first parts that the driver sends, if more than the minimum.
    pub preferred_part_bytes: u64,
    /// Parts do not grow beyond so many bytes.
    pub buffered_part_bytes: u64,
    /// The most parts of one upload.
    pub maximum_parts: u32,
    /// How many parts of one upload are sent at once.
    pub parts_in_flight: usize,
    /// Bytes of parts that all writers may have on their way together.
    pub budget_bytes: u64,
    /// Whether the driver makes the marks of parts up itself, as on Azure, or is given them, as on S3.
    pub derives_marks: bool,
    /// The most names in one page of a listing.
    pub page_keys: usize,
    /// Whether listings can begin after a name.
    pub seeks: bool,
    /// Whether unfinished uploads are told by what their keys begin with, or only by exact keys, as by MinIO.
    pub lists_uploads_by_prefix: bool,
    /// How often every request lets others go first, as if it took time.
    pub yields: u32,
    /// What all keys begin with.
    pub root_directory: String,
}

impl Default for ObjectStoreOptions {
    /// As S3 allows, with the smallest parts.
    fn default() -> Self {
        Self {
            minimum_part_bytes: 5 << 20,
            preferred_part_bytes: 0,
            buffered_part_bytes: PartLimits::BUFFERED_BYTES,
            maximum_parts: 10_000,
            parts_in_flight: 4,
            budget_bytes: PartBudget::DEFAULT_BYTES,
            derives_marks: false,
            page_keys: PAGE_KEYS,
            seeks: true,
            lists_uploads_by_prefix: true,
            yields: 0,
            root_directory: String::new(),
        }
    }
}

impl ObjectStoreOptions {
    pub(super) fn part_limits(&self) -> PartLimits {
        PartLimits {
            minimum_bytes: self.minimum_part_bytes,
            preferred_bytes: self.preferred_part_bytes,
            maximum_bytes: 5 << 30,
            buffered_bytes: self.buffered_part_bytes,
            maximum_parts: self.maximum_parts,
            alignment_bytes: 1,
            in_flight: self.parts_in_flight,
        }
    }
}
