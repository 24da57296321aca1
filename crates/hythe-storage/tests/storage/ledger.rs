//! What a client was told, and whether it still holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::Digest;
use hythe_distribution::{
    BlobCreated, CreateOptions, Error, Mount, Namespace, PageRequest, PutManifestOptions, Repository, Result,
    ResumeOptions, Trust,
};
use hythe_manifest::{Descriptor, ImageBuilder, Manifest, MediaType};
use hythe_reference::{RepositoryName, Tag};

/// The promises a registry made.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<Key, Entry>,
    /// What was acknowledged, in order.
    history: Vec<(Key, Option<Bytes>)>,
}

type Key = (RepositoryName, Thing);

/// Something in a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Blob(Digest),
    Manifest(Digest),
    Tag(Tag),
}

/// What must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// These bytes; for a tag, the digest as text.
    There(Bytes),
    Gone,
    /// Being changed, or the answer was an error: the old or the new.
    Either(Option<Bytes>, Option<Bytes>),
}

impl Ledger {
    fn begin(&mut self, key: &Key, new: Option<Bytes>) {
        let old = match self.entries.get(key) {
            Some(Entry::There(bytes) | Entry::Either(_, Some(bytes))) => Some(bytes.clone()),
            _ => None,
        };
        self.entries.insert(key.clone(), Entry::Either(old, new));
    }

    fn end(&mut self, key: Key, new: Option<Bytes>) {
        self.history.push((key.clone(), new.clone()));
        self.entries.insert(key, new.map_or(Entry::Gone, Entry::There));
    }

    /// Everything acknowledged is so, and no manifest is served whose blobs are missing.
    pub(crate) async fn check(&self, registry: &dyn Namespace, context: &str) {
        for ((name, thing), entry) in &self.entries {
            let repository = registry.repository(name);
            let found = look(&*repository, thing).await;
            let holds = match entry {
                Entry::There(bytes) => found.as_ref() == Some(bytes),
                Entry::Gone => found.is_none(),
                Entry::Either(old, new) => found == *old || found == *new || found.is_none(),
            };
            assert!(
                holds,
                "{context}: {name} {thing:?} should be {entry:?}, is {found:?}"
            );
        }
        check_all_served(registry, context).await;
    }

    /// The same for somebody who saw only the first `acknowledged` promises, while the next one was being kept.
    pub(crate) async fn check_first(&self, acknowledged: usize, registry: &dyn Namespace, context: &str) {
        let next = self.history.get(acknowledged);
        let promised: BTreeMap<&Key, &Option<Bytes>> = self.history[..acknowledged]
            .iter()
            .map(|(key, value)| (key, value))
            .collect();
        for (key, value) in promised {
            let found = look(&*registry.repository(&key.0), &key.1).await;
            let holds = found == *value || next.is_some_and(|next| next.0 == *key && next.1 == found);
            assert!(holds, "{context}: {key:?} should be {value:?}, is {found:?}");
        }
        check_all_served(registry, context).await;
    }
}

async fn check_all_served(registry: &dyn Namespace, context: &str) {
    let names = registry.repositories(PageRequest::default()).await.unwrap();
    for name in names.items {
        check_served(&*registry.repository(&name), context).await;
    }
}

/// What a client finds; `None` when it is told that there is nothing.
async fn look(repository: &dyn Repository, thing: &Thing) -> Option<Bytes> {
    let found = match thing {
        Thing::Blob(digest) => repository.blobs().get(digest, u64::MAX).await,
        Thing::Manifest(digest) => {
            let manifest = repository.manifests().get(digest).await;
            manifest.map(|manifest| manifest.bytes().clone())
        }
        Thing::Tag(tag) => {
            let digest = repository.tags().get(tag).await;
            digest.map(|digest| Bytes::from(digest.to_string()))
        }
    };
    match found {
        Ok(bytes) => Some(bytes),
        Err(Error::BlobUnknown { .. } | Error::ManifestUnknown { .. } | Error::TagUnknown { .. }) => None,
        Err(error) => panic!("{thing:?}: {error:?}"),
    }
}

async fn check_served(repository: &dyn Repository, context: &str) {
    let digests = repository.manifests().list(PageRequest::default()).await.unwrap();
    for digest in digests.items {
        let manifest = match repository.manifests().get(&digest).await {
            Ok(manifest) => manifest,
            Err(error) => panic!("{context}: {digest} is listed and not served: {error:?}"),
        };
        for dependency in manifest.dependencies() {
            let blob = dependency.descriptor.digest;
            let served = repository.blobs().get(&blob, u64::MAX).await;
            let served = served.unwrap_or_else(|error| panic!("{context}: {digest} lacks {blob}: {error:?}"));
            assert_eq!(Digest::sha256(&served), blob, "{context}");
        }
    }
    let tags = match repository.tags().list(PageRequest::default()).await {
        Ok(page) => page.items,
        Err(Error::RepositoryUnknown { .. }) => Vec::new(),
        Err(error) => panic!("{context}: {error:?}"),
    };
    for tag in tags {
        // A tag that is not finished is listed and unknown, as in distribution v3.
        match repository.tags().get(&tag).await {
            Ok(_) | Err(Error::TagUnknown { .. }) => {}
            Err(error) => panic!("{context}: {tag}: {error:?}"),
        }
    }
}

