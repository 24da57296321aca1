//! Configurations under which registries are compared.

use std::path::Path;

use hythe_testutil::Configuration;
use serde_json::json;

/// A configuration. Most of the corpus runs under the first one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Profile {
    /// Deletion is enabled, everything else as by default.
    Default,
    /// Deletion is not enabled, which is the default.
    DeleteDisabled,
    /// Only reading is allowed; there is content.
    ReadOnly,
    /// Small limits on lists.
    Limits,
    /// All paths are under `/registry/`.
    Prefix,
    /// The registry is told its own address.
    Host,
    /// Locations have no host.
    RelativeUrls,
    /// More headers on every answer.
    Headers,
    /// Descriptors are cached in memory.
    Cache,
    /// Manifests may have URLs of one host, and indexes must be complete for one platform.
    Validation,
    /// Manifests are not validated.
    NoValidation,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 11] = [
        Self::Default,
        Self::DeleteDisabled,
        Self::ReadOnly,
        Self::Limits,
        Self::Prefix,
        Self::Host,
        Self::RelativeUrls,
        Self::Headers,
        Self::Cache,
        Self::Validation,
        Self::NoValidation,
    ];

    /// For the command line and for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::DeleteDisabled => "delete-disabled",
            Self::ReadOnly => "read-only",
            Self::Limits => "limits",
            Self::Prefix => "prefix",
            Self::Host => "host",
            Self::RelativeUrls => "relative-urls",
            Self::Headers => "headers",
            Self::Cache => "cache",
            Self::Validation => "validation",
            Self::NoValidation => "no-validation",
        }
    }

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Whether the storage folder is filled before the registry starts with this configuration.
    pub(super) fn needs_content(self) -> bool {
        self == Self::ReadOnly
    }

    /// The configuration of a registry that stores in `root`.
    pub fn configuration(self, root: &Path) -> Configuration {
        let default = Configuration::filesystem(root);
        match self {
            Self::Default => default,
            Self::DeleteDisabled => default.set(&["storage", "delete", "enabled"], json!(false)),
            Self::ReadOnly => default.set(&["storage", "maintenance", "readonly"], json!({ "enabled": true })),
            Self::Limits => {
                default.set(&["catalog", "maxentries"], json!(3)).set(&["tags", "maxtags"], json!(4))
            }
            Self::Prefix => default.set(&["http", "prefix"], json!("/registry/")),
            Self::Host => default.set(&["http", "host"], json!("https://registry.example.com/below/")),
            Self::RelativeUrls => default.set(&["http", "relativeurls"], json!(true)),
            Self::Headers => {
                default.set(&["http", "headers"], json!({ "X-Frame-Options": ["DENY"], "X-Two": ["a", "b"] }))
            }
            Self::Cache => default.set(&["storage", "cache"], json!({ "blobdescriptor": "inmemory" })),
            Self::Validation => default.set(
                &["validation", "manifests"],
                json!({
                    "urls": { "allow": ["^https?://([^/]+\\.)*example\\.com/"], "deny": ["^https?://www\\.example\\.com/"] },
                    "indexes": { "platforms": "list", "platformlist": [{ "architecture": "amd64", "os": "linux" }] },
                }),
            ),
            Self::NoValidation => default.set(&["validation", "disabled"], json!(true)),
        }
    }
}
