//! Lists of tags and repositories against a model: sort everything, take what comes after.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use hythe_digest::Digest;
use hythe_distribution::{Error, Namespace, Page, PageRequest};
use hythe_driver::{DriverPath, PutOptions, StorageDriver};
use hythe_driver_inmemory::InMemoryDriver;
use hythe_reference::{RepositoryName, Tag};
use hythe_storage::Layout;
use proptest::prelude::*;

use crate::registries::{self, registry};

/// Tags of few letters, so that many begin with others.
fn any_tag() -> impl Strategy<Value = String> {
    "[a1][a1.-]{0,4}|[a1_]{1,3}"
}

/// Names of few components and letters, so that many nest in others.
fn any_name() -> impl Strategy<Value = String> {
    "[a0](-a|\\.0|a|_0)?(/[a0](-a|\\.0|a)?){0,2}"
}

/// What a page should be, by sorting everything by `key`.
fn model<K: Ord>(
    all: &BTreeSet<String>,
    after: &str,
    limit: usize,
    key: fn(&str) -> K,
) -> (Vec<String>, bool) {
    let mut rest: Vec<&String> = all.iter().filter(|item| key(item) > key(after)).collect();
    rest.sort_by_key(|item| key(item));
    let more = rest.len() > limit;
    (rest.into_iter().take(limit).cloned().collect(), more)
}

