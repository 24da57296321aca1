//! Which manifests name which subject.

use hythe_digest::Digest;
use hythe_distribution::{Error, Referrers, ReferrersQuery, Result};
use hythe_manifest::{Descriptor, Manifest};
use hythe_reference::RepositoryName;

use crate::core::Core;

/// Enters a manifest, called before its link is made. `descriptor` names it by the digest the client uses.
pub(crate) async fn index(
    core: &Core,
    repository: &RepositoryName,
    manifest: &Manifest,
    descriptor: &Descriptor,
) -> Result<()> {
    let _ = (core, repository, manifest, descriptor);
    Err(Error::Unsupported)
}

/// A page of the manifests that name a subject.
pub(crate) async fn query(
    core: &Core,
    repository: &RepositoryName,
    subject: &Digest,
    query: ReferrersQuery,
) -> Result<Referrers> {
    let _ = (core, repository, subject, query);
    Err(Error::Unsupported)
}
