//! The index of referrers beside a registry that knows nothing of it.

use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::Digest;
use hythe_distribution::{Namespace, PageRequest, PutManifestOptions, ReferrersQuery, Repository};
use hythe_driver::{PutOptions, StorageDriver};
use hythe_driver_inmemory::InMemoryDriver;
use hythe_driver_layers::Counting;
use hythe_manifest::{Descriptor, IndexBuilder, Manifest, MediaType};
use hythe_reference::{RepositoryName, Tag};
use hythe_storage::Layout;

use crate::registries::{self, registry};

struct Fixture {
    driver: Arc<dyn StorageDriver>,
    layout: Layout,
    name: RepositoryName,
    subject: Digest,
}

impl Fixture {
    fn over(driver: Arc<dyn StorageDriver>) -> Self {
        Self {
            driver,
            layout: Layout::default(),
            name: RepositoryName::parse("a").unwrap(),
            subject: Digest::sha256(b"subject"),
        }
    }

    /// An index without children, which needs nothing in the repository.
    fn referrer(&self, number: u64) -> Manifest {
        let subject = Descriptor::new(Some(MediaType::OCI_MANIFEST), self.subject, 7);
        IndexBuilder::new()
            .subject(subject)
            .annotation("number", number.to_string())
            .build()
    }

    fn repository(&self) -> Arc<dyn Repository> {
        registry(&self.driver).repository(&self.name)
    }

    async fn put(&self, manifest: &Manifest) -> Digest {
        let options = PutManifestOptions::default();
        let put = self.repository().manifests().put(manifest, options).await;
        put.unwrap().digest
    }

    /// As distribution v3 does it: content and link, nothing else.
    async fn put_by_the_original(&self, bytes: &Bytes) -> Digest {
        let digest = Digest::sha256(bytes);
        let link = Bytes::from(digest.to_string());
        for (path, content) in [
            (self.layout.blob_data(&digest), bytes.clone()),
            (self.layout.revision_link(&self.name, &digest), link),
        ] {
            let put = self
                .driver
                .put_content(&path, content, PutOptions::default())
                .await;
            put.unwrap();
        }
        digest
    }

    async fn delete_by_the_original(&self, digest: &Digest) {
        let link = self.layout.revision_link(&self.name, digest);
        self.driver.delete(&link).await.unwrap();
    }

    async fn found(&self) -> Vec<Digest> {
        let query = ReferrersQuery::default();
        let repository = self.repository();
        let page = repository
            .manifests()
            .referrers(&self.subject, query)
            .await
            .unwrap();
        page.items.iter().map(|descriptor| descriptor.digest).collect()
    }
}

fn sorted<const N: usize>(mut digests: [Digest; N]) -> [Digest; N] {
    digests.sort();
    digests
}

#[tokio::test]
async fn what_the_original_adds_and_deletes_is_seen() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Fixture::over(driver);
    let ours = fixture.put(&fixture.referrer(1)).await;
    let theirs = fixture.put_by_the_original(fixture.referrer(2).bytes()).await;
    assert_eq!(fixture.found().await, sorted([ours, theirs]));

    let later = fixture.put_by_the_original(fixture.referrer(3).bytes()).await;
    fixture.delete_by_the_original(&ours).await;
    assert_eq!(fixture.found().await, sorted([theirs, later]));

    fixture.put_by_the_original(fixture.referrer(1).bytes()).await;
    fixture.delete_by_the_original(&theirs).await;
    assert_eq!(fixture.found().await, sorted([ours, later]));
}

#[tokio::test]
async fn the_index_is_rebuilt_when_it_is_missing() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Fixture::over(driver);
    let first = fixture.put(&fixture.referrer(1)).await;
    let second = fixture.put(&fixture.referrer(2)).await;
    let index = fixture.layout.referrers(&fixture.name);
    fixture.driver.delete(&index).await.unwrap();
    assert_eq!(fixture.found().await, sorted([first, second]));
}

#[tokio::test]
async fn a_damaged_entry_is_told_by_its_manifest() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Fixture::over(driver);
    let manifest = fixture.referrer(1);
    let digest = fixture.put(&manifest).await;
    let entry = fixture.layout.referrer(&fixture.name, &fixture.subject, &digest);
    for damage in [
        "",
        "{",
        "{\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":0}",
    ] {
        let put = fixture
            .driver
            .put_content(&entry, Bytes::from(damage), PutOptions::default())
            .await;
        put.unwrap();
        let repository = fixture.repository();
        let page = repository
            .manifests()
            .referrers(&fixture.subject, ReferrersQuery::default())
            .await;
        assert_eq!(
            page.unwrap().items,
            [manifest.referrer_descriptor(digest)],
            "{damage:?}"
        );
    }
}

