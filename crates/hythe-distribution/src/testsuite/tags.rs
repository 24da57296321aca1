//! Tags: set, moved, listed, removed.

use hythe_digest::{Algorithm, Digest};
use hythe_reference::Tag;

use super::Subject;
use super::content::{
    all_pages, bytes, digest_of_nothing_stored, fails, image, push, put, tag, tagged_image,
};
use crate::{Error, PageRequest, PutManifestOptions, Repository, Trust};

/// Names on both sides of every way to sort them wrongly: by folders, by case, by numbers, by length.
const IN_BYTE_ORDER: [&str; 14] = [
    "0", "1.0", "1.0-rc", "10", "V1", "_x", "latest", "v", "v1", "v1-rc", "v1.0", "v1.0.1", "v10", "v1_0",
];

/// For everybody.
pub async fn a_tag_points_to_a_manifest(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = tagged_image(&*repository, 1, &["v1"]).await;
    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), digest);
    let elsewhere = subject.repository_elsewhere("a");
    assert_eq!(elsewhere.tags().get(&tag("v1")).await.unwrap(), digest);
}

/// To another manifest and back; the manifests stay.
pub async fn a_tag_moves(subject: &Subject) {
    let repository = subject.repository("a");
    let first = tagged_image(&*repository, 1, &["v1"]).await;
    let second = tagged_image(&*repository, 2, &["v1"]).await;
    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), second);
    repository.tags().tag(&tag("v1"), &first).await.unwrap();
    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), first);
    assert_eq!(listed(&*repository).await, ["v1"]);
    for digest in [first, second] {
        assert!(
            repository
                .manifests()
                .exists(&digest, Trust::Stored)
                .await
                .unwrap()
        );
    }
}

/// In an empty repository and beside others.
pub async fn an_unknown_tag_is_unknown(subject: &Subject) {
    let repository = subject.repository("a");
    fails!(repository.tags().get(&tag("v1")).await, Error::TagUnknown { tag: named } if named == tag("v1"));
    tagged_image(&*repository, 1, &["v10"]).await;
    fails!(repository.tags().get(&tag("v1")).await, Error::TagUnknown { .. });
    fails!(
        subject.repository("b").tags().get(&tag("v10")).await,
        Error::TagUnknown { .. }
    );
}

/// Not a blob, not a manifest of another repository, not nothing. No tag is left behind.
pub async fn a_tag_needs_a_manifest(subject: &Subject) {
    let repository = subject.repository("a");
    tagged_image(&*repository, 1, &["present"]).await;
    let blob = push(&*repository, &bytes(2, 100)).await.digest;
    let elsewhere = tagged_image(&*subject.repository("b"), 3, &[]).await;
    for digest in [blob, elsewhere, digest_of_nothing_stored()] {
        fails!(
            repository.tags().tag(&tag("v1"), &digest).await,
            Error::ManifestUnknown { digest: named, .. } if named == digest
        );
        fails!(repository.tags().get(&tag("v1")).await, Error::TagUnknown { .. });
    }
    assert_eq!(listed(&*repository).await, ["present"]);
}

/// The digest by which the manifest was put.
pub async fn a_tag_can_point_to_a_sha512_digest(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    let digest = Digest::of(Algorithm::Sha512, manifest.bytes());
    let options = PutManifestOptions { digest: Some(digest) };
    repository.manifests().put(&manifest, options).await.unwrap();
    repository.tags().tag(&tag("v1"), &digest).await.unwrap();
    let found = repository.tags().get(&tag("v1")).await.unwrap();
    assert_eq!(found, digest);
    assert_eq!(
        repository.manifests().get(&found).await.unwrap().bytes(),
        manifest.bytes()
    );
    assert_eq!(repository.tags().lookup(&digest).await.unwrap(), [tag("v1")]);
}

/// Whatever the order of the storage is.
pub async fn tags_are_listed_in_byte_order(subject: &Subject) {
    let repository = subject.repository("a");
    let mut shuffled = IN_BYTE_ORDER;
    shuffled.reverse();
    shuffled.swap(0, 7);
    tagged_image(&*repository, 1, &shuffled).await;
    assert_eq!(listed(&*repository).await, IN_BYTE_ORDER);
    assert_eq!(listed(&*subject.repository_elsewhere("a")).await, IN_BYTE_ORDER);
}

/// Of every size and after every tag: nothing missing, nothing twice.
pub async fn every_page_of_tags_is_exact(subject: &Subject) {
    let repository = subject.repository("a");
    tagged_image(&*repository, 1, &IN_BYTE_ORDER).await;
    for limit in 1..=IN_BYTE_ORDER.len() + 1 {
        let paged = all_pages(limit, async |page| repository.tags().list(page).await.unwrap()).await;
        assert_eq!(texts(&paged), IN_BYTE_ORDER, "pages of {limit}");
        for (position, last) in IN_BYTE_ORDER.iter().enumerate() {
            let page = PageRequest {
                after: Some(tag(last)),
                limit: Some(limit),
            };
            let page = repository.tags().list(page).await.unwrap();
            let rest = &IN_BYTE_ORDER[position + 1..];
            assert_eq!(
                texts(&page.items),
                rest[..limit.min(rest.len())],
                "{limit} after {last}"
            );
            assert!(
                page.next.is_some() || rest.len() <= limit,
                "{limit} after {last} is not the end"
            );
        }
    }
}

