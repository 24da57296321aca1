use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bucket::Bucket;

/// What a listing asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// The first name, itself included.
    pub(super) start_offset: String,
    /// The last name or prefix of the page before.
    pub(super) page_token: Option<String>,
    pub(super) max_results: usize,
}

impl Bucket {
    /// A page of names and prefixes together, in byte order.
    pub(super) fn list(&self, wanted: &Wanted) -> Value {
        let mut items = Vec::new();
        let mut prefixes = BTreeSet::new();
        let mut last: Option<String> = None;
        let mut next = None;
        for (key, stored) in &self.objects {
            if !key.starts_with(&wanted.prefix) || *key < wanted.start_offset {
                continue;
            }
            let common = wanted.delimiter.as_ref().and_then(|delimiter| {
                let end = key[wanted.prefix.len()..].find(delimiter)? + wanted.prefix.len() + delimiter.len();
                Some(key[..end].to_owned())
            });
            let name = common.clone().unwrap_or_else(|| key.clone());
            let is_told =
                wanted.page_token.as_ref().is_some_and(|token| name <= *token) || prefixes.contains(&name);
            if is_told {
                continue;
            }
            if items.len() + prefixes.len() >= wanted.max_results.clamp(1, 1000) {
                next = last;
                break;
            }
            last = Some(name);
            match common {
                Some(common) => {
                    prefixes.insert(common);
                }
                None => items.push(stored.describe(key)),
            }
        }
        let mut page = json!({ "kind": "storage#objects" });
        // The service leaves out what is empty.
        if !items.is_empty() {
            page["items"] = items.into();
        }
        if !prefixes.is_empty() {
            page["prefixes"] = prefixes.into_iter().collect();
        }
        if let Some(next) = next {
            page["nextPageToken"] = next.into();
        }
        page
    }
}
