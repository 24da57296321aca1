//! Links: the small files that make content a member of a repository.
//!
//! A link lies at a place named after the digest a client uses and holds the digest the content is stored by.
//! The two are the same, except for aliases that distribution v3 makes for sha512 (`_layers/sha512/<hex>/link`
//! holding a sha256 digest), which are read but never made here.
//!
//! Every link is made by [`make`], read by [`read`] and removed by [`remove`]; nobody else touches one.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{Error, Page, PageRequest, Result};
use hythe_driver::{
    self as driver, DriverPath, FileInfo, ListOptions, PutOptions, WalkControl, WalkOptions, WalkVisitor,
};
use hythe_reference::{RepositoryName, Tag};

use crate::core::Core;
use crate::error::{DriverResultExt, failed};
use crate::layout::Layout;

/// A link file holds `<alg>:<hex>`, 135 bytes for sha512. Anything longer is damaged.
const MAX_LINK_BYTES: u64 = 1024;

/// Above this many links wanted at once, one listing is tried before reading them one by one.
const FEW_LINKS: usize = 3;

/// The listing of [`members`] ends here: a repository with more links is read link by link.
const MAX_LISTED_LINKS: usize = 1000;

/// A directory of links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkSet {
    /// The blobs of a repository.
    Layers,
    /// The manifests of a repository.
    Revisions,
}

impl LinkSet {
    /// Where the links live.
    pub(crate) fn directory(&self, layout: &Layout, repository: &RepositoryName) -> DriverPath {
        match self {
            Self::Layers => layout.layers(repository),
            Self::Revisions => layout.revisions(repository),
        }
    }

    /// The link of this set that is named after `digest`.
    pub(crate) fn link(&self, digest: &Digest) -> Link {
        match self {
            Self::Layers => Link::Layer(*digest),
            Self::Revisions => Link::Revision(*digest),
        }
    }
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// A blob of a repository.
    Layer(Digest),
    /// A manifest of a repository.
    Revision(Digest),
    /// Something a tag once pointed to.
    TagIndex(Tag, Digest),
    /// What a tag points to now.
    TagCurrent(Tag),
}

impl Link {
    /// Where the link is.
    pub(crate) fn path(&self, layout: &Layout, repository: &RepositoryName) -> DriverPath {
        match self {
            Self::Layer(digest) => layout.layer_link(repository, digest),
            Self::Revision(digest) => layout.revision_link(repository, digest),
            Self::TagIndex(tag, digest) => layout.tag_index_link(repository, tag, digest),
            Self::TagCurrent(tag) => layout.tag_current_link(repository, tag),
        }
    }
}

/// Makes a link that holds `target`, or replaces it. It survives a power failure once this returned.
///
/// The content must be stored before: a link is a promise.
pub(crate) async fn make(
    core: &Core,
    repository: &RepositoryName,
    link: &Link,
    target: &Digest,
) -> Result<()> {
    let path = link.path(&core.layout, repository);
    let content = Bytes::from(target.to_string());
    core.driver
        .put_content(&path, content, PutOptions::default())
        .await
        .or_failed()?;
    Ok(())
}

/// What a link holds; `None` when there is no such link. Anything but exactly one digest is
/// [`Error::Damaged`].
pub(crate) async fn read(core: &Core, repository: &RepositoryName, link: &Link) -> Result<Option<Digest>> {
    // Drivers answer from memory without waiting, and callers read thousands of links in a row.
    tokio::task::coop::consume_budget().await;
    let path = link.path(&core.layout, repository);
    match core.driver.get_content(&path, MAX_LINK_BYTES).await {
        Ok(content) => parse(&content).map(Some),
        Err(error) => match error.kind() {
            // What is left of a deleted link on some backends, and what a foreign hand may have made.
            driver::ErrorKind::NotFound | driver::ErrorKind::NotAFile => Ok(None),
            driver::ErrorKind::TooLarge => Err(damaged()),
            _ => Err(failed(error)),
        },
    }
}

/// Removes a link. That there is none is no error.
pub(crate) async fn remove(core: &Core, repository: &RepositoryName, link: &Link) -> Result<()> {
    let path = link.path(&core.layout, repository);
    core.driver.delete_files(&[path]).await.or_failed()
}

