//! Referrers: manifests that say something about another (OCI distribution spec, Listing Referrers).

use hythe_digest::Digest;
use hythe_manifest::{Descriptor, ImageBuilder, IndexBuilder, Manifest, MediaType};
use hythe_reference::Tag;

use super::Subject;
use super::content::{all_pages, digest_of_nothing_stored, image, image_builder, put};
use crate::{PageRequest, ReferrersQuery, Repository};

/// Media type, size, artifact type and annotations.
pub async fn a_referrer_is_listed_with_what_it_says_of_itself(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let referrer = builder(&*repository, 2, &about)
        .await
        .artifact_type(artifact_type("application/one"))
        .annotation("org.example.key", "value")
        .build();
    let digest = put(&*repository, &referrer).await.digest;

    let listed = referrers(&*repository, &about.digest).await;

    assert_eq!(listed, [referrer.referrer_descriptor(digest)]);
    assert_eq!(listed[0].media_type, Some(MediaType::OCI_MANIFEST));
    assert_eq!(listed[0].size, referrer.size());
    assert_eq!(listed[0].artifact_type.as_deref(), Some("application/one"));
    assert_eq!(
        listed[0].annotations.get("org.example.key").map(String::as_str),
        Some("value")
    );
}

/// With an artifact type and without; an index has no config to go by.
pub async fn an_index_can_be_a_referrer(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let typed = IndexBuilder::new()
        .subject(about.clone())
        .artifact_type(artifact_type("application/one"))
        .build();
    let plain = IndexBuilder::new().subject(about.clone()).build();
    let mut expected = Vec::new();
    for index in [&typed, &plain] {
        let digest = put(&*repository, index).await.digest;
        expected.push(index.referrer_descriptor(digest));
    }
    assert_eq!(expected[1].artifact_type, None);
    expected.sort_by_key(|descriptor| descriptor.digest);
    assert_eq!(referrers(&*repository, &about.digest).await, expected);
}

/// The media type of its config.
pub async fn an_image_without_artifact_type_goes_by_its_config(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    put(&*repository, &builder(&*repository, 2, &about).await.build()).await;
    let listed = referrers(&*repository, &about.digest).await;
    assert_eq!(
        listed[0].artifact_type.as_deref(),
        Some(MediaType::OCI_CONFIG.as_str())
    );
}

/// A signature may be pushed before what it signs.
pub async fn a_subject_need_not_exist(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    let about = descriptor(&manifest);
    let referrer = builder(&*repository, 2, &about).await.build();
    let digest = put(&*repository, &referrer).await.digest;
    assert_eq!(digests(&*repository, &about.digest).await, [digest]);
    put(&*repository, &manifest).await;
    assert_eq!(digests(&*repository, &about.digest).await, [digest]);
}

/// In an unknown repository too: an empty list, not an error.
pub async fn an_unknown_subject_has_no_referrers(subject: &Subject) {
    let unknown = digest_of_nothing_stored();
    assert_eq!(referrers(&*subject.repository("a"), &unknown).await, []);
    let repository = subject.repository("b");
    let about = put_subject(&*repository, 1).await;
    assert_eq!(referrers(&*repository, &about.digest).await, []);
    put(&*repository, &builder(&*repository, 2, &about).await.build()).await;
    assert_eq!(referrers(&*repository, &unknown).await, []);
}

/// Even when the subject is in both.
pub async fn referrers_belong_to_their_repository(subject: &Subject) {
    let (repository, other) = (subject.repository("a"), subject.repository("b"));
    let about = put_subject(&*repository, 1).await;
    put_subject(&*other, 1).await;
    put(&*repository, &builder(&*repository, 2, &about).await.build()).await;
    assert_eq!(referrers(&*other, &about.digest).await, []);
}

/// Exactly those of the type.
pub async fn referrers_are_filtered_by_artifact_type(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let mut of_type_one = Vec::new();
    for (seed, text) in [
        (2, "application/one"),
        (3, "application/two"),
        (4, "application/one"),
        (5, "application/one.more"),
    ] {
        let referrer = builder(&*repository, seed, &about)
            .await
            .artifact_type(artifact_type(text));
        let digest = put(&*repository, &referrer.build()).await.digest;
        if text == "application/one" {
            of_type_one.push(digest);
        }
    }
    of_type_one.sort();
    for (wanted, expected) in [
        ("application/one", of_type_one),
        ("application/none", vec![]),
        ("", vec![]),
    ] {
        let query = ReferrersQuery {
            artifact_type: Some(wanted.to_owned()),
            page: PageRequest::default(),
        };
        let page = repository
            .manifests()
            .referrers(&about.digest, query)
            .await
            .unwrap();
        let found: Vec<Digest> = page.items.iter().map(|descriptor| descriptor.digest).collect();
        assert_eq!((found, page.next), (expected, None), "{wanted:?}");
    }
}

