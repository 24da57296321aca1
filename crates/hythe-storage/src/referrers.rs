//! Which manifests name which subject.
//!
//! A manifest is its digest, so "this manifest names that subject" is true for ever. Such facts are kept as
//! entries, written once and never changed or removed:
//!
//! ```text
//! _referrers/subjects/<alg>/<hex>/<alg>-<hex>   subject and referrer; the referrer's descriptor as JSON
//! _referrers/indexed/<alg>/<hex>                that manifest was looked at: whatever it says has its entry
//! ```
//!
//! Whether the referrer is *in the repository* is a question to its revision link, asked by each query. So nothing
//! has to be done when a manifest is deleted, nothing is lost when it comes back, concurrent writers write the same,
//! and an entry without a revision is harmless.
//!
//! Distribution v3 keeps no such index. Manifests that it added have no marker: a query looks at those first, once.
//!
//! Manifests that clients list in an index under the referrers tag (`<alg>-<hex>`, OCI distribution spec, Referrers
//! Tag Schema) need no care of their own: the list has to contain those that have the subject, and every manifest of
//! the repository that has it is found here.

use std::collections::HashSet;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};
use hythe_digest::Digest;
use hythe_distribution::{Error, Page, Referrers, ReferrersQuery, Result};
use hythe_driver::{DriverPath, ErrorKind, ListOptions, PutMode, PutOptions};
use hythe_manifest::{Descriptor, MAX_MANIFEST_BYTES, Manifest, ManifestError};
use hythe_reference::RepositoryName;

use crate::blob_store;
use crate::core::Core;
use crate::error::{DriverResultExt, failed};
use crate::layout::Layout;
use crate::links::{self, Link};

/// How many manifests or entries are read at once.
const CONCURRENCY: usize = 8;

/// An entry is hardly larger than the annotations of its manifest, twice as large at most by escapes in JSON.
const MAX_ENTRY_BYTES: u64 = 2 * MAX_MANIFEST_BYTES as u64;

/// A page that is limited ends when its entries are larger together: they are shown in one index, and clients take
/// no larger one. Each may be as large as a manifest, and all of a page are in memory.
const MAX_PAGE_BYTES: usize = MAX_MANIFEST_BYTES;

/// Enters a manifest, called before its link is made. `descriptor` names it by the digest the client uses.
pub(crate) async fn index(
    core: &Core,
    repository: &RepositoryName,
    manifest: &Manifest,
    descriptor: &Descriptor,
) -> Result<()> {
    if let Some(subject) = &manifest.parsed().subject {
        let entry = manifest.referrer_descriptor(descriptor.digest);
        put_entry(core, repository, &subject.digest, &entry).await?;
    }
    put_marker(core, repository, &descriptor.digest).await
}

/// A page of the manifests that name a subject; shorter than its limit, and with more behind it, where the
/// descriptors are large.
pub(crate) async fn query(
    core: &Core,
    repository: &RepositoryName,
    subject: &Digest,
    query: ReferrersQuery,
) -> Result<Referrers> {
    if query.page.limit == Some(0) {
        return Ok(Page::default());
    }
    let revisions = Revisions::of(core, repository).await?;
    revisions.index_missing().await?;

    let after = query.page.after;
    let mut candidates = entries(core, repository, subject).await?;
    candidates.retain(|referrer| after.is_none_or(|after| *referrer > after));
    let wanted = query.artifact_type.as_deref();
    let referrers = stream::iter(candidates)
        .map(|referrer| revisions.referrer(subject, referrer))
        .buffered(CONCURRENCY)
        .try_filter_map(|found| async move { Ok(found) })
        .try_filter(|found| {
            let artifact_type = found.descriptor.artifact_type.as_deref();
            std::future::ready(wanted.is_none_or(|wanted| artifact_type == Some(wanted)))
        });
    let mut referrers = pin!(referrers);
    let mut items: Vec<Descriptor> = Vec::new();
    let mut bytes = 0;
    while let Some(found) = referrers.try_next().await? {
        bytes += found.bytes;
        let is_full = |limit| items.len() >= limit || (bytes > MAX_PAGE_BYTES && !items.is_empty());
        if query.page.limit.is_some_and(is_full) {
            let next = items.last().map(|last| last.digest);
            return Ok(Page { items, next });
        }
        items.push(found.descriptor);
    }
    Ok(Page { items, next: None })
}

