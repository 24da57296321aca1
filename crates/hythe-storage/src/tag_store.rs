use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use hythe_digest::Digest;
use hythe_distribution::{Error, Page, PageRequest, Result, TagService};
use hythe_driver::{FileInfo, ListOptions};
use hythe_reference::{RepositoryName, Tag};

use crate::core::Core;
use crate::error::DriverResultExt;
use crate::gate::{self, Purpose};
use crate::links::{self, Link};

/// The tags of one repository.
///
/// A tag is a directory. Drivers list directories in byte order of `name/`, where `v1-rc` and `v1.0` precede `v1`;
/// clients want byte order of names (OCI distribution spec, Listing Tags). [`TagStore::list`] bridges the two
/// without reading more of the directory than the page needs.
#[derive(Debug)]
pub(crate) struct TagStore {
    core: Arc<Core>,
    repository: RepositoryName,
}

impl TagStore {
    pub(crate) fn new(core: Arc<Core>, repository: RepositoryName) -> Self {
        Self { core, repository }
    }

    async fn current(&self, tag: &Tag) -> Result<Option<Digest>> {
        links::read(&self.core, &self.repository, &Link::TagCurrent(tag.clone())).await
    }

    /// Whether a tag points to a manifest. One whose link is damaged points nowhere, so that it cannot keep
    /// others from being found.
    async fn points_to(&self, tag: &Tag, digest: &Digest) -> Result<bool> {
        match self.current(tag).await {
            Ok(current) => Ok(current.as_ref() == Some(digest)),
            Err(Error::Damaged { what }) => {
                tracing::warn!(repository = %self.repository, %tag, what, "tag is damaged");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a tag with its history; whether it was there.
    async fn remove(&self, tag: &Tag) -> Result<bool> {
        let directory = self.core.layout.tag(&self.repository, tag);
        Ok(self.core.driver.delete(&directory).await.found()?.is_some())
    }

    /// Every tag, in no particular order; a repository without tags has none.
    async fn all(&self) -> Result<Vec<Tag>> {
        let children = self.children(ListOptions::default()).await?;
        Ok(children.unwrap_or_default().iter().filter_map(tag_of).collect())
    }

    /// Children of the directory of tags; `None` when there is no such directory.
    async fn children(&self, options: ListOptions) -> Result<Option<Vec<FileInfo>>> {
        let directory = self.core.layout.tags(&self.repository);
        self.core.driver.list(&directory, options).await.found()
    }

    /// At least `limit` + 1 tags after `after`, or all there are, such that no other tag belongs among them.
    /// `None` when there is no directory of tags.
    async fn at_least(&self, limit: usize, after: Option<&Tag>) -> Result<Option<Vec<Tag>>> {
        let mut tags: Vec<Tag> = Vec::new();
        // As the name of a file it sorts before every directory whose name follows it.
        let mut start_after = after.map(Tag::to_string);
        let chunk = chunk_size(limit, after);
        loop {
            let options = ListOptions {
                start_after: start_after.take(),
                limit: chunk,
            };
            let Some(children) = self.children(options).await? else {
                return Ok(None);
            };
            tags.extend(children.iter().filter_map(tag_of).filter(|tag| Some(tag) > after));
            let is_full = chunk.is_some_and(|chunk| children.len() >= chunk);
            let Some(last) = children.last().filter(|_| is_full) else {
                return Ok(Some(tags));
            };
            if tags.len() > limit {
                self.add_overtaken(last.path.name(), after, &mut tags).await?;
                return Ok(Some(tags));
            }
            start_after = Some(sort_name(last));
        }
    }

    /// Adds the tags that a listing up to `last` has not reached although they precede `last` in byte order:
    /// what `last` begins with, up to a `-` or `.`, the two characters of tags that sort before `/`.
    async fn add_overtaken(&self, last: &str, after: Option<&Tag>, tags: &mut Vec<Tag>) -> Result<()> {
        for (end, _) in last.match_indices(['-', '.']) {
            let Ok(tag) = Tag::parse(&last[..end]) else {
                continue;
            };
            if Some(&tag) <= after || tags.contains(&tag) {
                continue;
            }
            let directory = self.core.layout.tag(&self.repository, &tag);
            if self.core.driver.stat(&directory).await.found()?.is_some() {
                tags.push(tag);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl TagService for TagStore {
    async fn get(&self, tag: &Tag) -> Result<Digest> {
        let current = self.current(tag).await?;
        current.ok_or_else(|| Error::TagUnknown { tag: tag.clone() })
    }

    async fn tag(&self, tag: &Tag, digest: &Digest) -> Result<()> {
        let revision = Link::Revision(*digest);
        let content = links::read(&self.core, &self.repository, &revision).await?;
        let stored = match content {
            Some(content) => gate::claim(&self.core, &content, Purpose::Tag).await?,
            None => None,
        };
        if stored.is_none() {
            return Err(Error::ManifestUnknown {
                repository: self.repository.clone(),
                digest: *digest,
            });
        }
        // The history first, as distribution v3 does: a tag that can be read is in its own history.
        let history = Link::TagIndex(tag.clone(), *digest);
        links::make(&self.core, &self.repository, &history, digest).await?;
        let current = Link::TagCurrent(tag.clone());
        links::make(&self.core, &self.repository, &current, digest).await
    }

    async fn untag(&self, tag: &Tag) -> Result<()> {
        if !self.core.options.delete {
            return Err(Error::Unsupported);
        }
        if self.remove(tag).await? {
            Ok(())
        } else {
            Err(Error::TagUnknown { tag: tag.clone() })
        }
    }

    async fn untag_all(&self, digest: &Digest) -> Result<Vec<Tag>> {
        if !self.core.options.delete {
            return Err(Error::Unsupported);
        }
        // Each one is removed right after it was read: the longer between the two, the likelier it has moved.
        let removed = stream::iter(self.all().await?).map(|tag| async move {
            let removed = self.points_to(&tag, digest).await? && self.remove(&tag).await?;
            Ok(removed.then_some(tag))
        });
        in_order(removed.buffer_unordered(self.core.options.tag_lookup_concurrency.get())).await
    }

    async fn list(&self, page: PageRequest<Tag>) -> Result<Page<Tag>> {
        if page.limit == Some(0) {
            return Ok(Page::default());
        }
        let limit = page.limit.unwrap_or(usize::MAX);
        let Some(mut tags) = self.at_least(limit, page.after.as_ref()).await? else {
            // Untagged manifests make a repository whose list is empty.
            let manifests = self.core.layout.manifests(&self.repository);
            let unknown = || Error::RepositoryUnknown {
                name: self.repository.clone(),
            };
            self.core.driver.stat(&manifests).await.or_unknown(unknown)?;
            return Ok(Page::default());
        };
        tags.sort_unstable();
        let more = tags.len() > limit;
        tags.truncate(limit);
        let next = more.then(|| tags.last().cloned()).flatten();
        Ok(Page { items: tags, next })
    }

    async fn lookup(&self, digest: &Digest) -> Result<Vec<Tag>> {
        let found = stream::iter(self.all().await?).map(|tag| async move {
            let found = self.points_to(&tag, digest).await?;
            Ok(found.then_some(tag))
        });
        in_order(found.buffer_unordered(self.core.options.tag_lookup_concurrency.get())).await
    }
}

/// How many children to list for a page of `limit` tags; `None`: all.
///
/// One more than the page tells whether there are others. What `after` begins with can be listed behind it, and so
/// can `after` itself.
fn chunk_size(limit: usize, after: Option<&Tag>) -> Option<usize> {
    let listed_again = after.map_or(0, |after| 1 + after.as_str().matches(['-', '.']).count());
    limit.checked_add(1 + listed_again)
}

/// The tag that a child of the directory of tags is. Distribution v3 lists plain files too.
fn tag_of(info: &FileInfo) -> Option<Tag> {
    Tag::parse(info.path.name()).ok()
}

/// The name by which a driver sorts a child.
fn sort_name(info: &FileInfo) -> String {
    let slash = if info.is_directory() { "/" } else { "" };
    format!("{}{slash}", info.path.name())
}

async fn in_order(found: impl Stream<Item = Result<Option<Tag>>>) -> Result<Vec<Tag>> {
    let found: Vec<Option<Tag>> = found.try_collect().await?;
    let mut tags: Vec<Tag> = found.into_iter().flatten().collect();
    tags.sort_unstable();
    Ok(tags)
}