/// A client of one repository that writes everything down.
pub(crate) struct Client<'a> {
    pub(crate) repository: Arc<dyn Repository>,
    pub(crate) ledger: &'a mut Ledger,
    /// Called with what was just promised.
    pub(crate) acknowledged: &'a (dyn Fn(&str) + Sync),
}

impl Client<'_> {
    fn key(&self, thing: Thing) -> Key {
        (self.repository.name().clone(), thing)
    }

    async fn change(
        &mut self,
        thing: Thing,
        new: Option<Bytes>,
        change: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let key = self.key(thing);
        self.ledger.begin(&key, new.clone());
        change.await?;
        (self.acknowledged)(&format!("{key:?}"));
        self.ledger.end(key, new);
        Ok(())
    }

    /// As docker does it: HEAD, POST, PATCH, PUT, each a request of its own.
    pub(crate) async fn push_blob(&mut self, content: &Bytes) -> Result<Descriptor> {
        let digest = Digest::sha256(content);
        let descriptor = Descriptor::new(Some(MediaType::OCI_LAYER_GZIP), digest, content.len() as u64);
        let repository = self.repository.clone();
        let blobs = repository.blobs();
        match blobs.stat(&digest, Trust::Stored).await {
            Ok(_) => return Ok(descriptor),
            Err(Error::BlobUnknown { .. }) => {}
            Err(error) => return Err(error),
        }
        let push = async {
            let BlobCreated::Upload(writer) = blobs.create(CreateOptions::default()).await? else {
                panic!("nothing was to be mounted")
            };
            let (id, mark) = (writer.id(), writer.mark());
            writer.suspend().await?;
            let begun = ResumeOptions {
                expected_size: Some(0),
                mark,
            };
            let mut writer = blobs.resume(&id, begun).await?;
            writer.write(vec![content.clone()]).await?;
            writer.suspend().await?;
            let received = ResumeOptions {
                expected_size: Some(content.len() as u64),
                ..ResumeOptions::default()
            };
            let writer = blobs.resume(&id, received).await?;
            writer.commit(&digest).await?;
            Ok(())
        };
        self.change(Thing::Blob(digest), Some(content.clone()), push)
            .await?;
        Ok(descriptor)
    }

    pub(crate) async fn mount_blob(&mut self, content: &Bytes, from: &RepositoryName) -> Result<Descriptor> {
        let digest = Digest::sha256(content);
        let repository = self.repository.clone();
        let mount = async {
            let options = CreateOptions {
                mount: Some(Mount {
                    digest,
                    from: vec![from.clone()],
                }),
                algorithm: None,
            };
            match repository.blobs().create(options).await? {
                BlobCreated::Mounted(_) => Ok(()),
                BlobCreated::Upload(_) => panic!("{from} has {digest}"),
            }
        };
        self.change(Thing::Blob(digest), Some(content.clone()), mount)
            .await?;
        Ok(Descriptor::new(
            Some(MediaType::OCI_LAYER_GZIP),
            digest,
            content.len() as u64,
        ))
    }

    pub(crate) async fn push_manifest(&mut self, manifest: &Manifest, tag: Option<&str>) -> Result<Digest> {
        let digest = Digest::sha256(manifest.bytes());
        let repository = self.repository.clone();
        let put = async {
            let options = PutManifestOptions::default();
            repository.manifests().put(manifest, options).await?;
            Ok(())
        };
        let bytes = manifest.bytes().clone();
        self.change(Thing::Manifest(digest), Some(bytes), put).await?;
        if let Some(tag) = tag {
            let tag = Tag::parse(tag).unwrap();
            let target = Bytes::from(digest.to_string());
            let point = repository.tags().tag(&tag, &digest);
            self.change(Thing::Tag(tag.clone()), Some(target), point).await?;
        }
        Ok(digest)
    }

    /// An image of these layers, with a config that says which one it is.
    pub(crate) async fn push_image(&mut self, number: usize, layers: &[Bytes], tag: &str) -> Result<Digest> {
        let config = Bytes::from(format!("{{\"number\":{number}}}"));
        let config = self.push_blob(&config).await?;
        let mut image = ImageBuilder::new(config);
        for layer in layers {
            image = image.layer(self.push_blob(layer).await?);
        }
        self.push_manifest(&image.build(), Some(tag)).await
    }

    /// As the handler of DELETE does it: the manifest, then its tags.
    pub(crate) async fn delete_manifest(&mut self, digest: &Digest, tags: &[&str]) -> Result<()> {
        let repository = self.repository.clone();
        let delete = repository.manifests().delete(digest);
        self.change(Thing::Manifest(*digest), None, delete).await?;
        for tag in tags {
            let key = self.key(Thing::Tag(Tag::parse(tag).unwrap()));
            self.ledger.begin(&key, None);
        }
        repository.tags().untag_all(digest).await?;
        for tag in tags {
            let key = self.key(Thing::Tag(Tag::parse(tag).unwrap()));
            self.ledger.end(key, None);
        }
        Ok(())
    }

    pub(crate) async fn delete_blob(&mut self, content: &Bytes) -> Result<()> {
        let digest = Digest::sha256(content);
        let repository = self.repository.clone();
        let delete = repository.blobs().delete(&digest);
        self.change(Thing::Blob(digest), None, delete).await
    }

    pub(crate) async fn untag(&mut self, tag: &str) -> Result<()> {
        let tag = Tag::parse(tag).unwrap();
        let repository = self.repository.clone();
        let untag = repository.tags().untag(&tag);
        self.change(Thing::Tag(tag.clone()), None, untag).await
    }
}
