//! The names of all repositories.
//!
//! A repository is a directory with `_manifests` in it, and repositories nest: `a/b` lies inside `a`. The order is
//! byte order of `name/`, in which a repository precedes those nested in it and a driver lists directories anyway.
//! So a page is one walk that begins behind its first name and ends when it knows whether there is another.
//!
//! Only directories of names are listed. A walk by the driver would list `_manifests` too, on an object store all
//! of its keys.

use std::collections::VecDeque;

use hythe_distribution::{Page, PageRequest, Result};
use hythe_driver::{DriverPath, ErrorKind, FileInfo, ListOptions};
use hythe_reference::RepositoryName;

use crate::core::Core;
use crate::error::{DriverResultExt, failed};
use crate::layout::MANIFESTS;

/// How many children of a directory are listed at once (S3 lists at most 1000 keys a request).
const CHUNK: usize = 1000;

/// The names of the repositories that hold or held manifests, in byte order of `name/`.
pub(crate) async fn repositories(
    core: &Core,
    page: PageRequest<RepositoryName>,
) -> Result<Page<RepositoryName>> {
    if page.limit == Some(0) {
        return Ok(Page::default());
    }
    let mut walk = Walk::begin(core, page.after.as_ref()).await?;
    let mut items: Vec<RepositoryName> = Vec::new();
    while let Some(name) = walk.next_repository().await? {
        if page.limit.is_some_and(|limit| items.len() >= limit) {
            let next = items.last().cloned();
            return Ok(Page { items, next });
        }
        items.push(name);
    }
    Ok(Page { items, next: None })
}

/// A walk over the directories of repositories.
struct Walk<'a> {
    core: &'a Core,
    /// The directories that are being gone through, outermost first.
    levels: Vec<Level>,
}

/// What is left of one directory.
struct Level {
    directory: DriverPath,
    listed: VecDeque<FileInfo>,
    /// Behind which child to go on when `listed` is used up; `None` when that was all.
    resume: Option<String>,
}

impl<'a> Walk<'a> {
    /// A walk over everything behind `after`, whether that exists or not.
    async fn begin(core: &'a Core, after: Option<&RepositoryName>) -> Result<Walk<'a>> {
        let mut walk = Walk {
            core,
            levels: Vec::new(),
        };
        let mut directory = core.layout.repositories();
        for component in after.iter().flat_map(|after| after.components()) {
            walk.levels
                .push(Level::behind(directory.clone(), format!("{component}/")));
            let Ok(child) = directory.join(component) else {
                return Ok(walk);
            };
            directory = child;
        }
        // What is nested in `after` follows it; so does everything when there is no `after`.
        walk.enter(directory).await?;
        Ok(walk)
    }

    /// The next repository, going on behind the last one.
    async fn next_repository(&mut self) -> Result<Option<RepositoryName>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(child) = level.next(self.core).await? else {
                self.levels.pop();
                continue;
            };
            let Some(name) = self.name_of(&child) else {
                continue;
            };
            if self.enter(child.path).await? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The name that a directory stands for; `None` for what can be no part of a name, such as `_layers`.
    fn name_of(&self, child: &FileInfo) -> Option<RepositoryName> {
        let name = child.path.below(&self.core.layout.repositories())?;
        let name = child.is_directory().then_some(name)?;
        RepositoryName::parse(name).ok()
    }

    /// Goes on inside a directory; whether it is a repository itself.
    async fn enter(&mut self, directory: DriverPath) -> Result<bool> {
        let mut level = Level::behind(directory, String::new());
        level.list(self.core).await?;
        let is_repository = level.has_manifests(self.core).await?;
        self.levels.push(level);
        Ok(is_repository)
    }
}

impl Level {
    /// The children of `directory` that sort behind `name`; not listed yet.
    fn behind(directory: DriverPath, name: String) -> Self {
        Self {
            directory,
            listed: VecDeque::new(),
            resume: Some(name),
        }
    }

    async fn next(&mut self, core: &Core) -> Result<Option<FileInfo>> {
        if self.listed.is_empty() {
            self.list(core).await?;
        }
        Ok(self.listed.pop_front())
    }

    /// Lists the next children. A directory that is not there (any more) has none.
    async fn list(&mut self, core: &Core) -> Result<()> {
        let Some(behind) = self.resume.take() else {
            return Ok(());
        };
        let options = ListOptions {
            start_after: Some(behind).filter(|name| !name.is_empty()),
            limit: Some(CHUNK),
        };
        self.listed = match core.driver.list(&self.directory, options).await {
            Ok(children) => children.into(),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                VecDeque::new()
            }
            Err(error) => return Err(failed(error)),
        };
        if self.listed.len() >= CHUNK {
            self.resume = self.listed.back().map(|last| {
                let slash = if last.is_directory() { "/" } else { "" };
                format!("{}{slash}", last.path.name())
            });
        }
        Ok(())
    }

    /// Whether `_manifests` is among the children, to be asked right after the first listing.
    async fn has_manifests(&self, core: &Core) -> Result<bool> {
        let is_manifests = |child: &FileInfo| child.is_directory() && child.path.name() == MANIFESTS;
        if self.listed.iter().any(is_manifests) {
            return Ok(true);
        }
        // It may be in a later listing, behind more nested names with digits than fit into one.
        let may_follow = self.resume.as_deref().is_some_and(|last| last < MANIFESTS);
        if !may_follow {
            return Ok(false);
        }
        let Ok(manifests) = self.directory.join(MANIFESTS) else {
            return Ok(false);
        };
        let info = core.driver.stat(&manifests).await.found()?;
        Ok(info.is_some_and(|info| info.is_directory()))
    }
}
