//! `catalog` and `tags`: the longest pages of lists.

use std::num::NonZeroUsize;

use super::default_is_read_from_nothing;
use crate::section::Section;

/// `catalog`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The largest page of the catalog that a client may ask for; 1000 by default, and when 0 or less.
    pub maxentries: NonZeroUsize,
}

/// `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// The largest page of a tag list that a client may ask for; 1000 by default, and when 0.
    pub maxtags: NonZeroUsize,
}

impl Catalog {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let maxentries = section.integer("maxentries").and_then(positive);
        Self {
            maxentries: section.settle("maxentries", maxentries.unwrap_or(DEFAULT)),
        }
    }
}

impl Tags {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let maxtags = section.integer("maxtags");
        if maxtags.is_some_and(i64::is_negative) {
            section.fail("maxtags", "maxtags limit must be a non-negative integer value");
        }
        Self {
            maxtags: section.settle("maxtags", maxtags.and_then(positive).unwrap_or(DEFAULT)),
        }
    }
}

default_is_read_from_nothing!(Catalog, Tags);

const DEFAULT: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");

fn positive(number: i64) -> Option<NonZeroUsize> {
    usize::try_from(number).ok().and_then(NonZeroUsize::new)
}
