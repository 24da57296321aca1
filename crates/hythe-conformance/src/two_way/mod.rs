//! Hythe and distribution on the same data: whoever wrote a storage folder, the other one serves, extends and cleans it.
//!
//! - [`same_folders`]: the same pushes and deletions leave the same files.
//! - [`handover`]: a folder goes from distribution to Hythe and back, and through distribution's garbage collection.
//! - [`hop`]: an upload begun on one is continued and finished on the other.

mod handover;
mod hop;
mod same_folders;
mod script;
mod tree;

use std::path::{Path, PathBuf};

pub use handover::handover;
pub use hop::{hop, hop_between};
use hythe_testutil::Configuration;
pub use same_folders::same_folders;
pub use script::Script;
use serde_json::json;
pub use tree::{AllowedTreeDifferences, Tree, TreeDifference};

/// The two programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The program that is judged.
    pub hythe: PathBuf,
    /// Distribution, 2.8 or 3.1.
    pub original: PathBuf,
    /// Its major version: 2 cannot delete tags.
    pub original_version: u8,
}

impl Programs {
    /// A script that both can run.
    fn common_script(&self) -> Script {
        if self.original_version < 3 {
            Script::without_tag_deletions()
        } else {
            Script::new()
        }
    }
}

/// The configuration under which both work on one folder: the secret makes each accept the other's uploads.
pub(crate) fn shared(root: &Path) -> Configuration {
    Configuration::filesystem(root).set(&["http", "secret"], json!("a secret that both know"))
}
