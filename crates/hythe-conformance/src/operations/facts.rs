//! What is known of one program, and where two differ.

use std::collections::{BTreeMap, BTreeSet};

/// Names of facts, and what they are.
#[derive(Clone, Debug, Default)]
pub struct Facts(BTreeMap<String, String>);

/// A fact that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactDifference {
    /// Its name.
    pub fact: String,
    /// What Hythe shows; `absent` for nothing.
    pub hythe: String,
    /// What distribution shows; `absent` for nothing.
    pub original: String,
}

impl Facts {
    /// Notes a fact.
    pub(crate) fn insert(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.insert(name.into(), text.into());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| "absent".to_owned())
    }
}

/// The facts that are not the same in both, by name.
pub fn compare(hythe: &Facts, original: &Facts) -> Vec<FactDifference> {
    let names: BTreeSet<&String> = hythe.0.keys().chain(original.0.keys()).collect();
    let all = names.into_iter().map(|name| FactDifference {
        fact: name.clone(),
        hythe: hythe.text(name),
        original: original.text(name),
    });
    all.filter(|fact| fact.hythe != fact.original).collect()
}
