//! Mounting: a blob of another repository is linked here, without its bytes being sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use hythe_digest::Digest;
use hythe_distribution::{Error, Mount, Result};
use hythe_manifest::Descriptor;
use hythe_reference::RepositoryName;

use crate::core::Core;
use crate::gate::Purpose;
use crate::links::{self, Link};
use crate::statters::Statters;

/// How many sources are looked into at most for one mount.
pub(crate) const MAX_CANDIDATES: usize = 32;

/// How many blobs are remembered with their repositories; with a few repositories each, about 1 MiB.
const MAX_BLOBS: usize = 4096;

/// Links the blob here if one of the sources has it; `None` when none has.
///
/// The new link holds what the source's link holds, so that an alias of distribution v3 stays one.
pub(crate) async fn mount(
    core: &Core,
    repository: &RepositoryName,
    mount: &Mount,
) -> Result<Option<Descriptor>> {
    for source in mount.from.iter().take(MAX_CANDIDATES) {
        let found = Statters::new(core, source)
            .authoritative(&mount.digest, Purpose::Mount)
            .await;
        let stored = match found {
            Ok(Some(stored)) => stored,
            Ok(None) => continue,
            // Another source may have it, and the client can send it.
            Err(Error::Damaged { what }) => {
                tracing::warn!(repository = %source, digest = %mount.digest, what, "source of a mount is damaged");
                continue;
            }
            Err(error) => return Err(error),
        };
        let statters = Statters::new(core, repository);
        let ticket = statters.ticket(&mount.digest);
        links::make(core, repository, &Link::Layer(mount.digest), &stored.digest).await?;
        statters.remember(&mount.digest, &stored, ticket).await;
        core.mount_candidates.note(&mount.digest, repository);
        return Ok(Some(Descriptor {
            digest: mount.digest,
            ..stored
        }));
    }
    Ok(None)
}

/// Remembers which repositories had a blob lately, for mounts that name no source. Bounded in both directions;
/// hints only, so that what is forgotten or out of date costs an upload and nothing else.
#[derive(Debug, Default)]
pub(crate) struct MountCandidates {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    repositories: HashMap<Digest, VecDeque<RepositoryName>>,
    /// The blobs in the order they were first noted.
    order: VecDeque<Digest>,
}

impl MountCandidates {
    /// Notes that a repository has a blob.
    pub(crate) fn note(&self, digest: &Digest, repository: &RepositoryName) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repositories) = known.repositories.get_mut(digest) {
            if repositories.front() != Some(repository) {
                repositories.retain(|other| other != repository);
                repositories.truncate(MAX_CANDIDATES - 1);
                repositories.push_front(repository.clone());
            }
            return;
        }
        if known.order.len() >= MAX_BLOBS
            && let Some(oldest) = known.order.pop_front()
        {
            known.repositories.remove(&oldest);
        }
        known.order.push_back(*digest);
        known
            .repositories
            .insert(*digest, VecDeque::from([repository.clone()]));
    }

    /// The repositories noted, the latest first.
    pub(crate) fn of(&self, digest: &Digest) -> Vec<RepositoryName> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let repositories = known.repositories.get(digest);
        repositories.map_or_else(Vec::new, |names| names.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> RepositoryName {
        RepositoryName::parse(&format!("r{number}")).unwrap()
    }

    #[test]
    fn the_latest_repositories_are_candidates() {
        let candidates = MountCandidates::default();
        let digest = Digest::sha256(b"");
        assert!(candidates.of(&digest).is_empty());
        for number in 0..40 {
            candidates.note(&digest, &name(number));
        }
        candidates.note(&digest, &name(20));
        let found = candidates.of(&digest);
        assert_eq!(found.len(), MAX_CANDIDATES);
        assert_eq!(found[..2], [name(20), name(39)]);
        assert_eq!(found.iter().filter(|found| **found == name(20)).count(), 1);
    }

    #[test]
    fn memory_for_candidates_is_bounded() {
        let candidates = MountCandidates::default();
        for number in 0..=MAX_BLOBS {
            candidates.note(&Digest::sha256(&number.to_be_bytes()), &name(0));
        }
        let known = candidates.known.lock().unwrap();
        assert_eq!(known.repositories.len(), MAX_BLOBS);
        assert_eq!(known.order.len(), MAX_BLOBS);
        assert!(
            !known
                .repositories
                .contains_key(&Digest::sha256(&0_usize.to_be_bytes()))
        );
    }
}