/// The digests that the links of a set are named after, in order. No such set is an empty page.
pub(crate) async fn enumerate(
    core: &Core,
    repository: &RepositoryName,
    set: &LinkSet,
    page: PageRequest<Digest>,
) -> Result<Page<Digest>> {
    if page.limit == Some(0) {
        return Ok(Page::default());
    }
    let directory = set.directory(&core.layout, repository);
    let start_after = page
        .after
        .as_ref()
        .map(|digest| set.link(digest).path(&core.layout, repository));
    let mut collector = Collector {
        directory: directory.clone(),
        after: page.after,
        limit: page.limit,
        digests: Vec::new(),
        more: false,
    };
    core.driver
        .walk(&directory, WalkOptions { start_after }, &mut collector)
        .await
        .found()?;
    let next = collector
        .more
        .then(|| collector.digests.last().copied())
        .flatten();
    Ok(Page {
        items: collector.digests,
        next,
    })
}

/// Which of `digests` a set has links for, and what they hold.
///
/// Where directories are nothing but what is in them, one listing tells of all sha256 links at once: their
/// target is the digest they are named after. Elsewhere, and for the other algorithms, each link is read.
pub(crate) async fn members(
    core: &Core,
    repository: &RepositoryName,
    set: &LinkSet,
    digests: &[Digest],
) -> Result<HashMap<Digest, Digest>> {
    let mut wanted: HashSet<Digest> = digests.iter().copied().collect();
    let mut members = HashMap::with_capacity(wanted.len());
    let listable = wanted
        .iter()
        .filter(|digest| digest.algorithm() == Algorithm::Sha256)
        .count();
    if listable > FEW_LINKS
        && !core.driver.capabilities().directories
        && let Some(listed) = list_sha256(core, repository, set).await?
    {
        wanted.retain(|digest| digest.algorithm() != Algorithm::Sha256 || listed.contains(digest));
        let known = wanted.extract_if(|digest| digest.algorithm() == Algorithm::Sha256);
        members.extend(known.map(|digest| (digest, digest)));
    }
    for digest in wanted {
        if let Some(target) = read(core, repository, &set.link(&digest)).await? {
            members.insert(digest, target);
        }
    }
    Ok(members)
}

/// The sha256 links of a set by one listing; `None` when there are too many for one.
async fn list_sha256(
    core: &Core,
    repository: &RepositoryName,
    set: &LinkSet,
) -> Result<Option<HashSet<Digest>>> {
    let directory = set.directory(&core.layout, repository);
    let Ok(directory) = directory.join(Algorithm::Sha256.as_str()) else {
        return Ok(None);
    };
    let options = ListOptions {
        start_after: None,
        limit: Some(MAX_LISTED_LINKS),
    };
    let children = core
        .driver
        .list(&directory, options)
        .await
        .found()?
        .unwrap_or_default();
    if children.len() >= MAX_LISTED_LINKS {
        return Ok(None);
    }
    let digest = |info: &FileInfo| Digest::parse(&format!("sha256:{}", info.path.name())).ok();
    let directories = children.iter().filter(|info| info.is_directory());
    Ok(Some(directories.filter_map(digest).collect()))
}

fn parse(content: &[u8]) -> Result<Digest> {
    std::str::from_utf8(content)
        .ok()
        .and_then(|text| Digest::parse(text).ok())
        .ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::Damaged {
        what: "a link that holds no digest".to_owned(),
    }
}

/// Collects the digests of link files until there are enough.
struct Collector {
    directory: DriverPath,
    after: Option<Digest>,
    limit: Option<usize>,
    digests: Vec<Digest>,
    more: bool,
}

