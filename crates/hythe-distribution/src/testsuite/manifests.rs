//! Manifests: put, fetched, listed, deleted.

use bytes::Bytes;
use hythe_digest::{Algorithm, Digest};
use hythe_manifest::{
    Descriptor, DockerManifestBuilder, DockerManifestListBuilder, ImageBuilder, IndexBuilder, Manifest,
    MediaType,
};

use super::Subject;
use super::content::{
    LIMIT, all_pages, bytes, descriptor_of, digest_of_nothing_stored, fails, image, image_builder, push, put,
    tag, tagged_image,
};
use crate::{Error, ManifestViolation, PageRequest, PutManifestOptions, Repository, Trust};

/// Bytes and media type, for image and index of both families.
pub async fn every_type_is_read_back_as_it_was_put(subject: &Subject) {
    let repository = subject.repository("a");
    for manifest in one_of_each_type(&*repository).await {
        let descriptor = put(&*repository, &manifest).await;
        assert_eq!(descriptor.digest, Digest::sha256(manifest.bytes()));
        assert_eq!(descriptor.size, manifest.size());
        is_there(&*repository, &descriptor.digest, &manifest).await;
        is_there(&*subject.repository_elsewhere("a"), &descriptor.digest, &manifest).await;
    }
}

/// In an empty repository and in one that has others.
pub async fn an_unknown_manifest_is_unknown(subject: &Subject) {
    let repository = subject.repository("a");
    is_unknown(&*repository, &digest_of_nothing_stored()).await;
    put(&*repository, &image(&*repository, 1).await).await;
    is_unknown(&*repository, &digest_of_nothing_stored()).await;
}

/// Membership counts, also for manifests.
pub async fn a_manifest_of_another_repository_is_unknown(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = put(&*repository, &image(&*repository, 1).await).await.digest;
    is_unknown(&*subject.repository("b"), &digest).await;
    is_unknown(&*subject.repository("a/b"), &digest).await;
}

/// Clients do, for every tag they give it.
pub async fn putting_a_manifest_again_is_no_error(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    let first = put(&*repository, &manifest).await;
    let second = put(&*repository, &manifest).await;
    assert_eq!(first.digest, second.digest);
    is_there(&*repository, &first.digest, &manifest).await;
}

/// All of it at once, and nothing else. The manifest is not stored.
pub async fn everything_missing_is_named(subject: &Subject) {
    let repository = subject.repository("a");
    let present = push(&*repository, &bytes(1, 100)).await;
    let missing = [2, 3].map(|seed| descriptor_of(&bytes(seed, 100)));
    let mut config = descriptor_of(&Bytes::from_static(b"{}"));
    config.media_type = Some(MediaType::OCI_CONFIG);
    let manifest = ImageBuilder::new(config.clone())
        .layer(missing[0].clone())
        .layer(present)
        .layer(missing[1].clone())
        .build();

    let refused = repository
        .manifests()
        .put(&manifest, PutManifestOptions::default())
        .await;

    let Err(Error::ManifestVerification(violations)) = refused else {
        panic!("{refused:?}");
    };
    let expected = [&config, &missing[0], &missing[1]].map(|descriptor| ManifestViolation::BlobUnknown {
        digest: descriptor.digest,
    });
    assert_eq!(violations, expected);
    is_unknown(&*repository, &Digest::sha256(manifest.bytes())).await;
}

/// It could not be pulled from here.
pub async fn a_blob_of_another_repository_does_not_count(subject: &Subject) {
    let builder = image_builder(&*subject.repository("b"), 1).await;
    let repository = subject.repository("a");
    let refused = repository
        .manifests()
        .put(&builder.build(), PutManifestOptions::default())
        .await;
    fails!(refused, Error::ManifestVerification(violations) if violations.len() == 2);
}