async fn put(driver: &dyn StorageDriver, path: &DriverPath) {
    let content =
        Bytes::from_static(b"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    driver
        .put_content(path, content, PutOptions::default())
        .await
        .unwrap();
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_tags_are_those_of_the_sorted_list(
        tags in prop::collection::btree_set(any_tag(), 1..24),
        after in any_tag(),
        limit in 1..6_usize,
    ) {
        let (items, more, next) = run(async {
            let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
            let name = RepositoryName::parse("a").unwrap();
            for tag in &tags {
                put(&*driver, &Layout::default().tag_current_link(&name, &Tag::parse(tag).unwrap())).await;
            }
            let repository = registry(&driver).repository(&name);
            let page = PageRequest { after: Some(Tag::parse(&after).unwrap()), limit: Some(limit) };
            let Page { items, next } = repository.tags().list(page).await.unwrap();
            let items: Vec<String> = items.iter().map(Tag::to_string).collect();
            (items, next.is_some(), next.map(|next| next.to_string()))
        });
        let expected = model(&tags, &after, limit, str::to_owned);
        prop_assert_eq!(&(items.clone(), more), &expected);
        prop_assert!(next.is_none() || next.as_ref() == items.last());
    }

    #[test]
    fn pages_of_repositories_are_those_of_the_sorted_list(
        names in prop::collection::btree_set(any_name(), 1..16),
        without_manifests in any_name(),
        after in any_name(),
        limit in 1..6_usize,
    ) {
        let (items, more, next) = run(async {
            let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
            let layout = Layout::default();
            let parse = |text: &str| RepositoryName::parse(text).unwrap();
            for name in &names {
                put(&*driver, &layout.tag_current_link(&parse(name), &Tag::parse("x").unwrap())).await;
            }
            let layers = layout.layers(&parse(&without_manifests));
            put(&*driver, &layers.join("link").unwrap()).await;
            let page = PageRequest { after: Some(parse(&after)), limit: Some(limit) };
            let Page { items, next } = registry(&driver).repositories(page).await.unwrap();
            let items: Vec<String> = items.iter().map(RepositoryName::to_string).collect();
            (items, next.is_some(), next.map(|next| next.to_string()))
        });
        let expected = model(&names, &after, limit, |name| format!("{name}/"));
        prop_assert_eq!(&(items.clone(), more), &expected);
        prop_assert!(next.is_none() || next.as_ref() == items.last());
    }
}

/// More tags than one listing takes, so that a page goes through several of them.
#[tokio::test]
async fn what_is_no_tag_does_not_shorten_a_page() {
    let (driver, _directory) = registries::filesystem();
    let name = RepositoryName::parse("a").unwrap();
    let tags = Layout::default().tags(&name);
    for other in 0..20 {
        put(
            &*driver,
            &tags.join(&format!("-{other:02}")).unwrap().join("link").unwrap(),
        )
        .await;
        put(
            &*driver,
            &tags.join(&format!(".{other:02}")).unwrap().join("link").unwrap(),
        )
        .await;
    }
    for tag in ["a-1", "a", "b"] {
        put(
            &*driver,
            &Layout::default().tag_current_link(&name, &Tag::parse(tag).unwrap()),
        )
        .await;
    }
    let repository = registry(&driver).repository(&name);
    let page = repository.tags().list(PageRequest::first(2)).await.unwrap();
    let texts: Vec<&str> = page.items.iter().map(Tag::as_str).collect();
    assert_eq!((texts, page.next.is_some()), (vec!["a", "a-1"], true));
}

/// As distribution v3 lists them.
#[tokio::test]
async fn a_tag_without_link_and_a_plain_file_are_listed_and_unknown() {
    let (driver, _directory) = registries::filesystem();
    let name = RepositoryName::parse("a").unwrap();
    let tags = Layout::default().tags(&name);
    put(&*driver, &tags.join("file").unwrap()).await;
    let history = tags.join("unfinished").unwrap().join("index").unwrap();
    put(&*driver, &history.join("x").unwrap()).await;
    let repository = registry(&driver).repository(&name);
    let page = repository.tags().list(PageRequest::default()).await.unwrap();
    let texts: Vec<&str> = page.items.iter().map(Tag::as_str).collect();
    assert_eq!(texts, ["file", "unfinished"]);
    for tag in &page.items {
        let got = repository.tags().get(tag).await;
        assert!(matches!(got, Err(Error::TagUnknown { .. })), "{got:?}");
    }
    let unknown = hythe_digest::Digest::sha256(b"");
    assert_eq!(repository.tags().lookup(&unknown).await.unwrap(), []);
}

/// Directories that are no names are of others, or of ours.
#[tokio::test]
async fn what_is_no_name_is_no_repository() {
    let (driver, _directory) = registries::filesystem();
    let root = Layout::default().repositories();
    for folder in ["UPPER", "_hidden", "-dash", "a..b", "ok", "ok/_x", "ok/UPPER"] {
        let link = format!("{root}/{folder}/_manifests/revisions/x");
        put(&*driver, &DriverPath::parse(&link).unwrap()).await;
    }
    // A file where a directory should be.
    put(
        &*driver,
        &DriverPath::parse(&format!("{root}/file/_manifests")).unwrap(),
    )
    .await;
    let page = registry(&driver)
        .repositories(PageRequest::default())
        .await
        .unwrap();
    let texts: Vec<&str> = page.items.iter().map(RepositoryName::as_str).collect();
    assert_eq!(texts, ["ok"]);
}

/// More children than one listing takes, with `_manifests` behind them.
#[tokio::test]
async fn a_repository_with_a_thousand_nested_ones_is_listed_before_them() {
    let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
    let layout = Layout::default();
    let mut names = vec!["a".to_owned()];
    names.extend((0..1500).map(|number| format!("a/{number:04}")));
    names.push("b".to_owned());
    for name in &names {
        let name = RepositoryName::parse(name).unwrap();
        put(&*driver, &layout.manifests(&name).join("x").unwrap()).await;
    }
    let page = registry(&driver)
        .repositories(PageRequest::default())
        .await
        .unwrap();
    let texts: Vec<&str> = page.items.iter().map(RepositoryName::as_str).collect();
    assert_eq!(texts, names);
}

/// Nothing is waited for in memory, and links that the kernel has in memory are read the same way.
#[tokio::test]
async fn who_looks_for_the_tags_of_a_manifest_lets_others_run() {
    let driver: Arc<dyn StorageDriver> = Arc::new(InMemoryDriver::new());
    let name = RepositoryName::parse("a").unwrap();
    for number in 0..1000 {
        let tag = Tag::parse(&format!("v{number}")).unwrap();
        put(&*driver, &Layout::default().tag_current_link(&name, &tag)).await;
    }
    let repository = registry(&driver).repository(&name);
    let other = tokio::spawn(async {});
    let found = repository.tags().lookup(&Digest::sha256(b"")).await.unwrap();
    assert_eq!(found.len(), 1000);
    assert!(other.is_finished());
}
