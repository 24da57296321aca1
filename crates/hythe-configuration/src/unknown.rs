//! Finds keys that nobody reads: usually a misspelling, which the original ignores in silence.

use crate::node::{Content, Entry, Node};
use crate::problem::{Problem, join};
use crate::shape::{Fields, Shape};

/// Keys of 2.x that have gone, and what to do about them.
pub(crate) const RETIRED: [(&str, &str); 5] = [
    (
        "compatibility",
        "schema 1 manifests are no longer supported; remove the section",
    ),
    (
        "reporting",
        "reports to bugsnag and newrelic are no longer supported; remove the section",
    ),
    ("redis.addr", "no longer read; use the list `addrs`"),
    (
        "redis.pool",
        "no longer read; use `poolsize`, `maxidleconns` and `connmaxidletime`",
    ),
    (
        "redis.tls.enabled",
        "no longer read; TLS is used when one of the other keys of `tls` is set",
    ),
];

/// Warns of every key of `tree` that `shape` does not have.
pub(crate) fn warn_of_unknown_keys(tree: &Node, shape: &Shape, problems: &mut Vec<Problem>) {
    Search {
        root: shape,
        problems,
    }
    .walk(tree, shape, "");
}

/// The name that `word` most likely means; `None` when all are far off.
pub(crate) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Comparing costs the product of both lengths; no key is nearly as long.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase();
    let distance = |name: &'n str| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name);
    let (distance, name) = names.into_iter().map(distance).min()?;
    let allowed = word.chars().count().div_ceil(3);
    (distance <= allowed.min(3)).then_some(name)
}

struct Search<'a> {
    root: &'a Shape,
    problems: &'a mut Vec<Problem>,
}

impl Search<'_> {
    fn walk(&mut self, node: &Node, shape: &Shape, path: &str) {
        match (shape, &node.content) {
            (Shape::Section(fields), Content::Map(entries)) => {
                for entry in entries {
                    let path = join(path, &entry.key);
                    match fields.field(&entry.key) {
                        Some(field) => self.walk(&entry.value, &field.shape, &path),
                        None if fields.others.is_some() => {}
                        None => {
                            self.problems.push(self.problem(entry, path, fields));
                        }
                    }
                }
            }
            (Shape::List(element), Content::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(item, element, &format!("{path}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn problem(&self, entry: &Entry, path: String, fields: &Fields) -> Problem {
        let origin = entry.origin.clone();
        if let Some((_, advice)) = RETIRED.iter().find(|(retired, _)| *retired == path) {
            return Problem::warning(path, origin, *advice);
        }
        let message = self.message(&entry.key, fields);
        Problem::warning(path, origin, message).of_unknown_key()
    }

    fn message(&self, key: &str, fields: &Fields) -> String {
        if let Some(name) = nearest(key, fields.known.iter().map(|field| field.key)) {
            return format!("unknown key, did you mean \"{name}\"?");
        }
        match self.same_key_elsewhere(key) {
            Some(place) => format!("unknown key here, did you mean \"{place}\"?"),
            None => "unknown key, it has no effect".to_owned(),
        }
    }

    /// The place of a key that was put into the wrong section; `None` when there are several.
    fn same_key_elsewhere(&self, key: &str) -> Option<String> {
        let mut places = Vec::new();
        collect_places(self.root, "", key, &mut places);
        match places.as_slice() {
            [place] => Some(place.clone()),
            _ => None,
        }
    }
}

fn collect_places(shape: &Shape, path: &str, key: &str, places: &mut Vec<String>) {
    let Some(fields) = shape.section() else {
        return;
    };
    for field in &fields.known {
        let path = join(path, field.key);
        if field.key == key {
            places.push(path.clone());
        }
        collect_places(&field.shape, &path, key, places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_within_reason() {
        let names = ["addr", "net", "headers", "relativeurls"];
        for (word, expected) in [
            ("adr", Some("addr")),
            ("ADDR", Some("addr")),
            ("header", Some("headers")),
            ("relative-urls", Some("relativeurls")),
            ("nte", Some("net")),
            ("x", None),
            ("completely", None),
        ] {
            assert_eq!(nearest(word, names), expected, "{word}");
        }
        assert_eq!(nearest(&"a".repeat(1_000_000), names), None);
    }
}
