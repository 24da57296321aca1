/// Which part of an ordered list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Only what comes after this; it need not exist.
    pub after: Option<K>,
    /// At most so many; `None`: all.
    pub limit: Option<usize>,
}

impl<K> Default for PageRequest<K> {
    fn default() -> Self {
        Self {
            after: None,
            limit: None,
        }
    }
}

impl<K> PageRequest<K> {
    /// The first `limit` entries.
    pub fn first(limit: usize) -> Self {
        Self {
            after: None,
            limit: Some(limit),
        }
    }
}

/// A part of an ordered list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K = T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to ask after for the rest; `None` when there is certainly no more.
    pub next: Option<K>,
}

impl<T, K> Default for Page<T, K> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }
}
