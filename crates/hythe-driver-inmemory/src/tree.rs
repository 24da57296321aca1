use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use bytes::Bytes;
use hythe_driver::{DriverPath, ErrorKind, FileInfo, ListOptions};

use crate::content::Content;

type Result<T> = std::result::Result<T, ErrorKind>;

/// Names one file for as long as it exists; a file that replaces another has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(u64);

/// The directories and files, all under the caller's lock.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    root: Directory,
    last_id: u64,
}

/// Children by their sort key: a file's name, a directory's name with `/`. So the map's order is the order in
/// which children are listed.
#[derive(Debug, Default)]
struct Directory {
    children: BTreeMap<String, Node>,
}

#[derive(Debug)]
enum Node {
    File(File),
    Directory(Directory),
}

#[derive(Debug)]
struct File {
    id: FileId,
    content: Content,
    modified: SystemTime,
    has_writer: bool,
}

impl Tree {
    /// The content of a file; cheap, as the bytes are shared.
    pub(crate) fn content(&self, path: &DriverPath) -> Result<(FileInfo, Content)> {
        let file = self.file(path)?;
        Ok((file.info(path), file.content.clone()))
    }

    pub(crate) fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        match self.file(path) {
            Ok(file) => Ok(file.info(path)),
            Err(ErrorKind::NotAFile) => Ok(FileInfo::directory(path.clone())),
            Err(kind) => Err(kind),
        }
    }

    pub(crate) fn list(&self, path: &DriverPath, options: &ListOptions) -> Result<Vec<FileInfo>> {
        let directory = self.directory(path)?;
        let after = match &options.start_after {
            Some(name) => Bound::Excluded(name.as_str()),
            None => Bound::Unbounded,
        };
        let children = directory.children.range::<str, _>((after, Bound::Unbounded));
        children
            .take(options.limit.unwrap_or(usize::MAX))
            .map(|(key, node)| {
                let name = key.strip_suffix('/').unwrap_or(key);
                let child = path.join(name).map_err(|_| ErrorKind::InvalidPath)?;
                Ok(match node {
                    Node::File(file) => file.info(&child),
                    Node::Directory(_) => FileInfo::directory(child),
                })
            })
            .collect()
    }

    /// Puts a new file at a path, in place of a file that is there if `replace` says so.
    pub(crate) fn put(&mut self, path: &DriverPath, content: Content, replace: bool) -> Result<FileId> {
        self.last_id += 1;
        let id = FileId(self.last_id);
        let file = File {
            id,
            content,
            modified: SystemTime::now(),
            has_writer: false,
        };
        self.insert(path, file, replace)?;
        Ok(id)
    }

    /// Opens a file for one writer.
    pub(crate) fn acquire(&mut self, path: &DriverPath) -> Result<(FileId, u64)> {
        let file = self.file_mut(path)?;
        if file.has_writer {
            return Err(ErrorKind::Busy);
        }
        file.has_writer = true;
        Ok((file.id, file.content.size()))
    }

    /// Whether a writer holds the path.
    pub(crate) fn is_held(&self, path: &DriverPath) -> bool {
        self.file(path).is_ok_and(|file| file.has_writer)
    }

    /// Ends a writer's hold, if the file is still the one it had opened.
    pub(crate) fn release(&mut self, path: &DriverPath, id: FileId) {
        if let Ok(file) = self.owned_file(path, id) {
            file.has_writer = false;
        }
    }

    pub(crate) fn append(&mut self, path: &DriverPath, id: FileId, batch: &[Bytes]) -> Result<()> {
        let file = self.owned_file(path, id)?;
        file.content.append(batch);
        file.modified = SystemTime::now();
        Ok(())
    }

    /// Checks that a writer's file is still at its path.
    pub(crate) fn check_owned(&mut self, path: &DriverPath, id: FileId) -> Result<()> {
        self.owned_file(path, id).map(|_| ())
    }

    /// Moves a file. Nothing changes on an error.
    pub(crate) fn rename(&mut self, from: &DriverPath, to: &DriverPath, replace: bool) -> Result<()> {
        let source = self.file(from)?;
        if from == to {
            return Ok(());
        }
        let moved = File {
            id: source.id,
            content: source.content.clone(),
            modified: source.modified,
            has_writer: false,
        };
        self.insert(to, moved, replace)?;
        self.remove_file(from)
    }

    /// Removes a file or a directory with all below it.
    pub(crate) fn delete(&mut self, path: &DriverPath) -> Result<()> {
        let (parent, name) = split(path)?;
        let directory = self.parent_mut(&parent)?;
        let removed = directory.children.remove(name);
        let removed = removed.or_else(|| directory.children.remove(&directory_key(name)));
        removed.map(|_| ()).ok_or(ErrorKind::NotFound)
    }

    pub(crate) fn remove_file(&mut self, path: &DriverPath) -> Result<()> {
        let (parent, name) = split(path)?;
        let directory = self.parent_mut(&parent)?;
        directory
            .children
            .remove(name)
            .map(|_| ())
            .ok_or(ErrorKind::NotFound)
    }

    fn insert(&mut self, path: &DriverPath, file: File, replace: bool) -> Result<()> {
        let (parent, name) = split(path)?;
        let directory = self.make_directories(&parent)?;
        if directory.children.contains_key(&directory_key(name)) {
            return Err(ErrorKind::NotAFile);
        }
        if !replace && directory.children.contains_key(name) {
            return Err(ErrorKind::AlreadyExists);
        }
        directory.children.insert(name.to_owned(), Node::File(file));
        Ok(())
    }

    fn make_directories(&mut self, path: &DriverPath) -> Result<&mut Directory> {
        let mut directory = &mut self.root;
        for component in path.components() {
            if directory.children.contains_key(component) {
                return Err(ErrorKind::NotADirectory);
            }
            let child = directory
                .children
                .entry(directory_key(component))
                .or_insert_with(|| Node::Directory(Directory::default()));
            directory = match child {
                Node::Directory(directory) => directory,
                Node::File(_) => return Err(ErrorKind::NotADirectory),
            };
        }
        Ok(directory)
    }

    /// A directory that must be there: `NotADirectory` when the path is a file, `NotFound` when it is nothing.
    fn directory(&self, path: &DriverPath) -> Result<&Directory> {
        let mut directory = &self.root;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            directory = match directory.children.get(&directory_key(component)) {
                Some(Node::Directory(child)) => child,
                _ if components.peek().is_none() && directory.children.contains_key(component) => {
                    return Err(ErrorKind::NotADirectory);
                }
                _ => return Err(ErrorKind::NotFound),
            };
        }
        Ok(directory)
    }

    /// The directory of a path that must be there; what is below a file is not there.
    fn parent_mut(&mut self, path: &DriverPath) -> Result<&mut Directory> {
        let mut directory = &mut self.root;
        for component in path.components() {
            directory = match directory.children.get_mut(&directory_key(component)) {
                Some(Node::Directory(child)) => child,
                _ => return Err(ErrorKind::NotFound),
            };
        }
        Ok(directory)
    }

    fn file(&self, path: &DriverPath) -> Result<&File> {
        let Some(parent) = path.parent() else {
            return Err(ErrorKind::NotAFile);
        };
        let directory = self.directory(&parent).map_err(|_| ErrorKind::NotFound)?;
        match directory.children.get(path.name()) {
            Some(Node::File(file)) => Ok(file),
            _ if directory.children.contains_key(&directory_key(path.name())) => Err(ErrorKind::NotAFile),
            _ => Err(ErrorKind::NotFound),
        }
    }

    fn file_mut(&mut self, path: &DriverPath) -> Result<&mut File> {
        self.file(path)?;
        let (parent, name) = split(path)?;
        match self.parent_mut(&parent)?.children.get_mut(name) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(ErrorKind::NotFound),
        }
    }

    fn owned_file(&mut self, path: &DriverPath, id: FileId) -> Result<&mut File> {
        let file = self.file_mut(path).map_err(|_| ErrorKind::NotFound)?;
        if file.id == id {
            Ok(file)
        } else {
            Err(ErrorKind::NotFound)
        }
    }
}

impl File {
    fn info(&self, path: &DriverPath) -> FileInfo {
        FileInfo::file(path.clone(), self.content.size(), Some(self.modified))
    }
}

fn directory_key(name: &str) -> String {
    format!("{name}/")
}

fn split(path: &DriverPath) -> Result<(DriverPath, &str)> {
    let parent = path.parent().ok_or(ErrorKind::InvalidPath)?;
    Ok((parent, path.name()))
}