/// A tag may be removed between two pages.
pub async fn a_page_begins_after_a_tag_that_is_not_there(subject: &Subject) {
    let repository = subject.repository("a");
    tagged_image(&*repository, 1, &IN_BYTE_ORDER).await;
    for (after, expected) in [
        ("00", &IN_BYTE_ORDER[1..]),
        ("v1-", &IN_BYTE_ORDER[9..]),
        ("v1.", &IN_BYTE_ORDER[10..]),
        ("v1.0-x", &IN_BYTE_ORDER[11..]),
        ("v1.1", &IN_BYTE_ORDER[12..]),
        ("z", &[]),
    ] {
        let page = PageRequest {
            after: Some(tag(after)),
            limit: None,
        };
        let page = repository.tags().list(page).await.unwrap();
        assert_eq!(
            (texts(&page.items), page.next),
            (expected.to_vec(), None),
            "after {after}"
        );
    }
}

/// It is not a repository at all.
pub async fn a_repository_that_never_was_has_no_tags(subject: &Subject) {
    tagged_image(&*subject.repository("a/b"), 1, &["v1"]).await;
    for text in ["a", "b", "a/b/c"] {
        let repository = subject.repository(text);
        fails!(
            repository.tags().list(PageRequest::default()).await,
            Error::RepositoryUnknown { name } if name.as_str() == text
        );
        assert_eq!(
            repository
                .tags()
                .lookup(&digest_of_nothing_stored())
                .await
                .unwrap(),
            []
        );
    }
}

/// That is an answer, not an error (OCI distribution spec, Listing Tags).
pub async fn a_repository_of_untagged_manifests_has_an_empty_list(subject: &Subject) {
    let repository = subject.repository("a");
    put(&*repository, &image(&*repository, 1).await).await;
    assert_eq!(listed(&*repository).await, [""; 0]);
    let digest = tagged_image(&*repository, 2, &["v1"]).await;
    repository.tags().untag(&tag("v1")).await.unwrap();
    assert_eq!(listed(&*repository).await, [""; 0]);
    assert_eq!(repository.tags().lookup(&digest).await.unwrap(), []);
}

/// And not listed, for everybody; its manifest stays.
pub async fn a_removed_tag_is_unknown(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = tagged_image(&*repository, 1, &["v1", "v2"]).await;
    repository.tags().untag(&tag("v1")).await.unwrap();
    for repository in [repository, subject.repository_elsewhere("a")] {
        fails!(repository.tags().get(&tag("v1")).await, Error::TagUnknown { .. });
        assert_eq!(listed(&*repository).await, ["v2"]);
        assert!(
            repository
                .manifests()
                .exists(&digest, Trust::Stored)
                .await
                .unwrap()
        );
    }
}

/// Also those whose names begin with it.
pub async fn removing_a_tag_leaves_the_others(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = tagged_image(&*repository, 1, &["v1", "v1-rc", "v1.0", "v10", "v1_0"]).await;
    tagged_image(&*subject.repository("b"), 1, &["v1"]).await;
    repository.tags().untag(&tag("v1")).await.unwrap();
    assert_eq!(listed(&*repository).await, ["v1-rc", "v1.0", "v10", "v1_0"]);
    assert_eq!(repository.tags().get(&tag("v1.0")).await.unwrap(), digest);
    assert_eq!(listed(&*subject.repository("b")).await, ["v1"]);
}

/// Never set, or removed before.
pub async fn removing_an_unknown_tag_says_so(subject: &Subject) {
    let repository = subject.repository("a");
    fails!(
        repository.tags().untag(&tag("v1")).await,
        Error::TagUnknown { .. }
    );
    tagged_image(&*repository, 1, &["v1", "v10"]).await;
    repository.tags().untag(&tag("v1")).await.unwrap();
    fails!(
        repository.tags().untag(&tag("v1")).await,
        Error::TagUnknown { .. }
    );
}

/// In byte order, and only those that point to it now.
pub async fn tags_are_found_by_manifest(subject: &Subject) {
    let repository = subject.repository("a");
    let first = tagged_image(&*repository, 1, &["v1", "v1-rc", "v1.0", "moved"]).await;
    let second = tagged_image(&*repository, 2, &["latest", "moved"]).await;
    let found = repository.tags().lookup(&first).await.unwrap();
    assert_eq!(texts(&found), ["v1", "v1-rc", "v1.0"]);
    let found = repository.tags().lookup(&second).await.unwrap();
    assert_eq!(texts(&found), ["latest", "moved"]);
    assert_eq!(
        repository
            .tags()
            .lookup(&digest_of_nothing_stored())
            .await
            .unwrap(),
        []
    );
}

/// Those that point to it now, which are returned.
pub async fn every_tag_of_a_manifest_is_removed(subject: &Subject) {
    let repository = subject.repository("a");
    let first = tagged_image(&*repository, 1, &["v1", "v1-rc", "moved"]).await;
    tagged_image(&*repository, 2, &["latest", "moved"]).await;
    let mut removed = repository.tags().untag_all(&first).await.unwrap();
    removed.sort();
    assert_eq!(texts(&removed), ["v1", "v1-rc"]);
    assert_eq!(listed(&*repository).await, ["latest", "moved"]);
    assert_eq!(repository.tags().untag_all(&first).await.unwrap(), []);
}

/// Unsupported before anything is looked up.
pub async fn with_deletion_off_no_tag_goes(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = tagged_image(&*repository, 1, &["v1"]).await;
    for text in ["v1", "unknown"] {
        fails!(repository.tags().untag(&tag(text)).await, Error::Unsupported);
    }
    fails!(repository.tags().untag_all(&digest).await, Error::Unsupported);
    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), digest);
}

async fn listed(repository: &dyn Repository) -> Vec<String> {
    let page = repository.tags().list(PageRequest::default()).await.unwrap();
    assert_eq!(page.next, None, "everything was asked for");
    page.items.iter().map(Tag::to_string).collect()
}

fn texts(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::as_str).collect()
}
