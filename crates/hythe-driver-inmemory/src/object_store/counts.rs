/// How many requests an object store answered, by kind. Requests that failed count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OperationCounts {
    /// Objects, or ranges of them, fetched.
    pub get: u64,
    /// Objects put.
    pub put: u64,
    /// Sizes asked for.
    pub head: u64,
    /// Pages of at most 1000 names, of objects, of unfinished uploads or of parts.
    pub list: u64,
    /// Objects copied.
    pub copy: u64,
    /// Batches of at most 1000 objects deleted.
    pub delete: u64,
    /// Uploads begun.
    pub create_upload: u64,
    /// Parts put.
    pub put_part: u64,
    /// Parts copied from objects.
    pub copy_part: u64,
    /// Uploads completed.
    pub complete_upload: u64,
    /// Uploads aborted.
    pub abort_upload: u64,
}

impl OperationCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.get
            + self.put
            + self.head
            + self.list
            + self.copy
            + self.delete
            + self.create_upload
            + self.put_part
            + self.copy_part
            + self.complete_upload
            + self.abort_upload
    }
}
