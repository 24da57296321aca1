//! What the behaviours store, and how they read it back.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use hythe_digest::Digest;
use hythe_manifest::{Descriptor, ImageBuilder, Manifest, MediaType};
use hythe_reference::{RepositoryName, Tag};

use super::Subject;
use crate::{
    Blob, BlobCreated, BlobWriter, Content, CreateOptions, Page, PageRequest, PutManifestOptions, Repository,
};

/// Fails unless the result is an error that matches the pattern.
macro_rules! fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!(
                "expected {}, got {other:?}",
                stringify!($pattern $(if $guard)?)
            ),
        }
    };
}
pub(super) use fails;

/// More than any blob of the suite has.
pub(super) const LIMIT: u64 = 16 * 1024 * 1024;

impl Subject {
    pub(super) fn repository(&self, name: &str) -> Arc<dyn Repository> {
        self.registry.repository(&self::name(name))
    }

    pub(super) fn repository_elsewhere(&self, name: &str) -> Arc<dyn Repository> {
        self.other_process.repository(&self::name(name))
    }
}

pub(super) fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).expect("the suite's names are valid")
}

pub(super) fn tag(text: &str) -> Tag {
    Tag::parse(text).expect("the suite's tags are valid")
}

/// Bytes that are the same for the same seed and not for another.
pub(super) fn bytes(seed: u64, length: usize) -> Bytes {
    // The multiplier and increment are Knuth's for 64 bits.
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(super) fn descriptor_of(content: &Bytes) -> Descriptor {
    Descriptor::new(
        Some(MediaType::OCI_LAYER_GZIP),
        Digest::sha256(content),
        content.len() as u64,
    )
}

/// A digest of something that no behaviour stores.
pub(super) fn digest_of_nothing_stored() -> Digest {
    Digest::sha256(b"nobody stores this")
}

/// Stores a blob; the descriptor has the media type of a layer.
pub(super) async fn push(repository: &dyn Repository, content: &Bytes) -> Descriptor {
    repository.blobs().put(None, content.clone()).await.unwrap();
    descriptor_of(content)
}

pub(super) async fn start(repository: &dyn Repository) -> Box<dyn BlobWriter> {
    start_with(repository, CreateOptions::default()).await
}

pub(super) async fn start_with(repository: &dyn Repository, options: CreateOptions) -> Box<dyn BlobWriter> {
    match repository.blobs().create(options).await.unwrap() {
        BlobCreated::Upload(writer) => writer,
        BlobCreated::Mounted(descriptor) => panic!("mounted {descriptor:?} instead of starting an upload"),
    }
}

/// An image of one layer whose bytes depend on the seed.
pub(super) async fn image(repository: &dyn Repository, seed: u64) -> Manifest {
    image_builder(repository, seed).await.build()
}

pub(super) async fn image_builder(repository: &dyn Repository, seed: u64) -> ImageBuilder {
    let mut config = push(repository, &Bytes::from_static(b"{}")).await;
    config.media_type = Some(MediaType::OCI_CONFIG);
    let layer = push(repository, &bytes(seed, 100)).await;
    ImageBuilder::new(config).layer(layer)
}

pub(super) async fn put(repository: &dyn Repository, manifest: &Manifest) -> Descriptor {
    repository
        .manifests()
        .put(manifest, PutManifestOptions::default())
        .await
        .unwrap()
}

/// An image that is put and tagged.
pub(super) async fn tagged_image(repository: &dyn Repository, seed: u64, tags: &[&str]) -> Digest {
    let digest = put(repository, &image(repository, seed).await).await.digest;
    for text in tags {
        repository.tags().tag(&tag(text), &digest).await.unwrap();
    }
    digest
}

/// All bytes of an opened blob, which are as many as it says.
pub(super) async fn read(blob: Blob) -> Bytes {
    let expected = blob.range.end - blob.range.start;
    let content = match blob.content {
        Content::File(range) => {
            let file = File::from(range.file.try_clone().unwrap());
            let mut content = vec![0; usize::try_from(range.length).unwrap()];
            file.read_exact_at(&mut content, range.offset).unwrap();
            Bytes::from(content)
        }
        Content::Stream(mut stream) => {
            let mut content = BytesMut::new();
            while let Some(piece) = stream.next().await {
                content.extend_from_slice(&piece.unwrap());
            }
            content.freeze()
        }
    };
    assert_eq!(
        content.len() as u64,
        expected,
        "the content is not of the range told"
    );
    content
}

/// Follows the pages of a list to its end; each is at most of the size asked for, and only the last ones are
/// shorter.
pub(super) async fn all_pages<T, K>(
    limit: usize,
    mut page_after: impl AsyncFnMut(PageRequest<K>) -> Page<T, K>,
) -> Vec<T> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = page_after(PageRequest {
            after,
            limit: Some(limit),
        })
        .await;
        assert!(
            page.items.len() <= limit,
            "a page of {limit} has {}",
            page.items.len()
        );
        assert!(
            page.items.len() == limit || page.next.is_none(),
            "a page that is not full has a next one"
        );
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}
