use std::sync::Arc;

use async_trait::async_trait;
use hythe_digest::Digest;
use hythe_distribution::{Error, Page, PageRequest, Result, TagService};
use hythe_reference::{RepositoryName, Tag};

use crate::core::Core;

/// The tags of one repository.
#[derive(Debug)]
pub(crate) struct TagStore {
    core: Arc<Core>,
    repository: RepositoryName,
}

impl TagStore {
    pub(crate) fn new(core: Arc<Core>, repository: RepositoryName) -> Self {
        Self { core, repository }
    }
}

#[async_trait]
impl TagService for TagStore {
    async fn get(&self, _tag: &Tag) -> Result<Digest> {
        let _ = (&self.core, &self.repository);
        Err(Error::Unsupported)
    }

    async fn tag(&self, _tag: &Tag, _digest: &Digest) -> Result<()> {
        Err(Error::Unsupported)
    }

    async fn untag(&self, _tag: &Tag) -> Result<()> {
        Err(Error::Unsupported)
    }

    async fn untag_all(&self, _digest: &Digest) -> Result<Vec<Tag>> {
        Err(Error::Unsupported)
    }

    async fn list(&self, _page: PageRequest<Tag>) -> Result<Page<Tag>> {
        Err(Error::Unsupported)
    }

    async fn lookup(&self, _digest: &Digest) -> Result<Vec<Tag>> {
        Err(Error::Unsupported)
    }
}
