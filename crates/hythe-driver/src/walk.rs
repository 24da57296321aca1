use std::cmp::Ordering;

use async_trait::async_trait;

use crate::{DriverPath, FileInfo, Result, StorageDriver};

/// Which children to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Only children that sort after this name; a name ending in `/` is a directory's. The child need not exist.
    pub start_after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Which part of a tree to walk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkOptions {
    /// Only what sorts after this path, which is compared as a directory (`path/`): its children come after it,
    /// a sibling `path-x` before. It need not exist.
    pub start_after: Option<DriverPath>,
}

/// What a walk does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkControl {
    /// Enter this directory; go on after this file.
    Descend,
    /// Do not enter this directory; go on after it.
    Skip,
    /// End the walk.
    Stop,
}

/// Sees what a walk meets.
#[async_trait]
pub trait WalkVisitor: Send {
    /// Called for every file and directory, parents before children.
    async fn visit(&mut self, info: FileInfo) -> Result<WalkControl>;
}

/// The order of siblings: byte order, a directory's name compared as if it ended in `/`.
///
/// It is the order of the full keys on an object store, so that every driver lists and walks alike.
pub fn compare_siblings(left: &FileInfo, right: &FileInfo) -> Ordering {
    sort_key(left).cmp(sort_key(right))
}

fn sort_key(info: &FileInfo) -> impl Iterator<Item = u8> + '_ {
    info.path
        .name()
        .bytes()
        .chain(info.is_directory().then_some(b'/'))
}

/// Walks any driver by listing one directory after another; for drivers without a faster way.
pub async fn walk_by_listing(
    driver: &dyn StorageDriver,
    root: &DriverPath,
    options: WalkOptions,
    visitor: &mut dyn WalkVisitor,
) -> Result<()> {
    let Some(mut pending) = first_levels(driver, root, options.start_after.as_ref()).await? else {
        return Ok(());
    };
    while let Some(level) = pending.last_mut() {
        let Some(info) = level.next() else {
            pending.pop();
            continue;
        };
        let directory = info.is_directory().then(|| info.path.clone());
        match visitor.visit(info).await? {
            WalkControl::Stop => return Ok(()),
            WalkControl::Skip => {}
            WalkControl::Descend => {
                if let Some(path) = directory
                    && let Some(children) = children(driver, &path, None).await?
                {
                    pending.push(children);
                }
            }
        }
    }
    Ok(())
}

type Level = std::vec::IntoIter<FileInfo>;

/// The levels still to visit, outermost first: all of `root`, or what is left of it after the hint.
/// `None` when everything sorts before the hint.
async fn first_levels(
    driver: &dyn StorageDriver,
    root: &DriverPath,
    start_after: Option<&DriverPath>,
) -> Result<Option<Vec<Level>>> {
    let all = |first: Vec<FileInfo>| Some(vec![first.into_iter()]);
    let Some(hint) = start_after else {
        return Ok(all(driver.list(root, ListOptions::default()).await?));
    };
    let Some(below) = hint.below(root) else {
        // Everything below the root sorts together, so a hint elsewhere is before all of it or after all of it.
        let everything_is_after = directory_order(hint, root).is_le();
        let first = driver.list(root, ListOptions::default()).await?;
        return Ok(if everything_is_after { all(first) } else { None });
    };
    let mut levels = Vec::new();
    let mut directory = root.clone();
    let mut components = below.split('/').peekable();
    while let Some(component) = components.next() {
        let is_last = components.peek().is_none();
        // The hint itself may be a directory whose children come after it; an ancestor is entered below.
        let after = format!("{component}/");
        let level = if levels.is_empty() {
            Some(list_after(driver, &directory, &after).await?)
        } else {
            children(driver, &directory, Some(after)).await?
        };
        let Some(level) = level else {
            return Ok(Some(levels));
        };
        levels.push(level);
        let Ok(next) = directory.join(component) else {
            return Ok(Some(levels));
        };
        directory = next;
        if is_last && let Some(level) = children(driver, &directory, None).await? {
            levels.push(level);
        }
    }
    Ok(Some(levels))
}

/// The order of two directories in the walk: that of their keys with a `/` at the end.
pub(crate) fn directory_order(left: &DriverPath, right: &DriverPath) -> Ordering {
    fn key(path: &DriverPath) -> impl Iterator<Item = u8> + '_ {
        let text = if path.is_root() { "" } else { path.as_str() };
        text.bytes().chain([b'/'])
    }
    key(left).cmp(key(right))
}

async fn list_after(driver: &dyn StorageDriver, path: &DriverPath, after: &str) -> Result<Level> {
    let options = ListOptions {
        start_after: Some(after.to_owned()),
        limit: None,
    };
    Ok(driver.list(path, options).await?.into_iter())
}

/// The children of a directory that may have vanished since it was seen, or be a file.
async fn children(
    driver: &dyn StorageDriver,
    path: &DriverPath,
    start_after: Option<String>,
) -> Result<Option<Level>> {
    match driver
        .list(
            path,
            ListOptions {
                start_after,
                limit: None,
            },
        )
        .await
    {
        Ok(children) => Ok(Some(children.into_iter())),
        Err(error) if error.is_not_found() || error.kind() == crate::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_ordered_by_their_keys() {
        let check = |left: &str, right: &str, expected: Ordering| {
            let path = |text| DriverPath::parse(text).unwrap();
            assert_eq!(
                directory_order(&path(left), &path(right)),
                expected,
                "{left} {right}"
            );
        };
        check("/a", "/a", Ordering::Equal);
        check("/", "/.a", Ordering::Less);
        check("/a", "/a/b", Ordering::Less);
        check("/a-b", "/a", Ordering::Less);
        check("/a.b", "/a/b", Ordering::Less);
        check("/a0", "/a", Ordering::Greater);
    }
}
