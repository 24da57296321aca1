//! Push and delete of images with every single storage call failing: before it was made, after it was made, and
//! with everything after it failing too, as in a crash.

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hythe_distribution::{Namespace, Result};
use hythe_driver::StorageDriver;
use hythe_driver_inmemory::InMemoryDriver;
use hythe_driver_layers::{Effect, Fault, Faulty};
use hythe_reference::RepositoryName;
use hythe_storage::{Registry, RegistryOptions};

use crate::ledger::{Client, Ledger};
use crate::registries;

/// Two images that share a layer, a moved tag, a mounted blob; then everything is deleted.
async fn push_and_delete(registry: &dyn Namespace, ledger: &mut Ledger) -> Result<()> {
    let name = |text: &str| RepositoryName::parse(text).unwrap();
    let layers = [1_u8, 2, 3].map(|seed| Bytes::from(vec![seed; 3000]));
    let acknowledged = |_: &str| {};
    let mut client = Client {
        repository: registry.repository(&name("a/b")),
        ledger,
        acknowledged: &acknowledged,
    };
    let first = client.push_image(1, &layers[..2], "v1").await?;
    let second = client.push_image(2, &layers[1..], "v1").await?;
    let mut other = Client {
        repository: registry.repository(&name("a")),
        ledger: &mut *client.ledger,
        acknowledged: &acknowledged,
    };
    other.mount_blob(&layers[0], &name("a/b")).await?;
    let third = other.push_image(3, &layers[..1], "v1").await?;
    other.untag("v1").await?;
    other.delete_manifest(&third, &[]).await?;
    other.delete_blob(&layers[0]).await?;

    let mut client = Client {
        repository: registry.repository(&name("a/b")),
        ledger: other.ledger,
        acknowledged: &acknowledged,
    };
    client.delete_manifest(&first, &[]).await?;
    client.delete_blob(&layers[0]).await?;
    client.delete_manifest(&second, &["v1"]).await?;
    client.delete_blob(&layers[1]).await?;
    client.delete_blob(&layers[2]).await
}

/// A new registry each time: what a process remembers is not what is stored.
fn registry(driver: &Arc<dyn StorageDriver>, cached: bool) -> Registry {
    let options = RegistryOptions {
        descriptor_cache: cached.then(registries::cache),
        ..registries::options()
    };
    Registry::new(driver.clone(), options)
}

async fn every_call_fails_once<G>(
    new_driver: impl Fn() -> (Arc<dyn StorageDriver>, G),
    fault: fn(u64) -> Fault,
) {
    let calls = {
        let (driver, _guard) = new_driver();
        let faulty = Arc::new(Faulty::new(driver));
        let driver: Arc<dyn StorageDriver> = faulty.clone();
        let mut ledger = Ledger::default();
        push_and_delete(&registry(&driver, true), &mut ledger)
            .await
            .unwrap();
        ledger.check(&registry(&driver, false), "without a fault").await;
        faulty.calls()
    };
    assert!(calls > 100, "{calls} calls are fewer than expected");
    for failing in 1..=calls {
        let (driver, _guard) = new_driver();
        let faulty = Arc::new(Faulty::new(driver));
        let driver: Arc<dyn StorageDriver> = faulty.clone();
        let mut ledger = Ledger::default();
        let process = registry(&driver, true);
        faulty.plan(Some(fault(failing)));

        let failed = push_and_delete(&process, &mut ledger).await;

        let context = format!("call {failing} ({:?}), answer {failed:?}", faulty.struck());
        faulty.plan(None);
        ledger.check(&process, &context).await;
        ledger.check(&registry(&driver, false), &context).await;
        // What failed can be tried again, in the same process and to the end.
        if failed.is_err() {
            retry(&process, &mut ledger, &context).await;
            ledger.check(&registry(&driver, false), &context).await;
        }
    }
}

/// The whole again. Things that were deleted already are pushed again first, so nothing is in the way.
async fn retry(process: &Registry, ledger: &mut Ledger, context: &str) {
    if let Err(error) = push_and_delete(process, ledger).await {
        panic!("{context}: trying again failed: {error:?}");
    }
}

/// Requests are dropped when their client goes away: at every point where a call lets others run.
async fn dropped_at_every_call<G>(new_driver: impl Fn() -> (Arc<dyn StorageDriver>, G)) {
    let mut calls = 0;
    loop {
        let (driver, _guard) = new_driver();
        let faulty = Arc::new(Faulty::new(driver));
        let driver: Arc<dyn StorageDriver> = faulty.clone();
        let process = registry(&driver, true);
        let mut ledger = Ledger::default();
        faulty.plan(Some(Fault {
            effect: Effect::Yield,
            ..Fault::all_from(1)
        }));
        let mut pushing = Box::pin(push_and_delete(&process, &mut ledger));
        let reached = async {
            while faulty.calls() < calls {
                if let Poll::Ready(done) = futures_util::poll!(pushing.as_mut()) {
                    return Some(done);
                }
                tokio::task::yield_now().await;
            }
            None
        };
        let done = reached.await;
        drop(pushing);
        faulty.plan(None);

        let context = format!("dropped in call {calls}");
        ledger.check(&process, &context).await;
        ledger.check(&registry(&driver, false), &context).await;
        if let Some(done) = done {
            done.unwrap();
            break;
        }
        retry(&process, &mut ledger, &context).await;
        calls += 1;
    }
    assert!(calls > 100, "{calls} calls are fewer than expected");
}

mod inmemory {
    use super::*;

    #[tokio::test]
    async fn a_dropped_request_loses_nothing() {
        dropped_at_every_call(new).await;
    }

    fn new() -> (Arc<dyn StorageDriver>, ()) {
        (Arc::new(InMemoryDriver::new()), ())
    }

    #[tokio::test]
    async fn a_call_that_is_not_made_loses_nothing() {
        every_call_fails_once(new, Fault::nth).await;
    }

    #[tokio::test]
    async fn a_call_whose_answer_is_lost_loses_nothing() {
        every_call_fails_once(new, Fault::nth_after).await;
    }

    #[tokio::test]
    async fn a_crash_loses_nothing() {
        every_call_fails_once(new, Fault::all_from).await;
    }
}

mod object_store {
    use super::*;

    fn new() -> (Arc<dyn StorageDriver>, ()) {
        (registries::object_store(), ())
    }

    #[tokio::test]
    async fn a_dropped_request_loses_nothing() {
        dropped_at_every_call(new).await;
    }

    #[tokio::test]
    async fn a_call_that_is_not_made_loses_nothing() {
        every_call_fails_once(new, Fault::nth).await;
    }

    #[tokio::test]
    async fn a_call_whose_answer_is_lost_loses_nothing() {
        every_call_fails_once(new, Fault::nth_after).await;
    }

    #[tokio::test]
    async fn a_crash_loses_nothing() {
        every_call_fails_once(new, Fault::all_from).await;
    }
}

mod filesystem {
    use super::*;

    #[tokio::test]
    async fn a_dropped_request_loses_nothing() {
        dropped_at_every_call(registries::filesystem).await;
    }

    #[tokio::test]
    async fn a_call_that_is_not_made_loses_nothing() {
        every_call_fails_once(registries::filesystem, Fault::nth).await;
    }

    #[tokio::test]
    async fn a_call_whose_answer_is_lost_loses_nothing() {
        every_call_fails_once(registries::filesystem, Fault::nth_after).await;
    }

    #[tokio::test]
    async fn a_crash_loses_nothing() {
        every_call_fails_once(registries::filesystem, Fault::all_from).await;
    }
}
