//! The catalog, and what concerns whole repositories.

use hythe_digest::Digest;
use hythe_manifest::media_types;
use hythe_reference::RepositoryName;

use super::Subject;
use super::content::{
    all_pages, bytes, digest_of_nothing_stored, fails, image, name, push, put, start, tag, tagged_image,
};
use crate::{Error, Namespace, PageRequest, Trust};

/// Byte order of `name/`: nested ones follow their parent, names with a `-` or `.` precede it.
const IN_ORDER: [&str; 11] = [
    "a-b", "a.b", "a", "a/0", "a/b-c", "a/b", "a/b/c/d", "a0", "q", "q/1", "z/z",
];

/// And that is no error.
pub async fn an_empty_registry_has_no_repositories(subject: &Subject) {
    for page in [PageRequest::default(), PageRequest::first(1)] {
        let page = subject.registry.repositories(page).await.unwrap();
        assert_eq!((page.items, page.next), (vec![], None));
    }
}

/// In whichever order they came.
pub async fn repositories_are_listed_in_order(subject: &Subject) {
    fill(subject).await;
    for registry in [&subject.registry, &subject.other_process] {
        let page = registry.repositories(PageRequest::default()).await.unwrap();
        assert_eq!((texts(&page.items), page.next), (IN_ORDER.to_vec(), None));
    }
}