impl Collector {
    fn take(&mut self, digest: Digest) -> ControlFlow<()> {
        if self.after.is_some_and(|after| digest <= after) {
            return ControlFlow::Continue(());
        }
        if self.limit.is_some_and(|limit| self.digests.len() >= limit) {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.digests.push(digest);
        ControlFlow::Continue(())
    }
}

#[async_trait]
impl WalkVisitor for Collector {
    async fn visit(&mut self, info: FileInfo) -> driver::Result<WalkControl> {
        if info.is_directory() {
            return Ok(WalkControl::Descend);
        }
        let Some(digest) = Layout::digest_of_link(&self.directory, &info.path) else {
            return Ok(WalkControl::Descend);
        };
        Ok(match self.take(digest) {
            ControlFlow::Continue(()) => WalkControl::Descend,
            ControlFlow::Break(()) => WalkControl::Stop,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hythe_driver_inmemory::InMemoryDriver;

    use super::*;
    use crate::options::RegistryOptions;

    fn core() -> Core {
        Core::new(Arc::new(InMemoryDriver::new()), RegistryOptions::default())
    }

    fn name() -> RepositoryName {
        RepositoryName::parse("a/b").unwrap()
    }

    async fn write(core: &Core, path: &DriverPath, content: &str) {
        let content = Bytes::copy_from_slice(content.as_bytes());
        let options = PutOptions::default();
        core.driver.put_content(path, content, options).await.unwrap();
    }

    #[tokio::test]
    async fn a_link_holds_exactly_a_digest() {
        let core = core();
        let digest = Digest::sha256(b"");
        let link = LinkSet::Layers.link(&digest);
        make(&core, &name(), &link, &digest).await.unwrap();

        let path = core.layout.layer_link(&name(), &digest);
        let content = core.driver.get_content(&path, 1000).await.unwrap();
        assert_eq!(content, digest.to_string().as_bytes());
        assert_eq!(read(&core, &name(), &link).await.unwrap(), Some(digest));

        remove(&core, &name(), &link).await.unwrap();
        assert_eq!(read(&core, &name(), &link).await.unwrap(), None);
        remove(&core, &name(), &link).await.unwrap();
    }

    #[tokio::test]
    async fn a_link_that_holds_anything_else_is_damaged() {
        let core = core();
        let digest = Digest::sha256(b"");
        let path = core.layout.layer_link(&name(), &digest);
        for content in [
            String::new(),
            format!("{digest}\n"),
            format!(" {digest}"),
            digest.hex(),
            "sha256:".to_owned(),
            "x".repeat(2000),
        ] {
            write(&core, &path, &content).await;
            let read = read(&core, &name(), &Link::Layer(digest)).await;
            assert!(
                matches!(read, Err(Error::Damaged { .. })),
                "{content:?}: {read:?}"
            );
        }
    }

    #[tokio::test]
    async fn links_are_enumerated_in_order_and_by_page() {
        let core = core();
        let set = LinkSet::Revisions;
        let mut digests: Vec<Digest> = (0..5_u8).map(|byte| Digest::sha256(&[byte])).collect();
        digests.push(Digest::of(Algorithm::Sha512, b""));
        for digest in &digests {
            make(&core, &name(), &set.link(digest), digest).await.unwrap();
        }
        digests.sort_unstable();
        // Neither what 2.x left, nor an emptied directory, nor a stray file is a link of the set.
        let directory = set.directory(&core.layout, &name());
        let hex = digests[0].hex();
        let signature = format!("{directory}/sha256/{hex}/signatures/sha256/{hex}/link");
        write(&core, &DriverPath::parse(&signature).unwrap(), "x").await;
        let gone = set.link(&Digest::sha256(b"gone"));
        make(&core, &name(), &gone, &digests[0]).await.unwrap();
        remove(&core, &name(), &gone).await.unwrap();

        let all = enumerate(&core, &name(), &set, PageRequest::default())
            .await
            .unwrap();
        assert_eq!((all.items, all.next), (digests.clone(), None));
        for limit in 1..=7 {
            let mut paged = Vec::new();
            let mut request = PageRequest::first(limit);
            loop {
                let page = enumerate(&core, &name(), &set, request.clone()).await.unwrap();
                assert!(page.items.len() <= limit);
                paged.extend(page.items);
                match page.next {
                    Some(next) => request.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(paged, digests, "{limit}");
        }
    }

    #[tokio::test]
    async fn an_unknown_set_is_empty() {
        let page = enumerate(&core(), &name(), &LinkSet::Layers, PageRequest::default()).await;
        assert_eq!(page.unwrap(), Page::default());
    }

    #[tokio::test]
    async fn members_are_told_with_what_they_hold() {
        let core = core();
        let set = LinkSet::Layers;
        let digests: Vec<Digest> = (0..6_u8).map(|byte| Digest::sha256(&[byte])).collect();
        for digest in &digests[..4] {
            make(&core, &name(), &set.link(digest), digest).await.unwrap();
        }
        let alias = Digest::of(Algorithm::Sha512, b"alias");
        make(&core, &name(), &set.link(&alias), &digests[0])
            .await
            .unwrap();
        remove(&core, &name(), &set.link(&digests[3])).await.unwrap();

        let asked: Vec<Digest> = digests.iter().copied().chain([alias]).collect();
        let found = members(&core, &name(), &set, &asked).await.unwrap();

        let mut expected: HashMap<Digest, Digest> =
            digests[..3].iter().map(|digest| (*digest, *digest)).collect();
        expected.insert(alias, digests[0]);
        assert_eq!(found, expected);
    }
}
