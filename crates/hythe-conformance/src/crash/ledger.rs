//! What the registry has answered.

use hythe_testutil::{Content, Random};

/// A blob that can be made again.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) repository: String,
    pub(super) name: String,
    pub(super) length: usize,
    pub(super) seed: u64,
}

impl Recipe {
    pub(super) fn make(&self) -> Content {
        Content::blob(Random::named(self.seed, &self.name).bytes(self.length))
    }
}

/// A manifest under a tag.
#[derive(Clone, Debug)]
pub(super) struct Tagged {
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) manifest: Content,
}

/// An upload that was cut off.
#[derive(Clone, Debug)]
pub(super) struct OpenUpload {
    pub(super) recipe: Recipe,
    /// Where the registry said that it goes on.
    pub(super) target: String,
    /// Bytes of chunks that were answered 202.
    pub(super) acknowledged: usize,
    /// Whether the request that completes it was sent.
    pub(super) is_closing: bool,
}

/// Everything that was answered, and what was cut off.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) blobs: Vec<Recipe>,
    pub(super) manifests: Vec<Tagged>,
    pub(super) uploads: Vec<OpenUpload>,
}

impl Ledger {
    /// Adds what another ledger says is there; its open uploads have been dealt with.
    pub(super) fn take_over(&mut self, other: Self) {
        self.blobs.extend(other.blobs);
        self.manifests.extend(other.manifests);
    }
}
