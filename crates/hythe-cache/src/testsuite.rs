//! The behaviours every [`BlobDescriptorCacheProvider`] must show, one function each.
//!
//! [`cache_suite!`](crate::cache_suite) makes a test of each, for a provider of your own:
//!
//! ```text
//! async fn new_cache() -> MyCache { MyCache::connect("…").await.unwrap() }
//! hythe_cache::cache_suite!(new_cache);
//! ```
//!
//! The functions use the same few repositories and digests, so a provider that outlives the test must begin empty
//! or under a prefix of its own. A function panics when the behaviour is not shown. An entry may be dropped at any
//! time; the suite expects that a cache with room for a hundred does not use that freedom.

#![allow(
    clippy::unwrap_used,
    reason = "a suite fails by panicking, with the error in the message"
)]

use hythe_digest::{Algorithm, Digest};
use hythe_distribution::BlobDescriptorCacheProvider;
use hythe_manifest::{Descriptor, MediaType};
use hythe_reference::RepositoryName;

/// One `#[tokio::test]` for each behaviour; the argument is an async function that makes an empty provider.
#[macro_export]
macro_rules! cache_suite {
    ($make:path) => {
        $crate::cache_suite!(@each $make:
            nothing_is_remembered_at_first,
            what_was_set_is_remembered,
            setting_again_replaces,
            cleared_is_forgotten,
            nothing_to_clear_is_no_error,
            repositories_are_apart,
            a_nested_repository_is_another_one,
            a_global_entry_is_no_membership,
            a_repository_entry_fills_the_empty_global_one,
            a_repository_entry_leaves_a_filled_global_one,
            clearing_a_repository_entry_leaves_the_others,
            a_descriptor_is_remembered_under_another_algorithm,
            another_algorithm_is_no_membership_under_its_own,
            another_digest_of_the_same_algorithm_is_refused,
            an_empty_blob_is_remembered,
        );
    };
    (@each $make:path: $($behaviour:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                $crate::testsuite::$behaviour(&$make().await).await;
            }
        )*
    };
}

/// An empty cache answers nothing, and that is no error.
pub async fn nothing_is_remembered_at_first(cache: &dyn BlobDescriptorCacheProvider) {
    let wanted = descriptor("x");
    assert_eq!(cache.stat(&wanted.digest).await.unwrap(), None);
    assert_eq!(stat_in(cache, "a", &wanted.digest).await, None);
}

/// What was set is answered, globally and in a repository, media type included.
pub async fn what_was_set_is_remembered(cache: &dyn BlobDescriptorCacheProvider) {
    let global = descriptor("global");
    cache.set(&global.digest, &global).await.unwrap();
    assert_eq!(cache.stat(&global.digest).await.unwrap(), Some(global));

    let mut member = descriptor("member");
    member.media_type = None;
    set_in(cache, "a", &member).await;
    assert_eq!(stat_in(cache, "a", &member.digest).await, Some(member));
}

/// Of two descriptors set under one digest the later is answered.
pub async fn setting_again_replaces(cache: &dyn BlobDescriptorCacheProvider) {
    let mut descriptor = descriptor("x");
    set_in(cache, "a", &descriptor).await;
    descriptor.media_type = Some(MediaType::OCI_CONFIG);
    set_in(cache, "a", &descriptor).await;
    assert_eq!(stat_in(cache, "a", &descriptor.digest).await, Some(descriptor));
}

/// What was cleared is not answered any more.
pub async fn cleared_is_forgotten(cache: &dyn BlobDescriptorCacheProvider) {
    let descriptor = descriptor("x");
    cache.set(&descriptor.digest, &descriptor).await.unwrap();
    cache.clear(&descriptor.digest).await.unwrap();
    assert_eq!(cache.stat(&descriptor.digest).await.unwrap(), None);

    set_in(cache, "a", &descriptor).await;
    clear_in(cache, "a", &descriptor.digest).await;
    assert_eq!(stat_in(cache, "a", &descriptor.digest).await, None);
}

/// Clearing what was never set succeeds.
pub async fn nothing_to_clear_is_no_error(cache: &dyn BlobDescriptorCacheProvider) {
    let digest = descriptor("x").digest;
    cache.clear(&digest).await.unwrap();
    clear_in(cache, "a", &digest).await;
}

/// A member of one repository is not one of another.
pub async fn repositories_are_apart(cache: &dyn BlobDescriptorCacheProvider) {
    let descriptor = descriptor("x");
    set_in(cache, "a", &descriptor).await;
    assert_eq!(stat_in(cache, "b", &descriptor.digest).await, None);
}

/// `a/b` is not part of `a`, nor the other way round.
pub async fn a_nested_repository_is_another_one(cache: &dyn BlobDescriptorCacheProvider) {
    let (outer, inner) = (descriptor("outer"), descriptor("inner"));
    set_in(cache, "a", &outer).await;
    set_in(cache, "a/b", &inner).await;
    assert_eq!(stat_in(cache, "a/b", &outer.digest).await, None);
    assert_eq!(stat_in(cache, "a", &inner.digest).await, None);
}

