use super::stat::{check_missing, has_keys};
use super::{Object, ObjectStore, PAGE_KEYS, PageRequest, PageStart};
use crate::walk::directory_order;
use crate::{DriverPath, Error, FileInfo, Result, WalkControl, WalkOptions, WalkVisitor};

/// Sorts after every character of a path, so that a directory's prefix and this come after all that is in it.
const AFTER_ALL: char = '~';

/// [`crate::StorageDriver::walk`]: one call for each thousand keys, or for a jump behind a skipped directory in which
/// a page ends; one more when nothing was found.
pub async fn walk(
    store: &dyn ObjectStore,
    root: &DriverPath,
    options: WalkOptions,
    visitor: &mut dyn WalkVisitor,
) -> Result<()> {
    let failed = |error: Error| error.during("walk").at(root);
    let is_within = |hint: &DriverPath| hint.below(root).is_some();
    let after = match &options.start_after {
        Some(hint) if is_within(hint) => Some(store.keys().directory(hint)),
        // Everything below the root sorts together, so a hint elsewhere is before all of it or after all of it.
        Some(hint) if directory_order(hint, root).is_gt() => {
            return check_root(store, root).await.map_err(failed);
        }
        _ => None,
    };
    let mut walk = Walk {
        store,
        prefix: store.keys().directory(root),
        after,
        open: vec![root.clone()],
        skipped: None,
    };
    let mut next = Next::Start;
    let mut has_seen = false;
    loop {
        let page = walk.page(&next).await.map_err(failed)?;
        let last = page.objects.last().map(|object| object.key.clone());
        for object in page.objects {
            if walk.is_passed(&object.key) {
                continue;
            }
            has_seen = true;
            if walk.meet(object, visitor).await? == WalkControl::Stop {
                return Ok(());
            }
        }
        let Some(token) = page.next else { break };
        next = walk.behind_skipped(last).map_or(Next::Token(token), Next::After);
    }
    if !has_seen {
        check_root(store, root).await.map_err(failed)?;
    }
    Ok(())
}

async fn check_root(store: &dyn ObjectStore, root: &DriverPath) -> Result<()> {
    if root.is_root() || has_keys(store, &store.keys().directory(root)).await? {
        return Ok(());
    }
    check_missing(store, root).await
}

enum Next {
    Start,
    After(String),
    Token(String),
}

/// Where a walk is.
struct Walk<'a> {
    store: &'a dyn ObjectStore,
    /// What all its keys begin with.
    prefix: String,
    /// Only keys after this one are visited.
    after: Option<String>,
    /// The root, and below it the directories of the last key.
    open: Vec<DriverPath>,
    /// The last directory that was not entered, as what its keys begin with.
    skipped: Option<String>,
}

impl Walk<'_> {
    async fn page(&self, next: &Next) -> Result<super::Page> {
        let start = match (next, &self.after) {
            (Next::Token(token), _) => PageStart::Continue(token),
            (Next::After(key), _) => PageStart::After(key),
            (Next::Start, Some(after)) if self.store.seeks() => PageStart::After(after),
            (Next::Start, _) => PageStart::First,
        };
        let request = PageRequest {
            prefix: &self.prefix,
            delimited: false,
            start,
            limit: PAGE_KEYS,
        };
        self.store.list_page(request).await
    }

    /// Whether a key is before the hint, or in the directory that is skipped.
    fn is_passed(&self, key: &str) -> bool {
        let is_before = self.after.as_deref().is_some_and(|after| key <= after);
        is_before
            || self
                .skipped
                .as_deref()
                .is_some_and(|skipped| key.starts_with(skipped))
    }

    /// Where to go on when a page ended inside a skipped directory.
    fn behind_skipped(&self, last: Option<String>) -> Option<String> {
        let (skipped, last) = (self.skipped.as_ref()?, last?);
        let behind = format!("{skipped}{AFTER_ALL}");
        (self.store.seeks() && last.starts_with(skipped) && last < behind).then_some(behind)
    }

    /// Visits the directories that a key is the first of, and then its file.
    async fn meet(&mut self, object: Object, visitor: &mut dyn WalkVisitor) -> Result<WalkControl> {
        let Some(below) = object.key.strip_prefix(&self.prefix) else {
            return Ok(WalkControl::Descend);
        };
        let mut directories: Vec<&str> = below.split('/').collect();
        let name = directories.pop().unwrap_or_default();
        let open = self.open.iter().skip(1);
        let common = open
            .zip(&directories)
            .take_while(|(open, name)| open.name() == **name);
        let common = common.count();
        self.open.truncate(1 + common);
        for component in &directories[common..] {
            // A key that no path has.
            let Some(path) = self.child(component) else {
                return Ok(WalkControl::Descend);
            };
            self.open.push(path.clone());
            let directory = self.store.keys().directory(&path);
            // Ancestors of the hint are entered without a visit.
            if self.after.as_ref().is_some_and(|after| directory <= *after) {
                continue;
            }
            match visitor.visit(FileInfo::directory(path)).await? {
                WalkControl::Descend => {}
                WalkControl::Stop => return Ok(WalkControl::Stop),
                WalkControl::Skip => {
                    self.skipped = Some(directory);
                    return Ok(WalkControl::Skip);
                }
            }
        }
        match self.child(name) {
            Some(path) => visitor.visit(object.into_info(path)).await,
            None => Ok(WalkControl::Descend),
        }
    }

    fn child(&self, name: &str) -> Option<DriverPath> {
        self.open.last()?.join(name).ok()
    }
}