/// Of every size and after every repository: nothing missing, nothing twice.
pub async fn every_page_of_repositories_is_exact(subject: &Subject) {
    fill(subject).await;
    let registry = &*subject.registry;
    for limit in 1..=IN_ORDER.len() + 1 {
        let paged = all_pages(limit, async |page| registry.repositories(page).await.unwrap()).await;
        assert_eq!(texts(&paged), IN_ORDER, "pages of {limit}");
        for (position, last) in IN_ORDER.iter().enumerate() {
            let page = PageRequest {
                after: Some(name(last)),
                limit: Some(limit),
            };
            let page = registry.repositories(page).await.unwrap();
            let rest = &IN_ORDER[position + 1..];
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

/// A repository may be removed between two pages, or never have been.
pub async fn a_page_begins_after_a_repository_that_is_not_there(subject: &Subject) {
    fill(subject).await;
    for (after, expected) in [
        ("0", &IN_ORDER[..]),
        ("a-b/x", &IN_ORDER[1..]),
        ("a/a", &IN_ORDER[4..]),
        ("a/b/c", &IN_ORDER[6..]),
        ("a/b/c/d/e", &IN_ORDER[7..]),
        ("q/0", &IN_ORDER[9..]),
        ("z", &IN_ORDER[10..]),
        ("z/z/z", &[]),
        ("zz", &[]),
    ] {
        let page = PageRequest {
            after: Some(name(after)),
            limit: None,
        };
        let page = subject.registry.repositories(page).await.unwrap();
        assert_eq!(
            (texts(&page.items), page.next),
            (expected.to_vec(), None),
            "after {after}"
        );
    }
}

/// Blobs and uploads do not make one.
pub async fn a_repository_without_manifests_is_not_listed(subject: &Subject) {
    push(&*subject.repository("blobs"), &bytes(1, 10)).await;
    start(&*subject.repository("uploads"))
        .await
        .suspend()
        .await
        .unwrap();
    tagged_image(&*subject.repository("manifests"), 1, &[]).await;
    assert_eq!(listed(&*subject.registry).await, ["manifests"]);
}

/// At least the four of distribution v3.
#[expect(clippy::unused_async, reason = "behaviours are called alike")]
pub async fn the_standard_manifest_types_are_known(subject: &Subject) {
    let known: Vec<&str> = subject.registry.manifest_types().media_types().collect();
    for media_type in [
        media_types::OCI_MANIFEST,
        media_types::OCI_INDEX,
        media_types::DOCKER_MANIFEST,
        media_types::DOCKER_MANIFEST_LIST,
    ] {
        assert!(known.contains(&media_type), "{media_type}");
    }
}

/// With its blobs, manifests, tags and uploads; others with the same content stay.
pub async fn a_removed_repository_is_gone(subject: &Subject) {
    let repository = subject.repository("a");
    let layer = push(&*repository, &bytes(1, 100)).await.digest;
    let digest = tagged_image(&*repository, 1, &["v1"]).await;
    let upload = start(&*repository).await;
    let id = upload.id();
    upload.suspend().await.unwrap();
    tagged_image(&*subject.repository("a-b"), 1, &["v1"]).await;

    subject.registry.remove_repository(&name("a")).await.unwrap();

    assert_eq!(listed(&*subject.registry).await, ["a-b"]);
    let repository = subject.repository("a");
    for trust in [Trust::Cached, Trust::Stored] {
        assert!(!repository.manifests().exists(&digest, trust).await.unwrap());
        fails!(
            repository.blobs().stat(&layer, trust).await,
            Error::BlobUnknown { .. }
        );
    }
    fails!(
        repository.tags().list(PageRequest::default()).await,
        Error::RepositoryUnknown { .. }
    );
    fails!(
        repository.blobs().upload_status(&id).await,
        Error::UploadUnknown { .. }
    );
    let other = subject.repository("a-b");
    assert_eq!(other.tags().get(&tag("v1")).await.unwrap(), digest);
    other.blobs().stat(&layer, Trust::Stored).await.unwrap();
}

/// Names nest, repositories do not.
pub async fn a_nested_repository_survives_its_parent(subject: &Subject) {
    tagged_image(&*subject.repository("a"), 1, &["v1"]).await;
    let digest = tagged_image(&*subject.repository("a/b"), 2, &["v1"]).await;
    subject.registry.remove_repository(&name("a")).await.unwrap();
    assert_eq!(listed(&*subject.registry).await, ["a/b"]);
    let nested = subject.repository("a/b");
    assert_eq!(nested.tags().get(&tag("v1")).await.unwrap(), digest);
    nested.manifests().get(&digest).await.unwrap();
}

/// Never there, removed before, or only the beginning of another's name.
pub async fn removing_an_unknown_repository_says_so(subject: &Subject) {
    tagged_image(&*subject.repository("a/b"), 1, &["v1"]).await;
    tagged_image(&*subject.repository("b"), 1, &["v1"]).await;
    subject.registry.remove_repository(&name("b")).await.unwrap();
    for unknown in ["a", "b", "c", "a/b/c"] {
        fails!(
            subject.registry.remove_repository(&name(unknown)).await,
            Error::RepositoryUnknown { name } if name.as_str() == unknown
        );
    }
    assert_eq!(listed(&*subject.registry).await, ["a/b"]);
}

/// Unsupported, whether it is there or not.
pub async fn with_deletion_off_no_repository_goes(subject: &Subject) {
    let digest = tagged_image(&*subject.repository("a"), 1, &["v1"]).await;
    for text in ["a", "unknown"] {
        fails!(
            subject.registry.remove_repository(&name(text)).await,
            Error::Unsupported
        );
    }
    let repository = subject.repository("a");
    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), digest);
    assert_ne!(digest, digest_of_nothing_stored());
}

/// One image in each, so that the later ones find its blobs.
async fn fill(subject: &Subject) {
    let mut shuffled = IN_ORDER;
    shuffled.reverse();
    shuffled.swap(2, 8);
    let mut digest: Option<Digest> = None;
    for text in shuffled {
        let repository = subject.repository(text);
        let put = put(&*repository, &image(&*repository, 1).await).await.digest;
        assert_eq!(*digest.get_or_insert(put), put);
    }
}

async fn listed(registry: &dyn Namespace) -> Vec<String> {
    let page = registry.repositories(PageRequest::default()).await.unwrap();
    page.items.iter().map(RepositoryName::to_string).collect()
}

fn texts(names: &[RepositoryName]) -> Vec<&str> {
    names.iter().map(RepositoryName::as_str).collect()
}