/// That a blob is stored does not make it a member of any repository.
pub async fn a_global_entry_is_no_membership(cache: &dyn BlobDescriptorCacheProvider) {
    let descriptor = descriptor("x");
    cache.set(&descriptor.digest, &descriptor).await.unwrap();
    assert_eq!(stat_in(cache, "a", &descriptor.digest).await, None);
}

/// A member of a repository is stored.
pub async fn a_repository_entry_fills_the_empty_global_one(cache: &dyn BlobDescriptorCacheProvider) {
    let descriptor = descriptor("x");
    set_in(cache, "a", &descriptor).await;
    assert_eq!(cache.stat(&descriptor.digest).await.unwrap(), Some(descriptor));
}

/// A repository may know a media type of its own.
pub async fn a_repository_entry_leaves_a_filled_global_one(cache: &dyn BlobDescriptorCacheProvider) {
    let global = descriptor("x");
    let mut own = global.clone();
    own.media_type = Some(MediaType::OCI_CONFIG);
    cache.set(&global.digest, &global).await.unwrap();
    set_in(cache, "a", &own).await;
    assert_eq!(cache.stat(&global.digest).await.unwrap(), Some(global));
    assert_eq!(stat_in(cache, "a", &own.digest).await, Some(own));
}

/// The global entry and those of other repositories stay.
pub async fn clearing_a_repository_entry_leaves_the_others(cache: &dyn BlobDescriptorCacheProvider) {
    let descriptor = descriptor("x");
    set_in(cache, "a", &descriptor).await;
    set_in(cache, "b", &descriptor).await;
    clear_in(cache, "a", &descriptor.digest).await;
    assert_eq!(stat_in(cache, "a", &descriptor.digest).await, None);
    assert_eq!(
        stat_in(cache, "b", &descriptor.digest).await,
        Some(descriptor.clone())
    );
    assert_eq!(cache.stat(&descriptor.digest).await.unwrap(), Some(descriptor));
}

/// A sha512 digest may lead to content that the storage keeps under sha256.
pub async fn a_descriptor_is_remembered_under_another_algorithm(cache: &dyn BlobDescriptorCacheProvider) {
    let (alias, descriptor) = (alias("x"), descriptor("x"));
    let members = cache.repository_scoped(&name("a"));
    members.set(&alias, &descriptor).await.unwrap();
    assert_eq!(members.stat(&alias).await.unwrap(), Some(descriptor.clone()));
    assert_eq!(cache.stat(&alias).await.unwrap(), Some(descriptor));
}

/// Links under two algorithms are two links: deleting one must not be undone by reading through the other.
pub async fn another_algorithm_is_no_membership_under_its_own(cache: &dyn BlobDescriptorCacheProvider) {
    let (alias, descriptor) = (alias("x"), descriptor("x"));
    let members = cache.repository_scoped(&name("a"));
    members.set(&alias, &descriptor).await.unwrap();
    assert_eq!(members.stat(&descriptor.digest).await.unwrap(), None);
}

/// Content cannot have two digests of one algorithm: an error, and nothing is remembered.
pub async fn another_digest_of_the_same_algorithm_is_refused(cache: &dyn BlobDescriptorCacheProvider) {
    let (descriptor, other) = (descriptor("x"), descriptor("y").digest);
    let members = cache.repository_scoped(&name("a"));
    members.set(&other, &descriptor).await.unwrap_err();
    cache.set(&other, &descriptor).await.unwrap_err();
    assert_eq!(members.stat(&other).await.unwrap(), None);
    assert_eq!(cache.stat(&other).await.unwrap(), None);
}

/// A size of 0 is a size.
pub async fn an_empty_blob_is_remembered(cache: &dyn BlobDescriptorCacheProvider) {
    let empty = descriptor("");
    set_in(cache, "a", &empty).await;
    assert_eq!(stat_in(cache, "a", &empty.digest).await, Some(empty));
}

fn descriptor(content: &str) -> Descriptor {
    let digest = Digest::sha256(content.as_bytes());
    Descriptor::new(Some(MediaType::OCI_LAYER_GZIP), digest, content.len() as u64)
}

fn alias(content: &str) -> Digest {
    Digest::of(Algorithm::Sha512, content.as_bytes())
}

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).expect("the suite's names are valid")
}

async fn set_in(cache: &dyn BlobDescriptorCacheProvider, repository: &str, descriptor: &Descriptor) {
    let members = cache.repository_scoped(&name(repository));
    members.set(&descriptor.digest, descriptor).await.unwrap();
}

async fn stat_in(
    cache: &dyn BlobDescriptorCacheProvider,
    repository: &str,
    digest: &Digest,
) -> Option<Descriptor> {
    cache
        .repository_scoped(&name(repository))
        .stat(digest)
        .await
        .unwrap()
}

async fn clear_in(cache: &dyn BlobDescriptorCacheProvider, repository: &str, digest: &Digest) {
    cache
        .repository_scoped(&name(repository))
        .clear(digest)
        .await
        .unwrap();
}
