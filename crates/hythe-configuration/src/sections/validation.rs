//! `validation`: what is checked when a manifest is pushed.

use serde_json::Value as Json;

use super::default_is_read_from_nothing;
use crate::problem::quoted;
use crate::section::Section;

/// What is checked when a manifest is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// Whether the rules below hold: unless `disabled` says no, and always when the old key `enabled` says yes.
    pub enabled: bool,
    /// The rules for manifests.
    pub manifests: ManifestValidation,
}

impl Validation {
    /// Which children of an index must be there when it is pushed.
    ///
    /// Without a word about it in the file an index may be pushed before its children (the OCI distribution spec
    /// lets clients do so); with one, the original's rules hold.
    pub fn index_children(&self) -> IndexChildren<'_> {
        let Self { enabled, manifests } = self;
        if !enabled || !manifests.is_configured {
            return IndexChildren::None;
        }
        match manifests.indexes.platforms {
            Platforms::None => IndexChildren::None,
            // An empty list behaves like `all`, as in the original.
            Platforms::List if !manifests.indexes.platformlist.is_empty() => {
                IndexChildren::OfPlatforms(&manifests.indexes.platformlist)
            }
            Platforms::List | Platforms::All => IndexChildren::All,
        }
    }
}

/// Which children of an index must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexChildren<'a> {
    /// Every one.
    All,
    /// Those for one of these platforms.
    OfPlatforms(&'a [Platform]),
    /// None.
    None,
}

/// `validation.manifests`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestValidation {
    /// Whether the file says anything that the original knows (`urls` or `indexes`). The key `images` of Hythe's own
    /// does not count: it is there to switch checks off, and must not switch others on.
    pub is_configured: bool,
    /// The URLs that layers may name.
    pub urls: UrlRules,
    /// The children of indexes.
    pub indexes: IndexRules,
    /// The blobs of images. A key of Hythe's own.
    pub images: ImageRules,
}

/// `validation.manifests.urls`: regular expressions, matched anywhere in the URL. When both are empty, no URL is
/// allowed; with only `deny`, all others are. All expressions are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlRules {
    /// URLs that are allowed.
    pub allow: Vec<String>,
    /// URLs that are not, whatever `allow` says.
    pub deny: Vec<String>,
}

/// `validation.manifests.indexes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRules {
    /// Which children are checked.
    pub platforms: Platforms,
    /// The platforms of `list`.
    pub platformlist: Vec<Platform>,
}

/// Which children of an index are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platforms {
    /// Every one.
    All,
    /// None.
    None,
    /// Those for the platforms of a list.
    List,
}

/// A platform by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The architecture, such as `amd64`.
    pub architecture: String,
    /// The operating system, such as `linux`.
    pub os: String,
}

/// `validation.manifests.images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRules {
    /// Whether the config and the layers of an image must be there when it is pushed.
    pub blobs: ImageBlobs,
}

/// Which blobs of an image must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageBlobs {
    /// The config and every layer that is not foreign; the default.
    All,
    /// None; for content that is stored elsewhere.
    None,
}

impl Validation {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let is_forced = section.boolean_or("enabled", false);
        let is_disabled = section.boolean_or("disabled", false);
        let enabled = is_forced || !is_disabled;
        section.settle("disabled", !enabled);
        let effect = is_forced.then_some(Json::Bool(false));
        section.deprecate("enabled", &["disabled"], effect);
        Self {
            enabled,
            manifests: section.section("manifests", ManifestValidation::read),
        }
    }
}

impl ManifestValidation {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let is_configured = section.has("urls") || section.has("indexes");
        let urls = section.section("urls", UrlRules::read);
        let indexes = section.section("indexes", IndexRules::read);
        if !is_configured {
            section.unset("urls");
            section.unset("indexes");
        }
        Self {
            is_configured,
            urls,
            indexes,
            images: section.section("images", ImageRules::read),
        }
    }
}

impl UrlRules {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            allow: expressions(section, "allow"),
            deny: expressions(section, "deny"),
        }
    }
}

impl IndexRules {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let choices = [
            ("all", Platforms::All),
            ("none", Platforms::None),
            ("list", Platforms::List),
        ];
        Self {
            platforms: section.choice_or("platforms", &choices, Platforms::All),
            platformlist: section.sections("platformlist", Platform::read),
        }
    }
}

impl Platform {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            architecture: section.text("architecture").unwrap_or_default(),
            os: section.text("os").unwrap_or_default(),
        }
    }
}

impl ImageRules {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let choices = [("all", ImageBlobs::All), ("none", ImageBlobs::None)];
        Self {
            blobs: section.choice_or("blobs", &choices, ImageBlobs::All),
        }
    }
}

default_is_read_from_nothing!(Validation, ManifestValidation, UrlRules, IndexRules, ImageRules);

fn expressions(section: &Section<'_>, key: &'static str) -> Vec<String> {
    let expressions = section.texts(key);
    for expression in &expressions {
        if regex::Regex::new(expression).is_err() {
            section.fail(key, format!("{} is not a regular expression", quoted(expression)));
        }
    }
    expressions
}
