//! What lies in a storage folder, and how two folders differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use hythe_testutil::digest::sha256;
use serde::Deserialize;

use crate::failure::Failure;
use crate::text::{matches, without_uuids};

/// The folders and files below a folder, by path, with ids of uploads replaced and empty folders of uploads left out.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    entries: BTreeMap<String, String>,
}

/// A path at which two trees differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeDifference {
    /// Below the storage folder.
    pub path: String,
    /// What the left tree has: `absent`, `folder`, or a file's length and digest.
    pub left: String,
    /// What the right tree has.
    pub right: String,
}

const ABSENT: &str = "absent";
const FOLDER: &str = "folder";

impl Tree {
    /// Reads everything below `root`.
    pub fn read(root: &Path) -> Result<Self, Failure> {
        let mut tree = Self::default();
        tree.read_folder(root, "")
            .map_err(|error| Failure::new(format!("{}: {error}", root.display())))?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, path: &str) -> io::Result<bool> {
        let mut is_empty = true;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = without_uuids(entry.file_name().to_string_lossy().into_owned());
            let below = format!("{path}/{name}");
            is_empty = false;
            if entry.file_type()?.is_dir() {
                let was_empty = self.read_folder(&entry.path(), &below)?;
                if !(name == "_uploads" && was_empty) {
                    self.entries.insert(below, FOLDER.to_owned());
                }
            } else {
                let bytes = fs::read(entry.path())?;
                // The time is when the upload began.
                let is_time = name == "startedat";
                let content = if is_time {
                    "a time".to_owned()
                } else {
                    format!("{} bytes, {}", bytes.len(), sha256(&bytes))
                };
                self.entries.insert(below, content);
            }
        }
        Ok(is_empty)
    }

    /// Number of folders and files.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Paths that have a file or folder.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Where the trees differ.
    pub fn differences(&self, other: &Self) -> Vec<TreeDifference> {
        let paths: BTreeSet<&String> = self.entries.keys().chain(other.entries.keys()).collect();
        let value =
            |tree: &Self, path: &String| tree.entries.get(path).map_or(ABSENT.to_owned(), Clone::clone);
        paths
            .into_iter()
            .map(|path| TreeDifference {
                path: path.clone(),
                left: value(self, path),
                right: value(other, path),
            })
            .filter(|difference| difference.left != difference.right)
            .collect()
    }
}

/// A list of differences between folders that are wanted, read from JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedTreeDifferences {
    differences: Vec<AllowedTreeDifference>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedTreeDifference {
    /// Pattern of the path; `*` stands for any characters.
    path: String,
    /// Pattern of what the left tree has.
    left: String,
    /// Pattern of what the right tree has.
    right: String,
    /// Why the difference is wanted.
    reason: String,
}

impl AllowedTreeDifferences {
    /// Reads the list.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let list: Self = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("allowed differences: {error}")))?;
        match list
            .differences
            .iter()
            .find(|entry| entry.reason.trim().is_empty())
        {
            Some(entry) => Err(Failure::new(format!(
                "allowed differences: {} has no reason",
                entry.path
            ))),
            None => Ok(list),
        }
    }

    /// The list that belongs to the program.
    pub fn built_in() -> Result<Self, Failure> {
        Self::parse(include_str!("../../tree-differences.json"))
    }

    /// The differences that no entry covers, and the paths of entries that cover none.
    pub fn judge<'a>(&'a self, differences: &'a [TreeDifference]) -> (Vec<&'a TreeDifference>, Vec<&'a str>) {
        let covers = |entry: &AllowedTreeDifference, difference: &TreeDifference| {
            matches(&entry.path, &difference.path)
                && matches(&entry.left, &difference.left)
                && matches(&entry.right, &difference.right)
        };
        let unexpected = differences
            .iter()
            .filter(|difference| !self.differences.iter().any(|entry| covers(entry, difference)));
        let unused = self
            .differences
            .iter()
            .filter(|entry| !differences.iter().any(|difference| covers(entry, difference)));
        (
            unexpected.collect(),
            unused.map(|entry| entry.path.as_str()).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_empty_upload_folders_do_not_count() {
        let make = |id: &str, with_uploads: bool| {
            let folder = tempfile::TempDir::new().unwrap();
            let upload = folder.path().join("a/_uploads").join(id);
            fs::create_dir_all(&upload).unwrap();
            fs::write(upload.join("data"), "x").unwrap();
            if with_uploads {
                fs::create_dir_all(folder.path().join("b/_uploads")).unwrap();
            } else {
                fs::create_dir_all(folder.path().join("b")).unwrap();
            }
            Tree::read(folder.path()).unwrap()
        };
        let left = make("01890a5d-ac96-774b-bcce-b302099a8057", true);
        let right = make("01890a5d-ac96-774b-bcce-b302099a8058", false);
        assert_eq!(left.differences(&right), []);
        assert!(left.paths().any(|path| path == "/a/_uploads/UUID/data"));
    }

    #[test]
    fn the_built_in_list_can_be_read() {
        AllowedTreeDifferences::built_in().unwrap();
    }
}