/// By the digest the client used, it is described, found, tagged and deleted.
pub async fn a_manifest_is_named_by_sha512(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    let digest = Digest::of(Algorithm::Sha512, manifest.bytes());
    let descriptor = put_as(&*repository, &manifest, digest).await.unwrap();
    assert_eq!(descriptor.digest, digest);
    is_there(&*repository, &digest, &manifest).await;
    is_there(&*subject.repository_elsewhere("a"), &digest, &manifest).await;

    repository.manifests().delete(&digest).await.unwrap();
    is_unknown(&*repository, &digest).await;
}

/// A digest is a promise about bytes.
pub async fn a_manifest_under_a_wrong_digest_is_refused(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    for algorithm in Algorithm::ALL {
        let wrong = Digest::of(algorithm, b"something else");
        fails!(
            put_as(&*repository, &manifest, wrong).await,
            Error::DigestMismatch { expected } if expected == wrong
        );
        is_unknown(&*repository, &wrong).await;
    }
    is_unknown(&*repository, &Digest::sha256(manifest.bytes())).await;
}

/// The two are apart, whatever a cache has seen.
pub async fn a_manifest_is_no_blob_and_a_blob_no_manifest(subject: &Subject) {
    let repository = subject.repository("a");
    let blob = push(&*repository, &bytes(1, 100)).await.digest;
    let manifest = put(&*repository, &image(&*repository, 2).await).await.digest;
    repository.blobs().stat(&blob, Trust::Cached).await.unwrap();
    repository.manifests().get(&manifest).await.unwrap();
    is_unknown(&*repository, &blob).await;
    for trust in [Trust::Cached, Trust::Stored] {
        fails!(
            repository.blobs().stat(&manifest, trust).await,
            Error::BlobUnknown { .. }
        );
    }
    fails!(
        repository.blobs().get(&manifest, LIMIT).await,
        Error::BlobUnknown { .. }
    );
}

/// Also when a cache has just answered.
pub async fn a_deleted_manifest_is_unknown_at_once(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = put(&*repository, &image(&*repository, 1).await).await.digest;
    repository.manifests().get(&digest).await.unwrap();
    repository.manifests().delete(&digest).await.unwrap();
    is_unknown(&*repository, &digest).await;
    is_unknown(&*subject.repository_elsewhere("a"), &digest).await;
}

/// Taking tags along is the caller's decision.
pub async fn a_deleted_manifest_leaves_tags_and_other_repositories(subject: &Subject) {
    let repository = subject.repository("a");
    let digest = tagged_image(&*repository, 1, &["v1"]).await;
    let other = subject.repository("b");
    let manifest = image(&*other, 1).await;
    assert_eq!(put(&*other, &manifest).await.digest, digest);

    repository.manifests().delete(&digest).await.unwrap();

    assert_eq!(repository.tags().get(&tag("v1")).await.unwrap(), digest);
    is_there(&*other, &digest, &manifest).await;
}

/// With everything it refers to still there.
pub async fn a_deleted_manifest_can_be_put_again(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    let digest = put(&*repository, &manifest).await.digest;
    repository.manifests().delete(&digest).await.unwrap();
    put(&*repository, &manifest).await;
    is_there(&*repository, &digest, &manifest).await;
}

/// Never put, put elsewhere, or deleted before.
pub async fn deleting_an_unknown_manifest_says_so(subject: &Subject) {
    let repository = subject.repository("a");
    let unknown = digest_of_nothing_stored();
    fails!(
        repository.manifests().delete(&unknown).await,
        Error::ManifestUnknown { digest, .. } if digest == unknown
    );
    let digest = put(&*repository, &image(&*repository, 1).await).await.digest;
    fails!(
        subject.repository("b").manifests().delete(&digest).await,
        Error::ManifestUnknown { .. }
    );
    repository.manifests().delete(&digest).await.unwrap();
    fails!(
        repository.manifests().delete(&digest).await,
        Error::ManifestUnknown { .. }
    );
}