/// A referrer that is in the repository.
struct Referrer {
    descriptor: Descriptor,
    /// The size of its entry.
    bytes: usize,
}

/// The manifests of a repository, as one listing saw them.
struct Revisions<'a> {
    core: &'a Core,
    repository: &'a RepositoryName,
    /// Those with a directory. Where directories stay when their files go, that is more than those with a link.
    listed: HashSet<Digest>,
    /// Those that were looked at before.
    indexed: HashSet<Digest>,
}

impl<'a> Revisions<'a> {
    async fn of(core: &'a Core, repository: &'a RepositoryName) -> Result<Revisions<'a>> {
        let revisions = core.layout.revisions(repository);
        let markers = core.layout.referrers_indexed(repository);
        let (listed, indexed) =
            try_join(digests_below(core, &revisions), digests_below(core, &markers)).await?;
        Ok(Self {
            core,
            repository,
            listed,
            indexed,
        })
    }

    /// Looks at the manifests that nobody has looked at.
    async fn index_missing(&self) -> Result<()> {
        let missing: Vec<Digest> = self.listed.difference(&self.indexed).copied().collect();
        if !missing.is_empty() {
            tracing::debug!(repository = %self.repository, count = missing.len(), "indexing referrers");
        }
        stream::iter(missing)
            .map(|digest| self.index_stored(digest))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    async fn index_stored(&self, digest: Digest) -> Result<()> {
        let (core, repository) = (self.core, self.repository);
        let entry_of = |manifest: &Manifest| {
            let subject = manifest.parsed().subject.as_ref()?.digest;
            Some((subject, manifest.referrer_descriptor(digest)))
        };
        match self.stored_manifest(&digest).await? {
            Stored::Manifest(manifest) => {
                if let Some((subject, entry)) = entry_of(&manifest) {
                    put_entry(core, repository, &subject, &entry).await?;
                }
            }
            Stored::NoReferrer => {}
            // Not here (any more), or of a type that a later version may know: to be looked at again.
            Stored::Unknown => return Ok(()),
        }
        put_marker(core, repository, &digest).await
    }

    async fn stored_manifest(&self, digest: &Digest) -> Result<Stored> {
        let content = match links::read(self.core, self.repository, &Link::Revision(*digest)).await {
            Ok(Some(content)) => content,
            Ok(None) | Err(Error::Damaged { .. }) => return Ok(Stored::Unknown),
            Err(error) => return Err(error),
        };
        let bytes = match blob_store::get(self.core, &content, MAX_MANIFEST_BYTES as u64).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Stored::Unknown),
            Err(Error::TooLarge { .. }) => return Ok(Stored::NoReferrer),
            Err(error) => return Err(error),
        };
        Ok(match self.core.options.manifest_types.recognise(bytes) {
            Ok(manifest) => Stored::Manifest(Box::new(manifest)),
            Err(ManifestError::UnrecognizedMediaType { .. }) => Stored::Unknown,
            // Schema 1, or damaged: it will never name a subject.
            Err(_) => Stored::NoReferrer,
        })
    }

    /// The descriptor of a referrer that is in the repository; `None` when it is not.
    async fn referrer(&self, subject: &Digest, referrer: Digest) -> Result<Option<Referrer>> {
        // As in `links::read`: a subject may have thousands.
        tokio::task::coop::consume_budget().await;
        if !self.listed.contains(&referrer) {
            return Ok(None);
        }
        let directories_stay = self.core.driver.capabilities().directories;
        if directories_stay && !self.is_linked(&referrer).await? {
            return Ok(None);
        }
        let path = self.core.layout.referrer(self.repository, subject, &referrer);
        match self.core.driver.get_content(&path, MAX_ENTRY_BYTES).await {
            Ok(json) => match serde_json::from_slice::<Descriptor>(&json) {
                Ok(descriptor) if descriptor.digest == referrer => Ok(Some(Referrer {
                    descriptor,
                    bytes: json.len(),
                })),
                _ => self.referrer_from_manifest(subject, &referrer).await,
            },
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                self.referrer_from_manifest(subject, &referrer).await
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn is_linked(&self, referrer: &Digest) -> Result<bool> {
        let link = self.core.layout.revision_link(self.repository, referrer);
        let info = self.core.driver.stat(&link).await.found()?;
        Ok(info.is_some_and(|info| !info.is_directory()))
    }

    /// What a damaged entry should say.
    async fn referrer_from_manifest(&self, subject: &Digest, referrer: &Digest) -> Result<Option<Referrer>> {
        tracing::warn!(repository = %self.repository, %subject, %referrer, "entry of a referrer is damaged");
        let Stored::Manifest(manifest) = self.stored_manifest(referrer).await? else {
            return Ok(None);
        };
        let named = manifest.parsed().subject.as_ref();
        let names_it = named.is_some_and(|named| named.digest == *subject);
        Ok(names_it.then(|| Referrer {
            descriptor: manifest.referrer_descriptor(*referrer),
            bytes: manifest.bytes().len(),
        }))
    }
}

/// What a revision turned out to be.
enum Stored {
    Manifest(Box<Manifest>),
    /// Something that names no subject, now and ever.
    NoReferrer,
    /// Nothing that can be told now.
    Unknown,
}

/// The referrers that a subject has entries of, in order.
async fn entries(core: &Core, repository: &RepositoryName, subject: &Digest) -> Result<Vec<Digest>> {
    let directory = core.layout.referrers_of(repository, subject);
    let children = core.driver.list(&directory, ListOptions::default()).await;
    let children = children.found()?.unwrap_or_default();
    let mut referrers: Vec<Digest> = children
        .iter()
        .filter_map(|child| Layout::referrer_of_entry(&child.path))
        .collect();
    referrers.sort_unstable();
    Ok(referrers)
}

/// The digests that children of `<directory>/<alg>` are named after. No such directory has none.
async fn digests_below(core: &Core, directory: &DriverPath) -> Result<HashSet<Digest>> {
    let mut digests = HashSet::new();
    for algorithm in children(core, directory).await? {
        let named = children(core, &algorithm).await?;
        digests.extend(
            named
                .iter()
                .filter_map(|path| Layout::digest_of_marker(directory, path)),
        );
    }
    Ok(digests)
}

async fn children(core: &Core, directory: &DriverPath) -> Result<Vec<DriverPath>> {
    match core.driver.list(directory, ListOptions::default()).await {
        Ok(children) => Ok(children.into_iter().map(|child| child.path).collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(failed(error)),
    }
}

async fn put_entry(
    core: &Core,
    repository: &RepositoryName,
    subject: &Digest,
    entry: &Descriptor,
) -> Result<()> {
    let path = core.layout.referrer(repository, subject, &entry.digest);
    let json = serde_json::to_vec(entry).map_err(|error| Error::Internal(error.into()))?;
    put_once(core, &path, json.into(), true).await
}

/// A marker that a power failure takes is only made again, so it need not be durable. Its entry is, before it.
async fn put_marker(core: &Core, repository: &RepositoryName, manifest: &Digest) -> Result<()> {
    let path = core.layout.referrers_marker(repository, manifest);
    put_once(core, &path, Bytes::new(), false).await
}

/// Puts what is the same whoever puts it.
async fn put_once(core: &Core, path: &DriverPath, content: Bytes, durable: bool) -> Result<()> {
    let options = PutOptions {
        mode: PutMode::Create,
        durable,
    };
    match core.driver.put_content(path, content, options).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
