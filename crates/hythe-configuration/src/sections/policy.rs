//! `policy`: undocumented in the original.

use super::default_is_read_from_nothing;
use crate::problem::quoted;
use crate::section::Section;

/// What may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Rules for repositories.
    pub repository: RepositoryPolicy,
}

/// `policy.repository`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPolicy {
    /// The classes of content that may be pushed, of `image` and `plugin`; empty for all.
    pub classes: Vec<String>,
}

impl Policy {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            repository: section.section("repository", RepositoryPolicy::read),
        }
    }
}

impl RepositoryPolicy {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let classes = section.texts("classes");
        let is_known = |class: &str| ["image", "plugin"].contains(&class);
        if let Some(class) = classes.iter().find(|class| !is_known(class)) {
            let message = format!(
                "nothing is of the class {}; there are image and plugin",
                quoted(class)
            );
            section.warn("classes", message);
        }
        Self { classes }
    }
}

default_is_read_from_nothing!(Policy, RepositoryPolicy);