/// In the order of digests, without those that were deleted.
pub async fn manifests_are_listed_in_order_and_by_page(subject: &Subject) {
    let repository = subject.repository("a");
    let manifests = repository.manifests();
    assert_eq!(manifests.list(PageRequest::default()).await.unwrap().items, []);
    let mut expected = Vec::new();
    for seed in 0..7 {
        expected.push(put(&*repository, &image(&*repository, seed).await).await.digest);
    }
    let by_sha512 = image(&*repository, 7).await;
    let digest = Digest::of(Algorithm::Sha512, by_sha512.bytes());
    expected.push(put_as(&*repository, &by_sha512, digest).await.unwrap().digest);
    let deleted = expected.remove(3);
    manifests.delete(&deleted).await.unwrap();
    expected.sort();

    let all = manifests.list(PageRequest::default()).await.unwrap();
    assert_eq!((all.items, all.next), (expected.clone(), None));
    for limit in 1..=8 {
        let paged = all_pages(limit, async |page| manifests.list(page).await.unwrap()).await;
        assert_eq!(paged, expected, "pages of {limit}");
    }
    let after_deleted = PageRequest {
        after: Some(deleted),
        limit: None,
    };
    let rest: Vec<Digest> = expected.into_iter().filter(|digest| *digest > deleted).collect();
    assert_eq!(manifests.list(after_deleted).await.unwrap().items, rest);
}

/// Unsupported before anything is looked up.
pub async fn with_deletion_off_no_manifest_goes(subject: &Subject) {
    let repository = subject.repository("a");
    let manifest = image(&*repository, 1).await;
    let digest = put(&*repository, &manifest).await.digest;
    for digest in [digest, digest_of_nothing_stored()] {
        fails!(repository.manifests().delete(&digest).await, Error::Unsupported);
    }
    is_there(&*repository, &digest, &manifest).await;
}

async fn one_of_each_type(repository: &dyn Repository) -> Vec<Manifest> {
    let oci = image(repository, 1).await;
    let mut config = push(repository, &Bytes::from_static(b"{ }")).await;
    config.media_type = Some(MediaType::DOCKER_CONFIG);
    let mut layer = push(repository, &bytes(2, 100)).await;
    layer.media_type = Some(MediaType::DOCKER_LAYER);
    let docker = DockerManifestBuilder::new(config).layer(layer).build();
    let child = |manifest: &Manifest| {
        let digest = Digest::sha256(manifest.bytes());
        Descriptor::new(Some(manifest.media_type().clone()), digest, manifest.size())
    };
    let index = IndexBuilder::new()
        .manifest(child(&oci))
        .annotation("k", "v")
        .build();
    let list = DockerManifestListBuilder::new().manifest(child(&docker)).build();
    let artifact = image_builder(repository, 3)
        .await
        .artifact_type(MediaType::OCTET_STREAM);
    vec![oci, docker, index, list, artifact.build()]
}

async fn put_as(
    repository: &dyn Repository,
    manifest: &Manifest,
    digest: Digest,
) -> crate::Result<Descriptor> {
    let options = PutManifestOptions { digest: Some(digest) };
    repository.manifests().put(manifest, options).await
}

async fn is_there(repository: &dyn Repository, digest: &Digest, manifest: &Manifest) {
    for trust in [Trust::Cached, Trust::Stored] {
        assert!(repository.manifests().exists(digest, trust).await.unwrap());
    }
    let got = repository.manifests().get(digest).await.unwrap();
    assert_eq!(got.bytes(), manifest.bytes());
    assert_eq!(got.media_type(), manifest.media_type());
}

async fn is_unknown(repository: &dyn Repository, digest: &Digest) {
    for trust in [Trust::Cached, Trust::Stored] {
        assert!(!repository.manifests().exists(digest, trust).await.unwrap());
    }
    let got = repository.manifests().get(digest).await;
    fails!(got, Error::ManifestUnknown { digest: named, .. } if named == *digest);
}