/// In the order of digests, filtered or not.
pub async fn referrers_are_in_order_and_by_page(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 100).await;
    let mut expected = Vec::new();
    for seed in 0..7 {
        let referrer = builder(&*repository, seed, &about).await.build();
        expected.push(put(&*repository, &referrer).await.digest);
    }
    expected.sort();
    assert_eq!(digests(&*repository, &about.digest).await, expected);
    for artifact_type in [None, Some(MediaType::OCI_CONFIG.to_string())] {
        for limit in 1..=8 {
            let paged = all_pages(limit, async |page| {
                let query = ReferrersQuery {
                    artifact_type: artifact_type.clone(),
                    page,
                };
                repository
                    .manifests()
                    .referrers(&about.digest, query)
                    .await
                    .unwrap()
            })
            .await;
            let paged: Vec<Digest> = paged.iter().map(|descriptor| descriptor.digest).collect();
            assert_eq!(paged, expected, "pages of {limit}");
        }
    }
}

/// However often.
pub async fn a_referrer_put_again_is_listed_once(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let referrer = builder(&*repository, 2, &about).await.build();
    let digest = put(&*repository, &referrer).await.digest;
    put(&*repository, &referrer).await;
    assert_eq!(digests(&*repository, &about.digest).await, [digest]);
    put(&*repository, &referrer).await;
    assert_eq!(digests(&*repository, &about.digest).await, [digest]);
}

/// By whichever process it was deleted.
pub async fn a_deleted_referrer_is_not_listed(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let mut kept = Vec::new();
    for seed in 2..5 {
        let referrer = builder(&*repository, seed, &about).await.build();
        kept.push(put(&*repository, &referrer).await.digest);
    }
    repository.manifests().delete(&kept.remove(0)).await.unwrap();
    let elsewhere = subject.repository_elsewhere("a");
    elsewhere.manifests().delete(&kept.remove(0)).await.unwrap();
    assert_eq!(digests(&*repository, &about.digest).await, kept);
    assert_eq!(digests(&*elsewhere, &about.digest).await, kept);
}

/// Whatever was remembered of its first life.
pub async fn a_referrer_deleted_and_put_again_is_listed(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let referrer = builder(&*repository, 2, &about).await.build();
    let digest = put(&*repository, &referrer).await.digest;
    for _ in 0..2 {
        repository.manifests().delete(&digest).await.unwrap();
        assert_eq!(digests(&*repository, &about.digest).await, []);
        put(&*repository, &referrer).await;
        assert_eq!(digests(&*repository, &about.digest).await, [digest]);
    }
}

/// They are manifests in their own right.
pub async fn referrers_outlive_their_subject(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let referrer = builder(&*repository, 2, &about).await.build();
    let digest = put(&*repository, &referrer).await.digest;
    repository.manifests().delete(&about.digest).await.unwrap();
    assert_eq!(digests(&*repository, &about.digest).await, [digest]);
}

/// At once, and in both directions.
pub async fn referrers_are_seen_by_another_process(subject: &Subject) {
    let repository = subject.repository("a");
    let elsewhere = subject.repository_elsewhere("a");
    let about = put_subject(&*repository, 1).await;
    let mut expected = Vec::new();
    for (seed, process) in [(2, &repository), (3, &elsewhere), (4, &repository)] {
        let referrer = builder(&**process, seed, &about).await.build();
        expected.push(put(&**process, &referrer).await.digest);
        expected.sort();
        assert_eq!(digests(&*repository, &about.digest).await, expected);
        assert_eq!(digests(&*elsewhere, &about.digest).await, expected);
    }
}

/// Clients of older registries keep an index of referrers under a tag; what it lists is listed anyway if it has the
/// subject, and not if it has another.
pub async fn a_referrers_tag_changes_nothing(subject: &Subject) {
    let repository = subject.repository("a");
    let about = put_subject(&*repository, 1).await;
    let other = put_subject(&*repository, 2).await;
    let referrer = builder(&*repository, 3, &about).await.build();
    let stranger = builder(&*repository, 4, &other).await.build();
    let expected = put(&*repository, &referrer).await.digest;
    put(&*repository, &stranger).await;
    let listing = IndexBuilder::new().manifests([&referrer, &stranger].map(descriptor));
    let listing = put(&*repository, &listing.build()).await.digest;
    let fallback = Tag::of_referrers(&about.digest);
    repository.tags().tag(&fallback, &listing).await.unwrap();
    assert_eq!(digests(&*repository, &about.digest).await, [expected]);
}

async fn put_subject(repository: &dyn Repository, seed: u64) -> Descriptor {
    let manifest = image(repository, seed).await;
    put(repository, &manifest).await;
    descriptor(&manifest)
}

fn descriptor(manifest: &Manifest) -> Descriptor {
    let digest = Digest::sha256(manifest.bytes());
    Descriptor::new(Some(manifest.media_type().clone()), digest, manifest.size())
}

async fn builder(repository: &dyn Repository, seed: u64, about: &Descriptor) -> ImageBuilder {
    image_builder(repository, seed).await.subject(about.clone())
}

fn artifact_type(text: &str) -> MediaType {
    MediaType::parse(text).expect("the suite's types are valid")
}

async fn referrers(repository: &dyn Repository, about: &Digest) -> Vec<Descriptor> {
    let query = ReferrersQuery::default();
    let page = repository.manifests().referrers(about, query).await.unwrap();
    assert_eq!(page.next, None, "everything was asked for");
    page.items
}

async fn digests(repository: &dyn Repository, about: &Digest) -> Vec<Digest> {
    let referrers = referrers(repository, about).await;
    referrers.iter().map(|descriptor| descriptor.digest).collect()
}
