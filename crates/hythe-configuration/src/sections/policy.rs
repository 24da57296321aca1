//! `policy`: undocumented in the original.

use super::default_is_read_from_nothing;
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
        Self {
            classes: section.texts("classes"),
        }
    }
}

default_is_read_from_nothing!(Policy, RepositoryPolicy);
