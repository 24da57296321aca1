//! What the registry has answered.

use hythe_testutil::{Content, Random};

/// A blob that can be made again.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) repository: String,
    pub(crate) name: String,
    pub(crate) length: usize,
    pub(crate) seed: u64,
}

impl Recipe {
    pub(crate) fn make(&self) -> Content {
        Content::blob(Random::named(self.seed, &self.name).bytes(self.length))
    }
}

/// A manifest under a tag.
#[derive(Clone, Debug)]
pub(crate) struct Tagged {
    pub(crate) repository: String,
    pub(crate) tag: String,
    pub(crate) manifest: Content,
}

/// An upload that was cut off.
#[derive(Clone, Debug)]
pub(crate) struct OpenUpload {
    pub(crate) recipe: Recipe,
    /// Where the registry said that it goes on.
    pub(crate) target: String,
    /// Bytes of chunks that were answered 202.
    pub(crate) acknowledged: usize,
    /// Whether the request that completes it was sent.
    pub(crate) is_closing: bool,
}

/// Everything that was answered, and what was cut off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) blobs: Vec<Recipe>,
    pub(crate) manifests: Vec<Tagged>,
    pub(crate) uploads: Vec<OpenUpload>,
}

impl Ledger {
    /// Adds what another ledger says is there; its open uploads have been dealt with.
    pub(crate) fn take_over(&mut self, other: Self) {
        self.blobs.extend(other.blobs);
        self.manifests.extend(other.manifests);
    }
}