#[tokio::test]
async fn revisions_that_are_no_manifests_do_not_stop_a_query() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Fixture::over(driver);
    for content in [
        &b"{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"b\"}"[..],
        b"no JSON at all",
        b"{\"schemaVersion\":2,\"mediaType\":\"application/x-from-the-future\",\"subject\":{}}",
        b"",
    ] {
        fixture
            .put_by_the_original(&Bytes::copy_from_slice(content))
            .await;
    }
    // A link that is no digest, and one whose content is gone.
    let dangling = Digest::sha256(b"gone");
    for (digest, target) in [
        (Digest::sha256(b"damaged"), "sha256:abc".to_owned()),
        (dangling, dangling.to_string()),
    ] {
        let link = fixture.layout.revision_link(&fixture.name, &digest);
        let put = fixture
            .driver
            .put_content(&link, Bytes::from(target), PutOptions::default())
            .await;
        put.unwrap();
    }
    let digest = fixture.put_by_the_original(fixture.referrer(1).bytes()).await;
    assert_eq!(fixture.found().await, [digest]);
}

#[tokio::test]
async fn manifests_are_looked_at_once() {
    let counting = Arc::new(Counting::new(Arc::new(InMemoryDriver::new())));
    let fixture = Fixture::over(counting.clone());
    for number in 0..50 {
        let plain = IndexBuilder::new()
            .annotation("number", number.to_string())
            .build();
        fixture.put_by_the_original(plain.bytes()).await;
    }
    let referrer = fixture.put_by_the_original(fixture.referrer(1).bytes()).await;
    assert_eq!(fixture.found().await, [referrer]);

    let before = counting.total();
    assert_eq!(fixture.found().await, [referrer]);
    let calls = counting.total() - before;
    assert!(calls <= 8, "a query of an indexed repository took {calls} calls");
}

/// The query must find everything at any time, so it is never a step behind.
#[tokio::test]
async fn concurrent_queries_and_puts_agree() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Arc::new(Fixture::over(driver));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let fixture = fixture.clone();
        tasks.spawn(async move {
            let manifest = fixture.referrer(number);
            let digest = if number % 2 == 0 {
                fixture.put(&manifest).await
            } else {
                fixture.put_by_the_original(manifest.bytes()).await
            };
            assert!(fixture.found().await.contains(&digest), "{digest} is not listed");
            digest
        });
    }
    let mut expected = tasks.join_all().await;
    expected.sort();
    assert_eq!(fixture.found().await, expected);
}

#[tokio::test]
async fn pages_are_exact_beside_deleted_referrers() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Fixture::over(driver);
    let mut digests = Vec::new();
    for number in 0..9 {
        digests.push(fixture.put(&fixture.referrer(number)).await);
    }
    digests.sort();
    for deleted in [8, 5, 4, 0] {
        fixture.delete_by_the_original(&digests.remove(deleted)).await;
    }
    let page = |after, limit| ReferrersQuery {
        artifact_type: None,
        page: PageRequest {
            after,
            limit: Some(limit),
        },
    };
    let repository = fixture.repository();
    let first = repository
        .manifests()
        .referrers(&fixture.subject, page(None, 3))
        .await
        .unwrap();
    assert_eq!(first.next, Some(digests[2]));
    let last = repository
        .manifests()
        .referrers(&fixture.subject, page(first.next, 3))
        .await
        .unwrap();
    assert_eq!((last.items.len(), last.next), (2, None));
}

/// A registry without this API, and its clients, may leave such a tag pointing anywhere.
#[tokio::test]
async fn a_broken_referrers_tag_does_no_harm() {
    let (driver, _directory) = registries::filesystem();
    let fixture = Fixture::over(driver);
    let digest = fixture.put(&fixture.referrer(1)).await;
    let tag = Tag::of_referrers(&fixture.subject);
    let link = fixture.layout.tag_current_link(&fixture.name, &tag);
    let put = fixture
        .driver
        .put_content(&link, Bytes::from_static(b"broken"), PutOptions::default())
        .await;
    put.unwrap();
    assert_eq!(fixture.found().await, [digest]);
}

/// Annotations count: a thousand manifests of four megabytes are no page.
#[tokio::test]
async fn a_page_of_large_referrers_is_short() {
    let fixture = Fixture::over(Arc::new(InMemoryDriver::new()));
    let large = |number: u64| {
        let subject = Descriptor::new(Some(MediaType::OCI_MANIFEST), fixture.subject, 7);
        let text = number.to_string().repeat(3 << 20);
        IndexBuilder::new()
            .subject(subject)
            .annotation("large", text)
            .build()
    };
    let mut expected = Vec::new();
    for number in 1..=3 {
        expected.push(fixture.put(&large(number)).await);
    }
    expected.push(fixture.put(&fixture.referrer(4)).await);
    expected.sort();

    let mut query = ReferrersQuery {
        page: PageRequest::first(1000),
        ..ReferrersQuery::default()
    };
    let repository = fixture.repository();
    let mut found = Vec::new();
    loop {
        let page = repository.manifests().referrers(&fixture.subject, query.clone());
        let page = page.await.unwrap();
        let is_large = |descriptor: &&Descriptor| descriptor.annotations.contains_key("large");
        assert!(page.items.iter().filter(is_large).count() <= 1);
        found.extend(page.items.iter().map(|descriptor| descriptor.digest));
        match page.next {
            Some(next) => query.page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, expected);
}
