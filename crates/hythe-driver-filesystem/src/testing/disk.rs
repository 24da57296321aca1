use std::collections::{BTreeMap, HashMap};

use hythe_driver::DriverPath;

use crate::operation::{FileHandle, Operation};

/// Names a file or directory of the model.
type Node = usize;
const ROOT: Node = 0;

/// A file system in memory that knows what of it is on the disk.
///
/// Every change is pending until something syncs it; a crash keeps the synced ones and any of the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// What everybody sees while the power is on.
    seen: Tree,
    /// All changes in order.
    changes: Vec<Change>,
    handles: HashMap<FileHandle, Node>,
    nodes: usize,
}

#[derive(Debug, Clone)]
struct Change {
    effect: Effect,
    is_synced: bool,
}

/// A change of one file, or of the names in one or two directories.
#[derive(Debug, Clone)]
enum Effect {
    Write {
        file: Node,
        offset: usize,
        content: Vec<u8>,
    },
    Truncate {
        file: Node,
        size: usize,
    },
    Names(Vec<Name>),
}

/// A name in a directory from now on: what it leads to, or nothing.
#[derive(Debug, Clone)]
struct Name {
    directory: Node,
    text: String,
    leads_to: Option<(Node, bool)>,
}

/// Directories and files as some set of changes makes them.
#[derive(Debug, Clone, Default)]
struct Tree {
    names: HashMap<Node, BTreeMap<String, (Node, bool)>>,
    contents: HashMap<Node, Vec<u8>>,
}

impl Disk {
    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::MakeDirectory { path } => {
                let node = self.new_node();
                self.change_names(vec![(path, Some((node, true)))]);
            }
            Operation::Open { path, handle } => {
                let node = self.seen.find(path).map(|(node, _)| node);
                let node = node.unwrap_or_else(|| {
                    let node = self.new_node();
                    self.change_names(vec![(path, Some((node, false)))]);
                    node
                });
                self.handles.insert(*handle, node);
            }
            Operation::Write {
                handle,
                offset,
                content,
            } => self.change(Effect::Write {
                file: self.handles[handle],
                offset: *offset as usize,
                content: content.to_vec(),
            }),
            Operation::Truncate { handle, size } => self.change(Effect::Truncate {
                file: self.handles[handle],
                size: *size as usize,
            }),
            Operation::SyncFile { handle } => {
                let synced = self.handles[handle];
                self.sync(|effect| match effect {
                    Effect::Write { file, .. } | Effect::Truncate { file, .. } => *file == synced,
                    Effect::Names(_) => false,
                });
            }
            Operation::SyncDirectory { path } => {
                if let Some((synced, _)) = self.seen.find(path) {
                    self.sync(|effect| match effect {
                        Effect::Names(names) => names.iter().any(|name| name.directory == synced),
                        Effect::Write { .. } | Effect::Truncate { .. } => false,
                    });
                }
            }
            Operation::Rename { from, to } => {
                let moved = self.seen.find(from);
                self.change_names(vec![(to, moved), (from, None)]);
            }
            Operation::Link { from, to } => {
                let linked = self.seen.find(from);
                self.change_names(vec![(to, linked)]);
            }
            Operation::Remove { path } => self.change_names(vec![(path, None)]),
            Operation::Acknowledged { .. } => {}
        }
    }

    /// How many changes could still be lost.
    pub(super) fn unsynced(&self) -> usize {
        self.changes.iter().filter(|change| !change.is_synced).count()
    }

    /// The files on the disk after a crash that keeps those unsynced changes that `keeps` says, by their number
    /// among the unsynced ones.
    pub(super) fn crashed(&self, keeps: impl Fn(usize) -> bool) -> BTreeMap<DriverPath, Vec<u8>> {
        let mut tree = Tree::default();
        let mut number = 0;
        for change in &self.changes {
            let survives = change.is_synced || {
                number += 1;
                keeps(number - 1)
            };
            if survives {
                tree.apply(&change.effect);
            }
        }
        tree.files()
    }

    /// Whether an unsynced change is one of names; otherwise it is one of content.
    pub(super) fn is_about_names(&self, number: usize) -> bool {
        let mut unsynced = self.changes.iter().filter(|change| !change.is_synced);
        matches!(
            unsynced.nth(number),
            Some(Change {
                effect: Effect::Names(_),
                ..
            })
        )
    }

    fn new_node(&mut self) -> Node {
        self.nodes += 1;
        self.nodes
    }

    fn change_names(&mut self, names: Vec<(&DriverPath, Option<(Node, bool)>)>) {
        let names = names.into_iter().filter_map(|(path, leads_to)| {
            let (directory, _) = self.seen.find(&path.parent()?)?;
            Some(Name {
                directory,
                text: path.name().to_owned(),
                leads_to,
            })
        });
        let effect = Effect::Names(names.collect());
        self.change(effect);
    }

    fn change(&mut self, effect: Effect) {
        self.seen.apply(&effect);
        self.changes.push(Change {
            effect,
            is_synced: false,
        });
    }

    fn sync(&mut self, concerns: impl Fn(&Effect) -> bool) {
        for change in &mut self.changes {
            change.is_synced |= concerns(&change.effect);
        }
    }
}

impl Tree {
    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Write {
                file,
                offset,
                content,
            } => {
                let bytes = self.contents.entry(*file).or_default();
                let end = offset + content.len();
                // A hole that nobody wrote, or whose writing got lost, reads as zeros.
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(content);
            }
            Effect::Truncate { file, size } => self.contents.entry(*file).or_default().resize(*size, 0),
            Effect::Names(names) => {
                for name in names {
                    let directory = self.names.entry(name.directory).or_default();
                    match name.leads_to {
                        Some(node) => directory.insert(name.text.clone(), node),
                        None => directory.remove(&name.text),
                    };
                }
            }
        }
    }

    fn find(&self, path: &DriverPath) -> Option<(Node, bool)> {
        path.components().try_fold((ROOT, true), |(node, _), name| {
            self.names.get(&node)?.get(name).copied()
        })
    }

    fn files(&self) -> BTreeMap<DriverPath, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut directories = vec![(DriverPath::root(), ROOT)];
        while let Some((path, directory)) = directories.pop() {
            for (name, (node, is_directory)) in self.names.get(&directory).into_iter().flatten() {
                let Ok(child) = path.join(name) else { continue };
                if *is_directory {
                    directories.push((child, *node));
                } else {
                    files.insert(child, self.contents.get(node).cloned().unwrap_or_default());
                }
            }
        }
        files
    }
}
