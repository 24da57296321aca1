//! How many requests of an object store a push and a pull take. Every request is money and some milliseconds.

use bytes::Bytes;
use hythe_distribution::{BlobRange, Namespace};
use hythe_driver::StorageDriver;
use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreDriver, ObjectStoreOptions};
use hythe_reference::{RepositoryName, Tag};
use hythe_storage::{Registry, RegistryOptions};
use std::sync::Arc;

use crate::ledger::{Client, Ledger};
use crate::registries;

const PUSH_BUDGET: u64 = 112;
const PULL_BUDGET: u64 = 30;

fn registry(store: &ObjectStoreDriver, cached: bool) -> Registry {
    let driver: Arc<dyn StorageDriver> = Arc::new(store.clone());
    let options = RegistryOptions {
        descriptor_cache: cached.then(registries::cache),
        ..registries::options()
    };
    Registry::new(driver, options)
}

/// An image of a config and ten layers of 20 kB, pushed as docker does: HEAD, POST, PATCH and PUT for each blob, then
/// the manifest by tag.
async fn push(registry: &Registry) {
    let layers: Vec<Bytes> = (0..10_u8).map(|seed| Bytes::from(vec![seed; 20_000])).collect();
    let mut client = Client {
        repository: registry.repository(&RepositoryName::parse("library/app").unwrap()),
        ledger: &mut Ledger::default(),
        acknowledged: &|_| {},
    };
    client.push_image(1, &layers, "v1").await.unwrap();
}

#[tokio::test]
async fn a_push_of_ten_small_layers_keeps_to_its_budget() {
    for cached in [false, true] {
        let store = InMemoryDriver::object_store(ObjectStoreOptions::default());
        push(&registry(&store, cached)).await;
        let requests = store.operations();
        assert!(
            requests.total() <= PUSH_BUDGET,
            "{}: {requests:?}",
            requests.total()
        );
    }
}

/// By a process that knows nothing, once with a cache to fill and once without.
#[tokio::test]
async fn a_pull_by_tag_keeps_to_its_budget() {
    let store = InMemoryDriver::object_store(ObjectStoreOptions::default());
    push(&registry(&store, false)).await;
    for cached in [false, true] {
        store.reset_operations();
        let registry = registry(&store, cached);
        let repository = registry.repository(&RepositoryName::parse("library/app").unwrap());
        let digest = repository.tags().get(&Tag::parse("v1").unwrap()).await.unwrap();
        let manifest = repository.manifests().get(&digest).await.unwrap();
        let dependencies = manifest.dependencies();
        assert_eq!(dependencies.len(), 11);
        for dependency in dependencies {
            let blob = dependency.descriptor.digest;
            repository.blobs().open(&blob, BlobRange::Full).await.unwrap();
        }
        let requests = store.operations();
        assert!(
            requests.total() <= PULL_BUDGET,
            "{}: {requests:?}",
            requests.total()
        );
    }
}
