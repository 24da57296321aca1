//! Every layer behaves as the driver it is put around.

#![allow(clippy::unwrap_used, reason = "tests panic by design")]

use hythe_driver_inmemory::InMemoryDriver;
use hythe_driver_testsuite::Fixture;
use std::sync::Arc;

mod instrumented {
    use super::*;
    use hythe_driver_layers::Instrumented;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        Fixture::new(
            Instrumented::new(Arc::new(store.clone())),
            Instrumented::new(Arc::new(store)),
        )
    }

    hythe_driver_testsuite::driver_suite!(make);
}

mod throttled {
    use super::*;
    use hythe_driver_layers::Throttled;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        Fixture::new(
            Throttled::new(Arc::new(store.clone()), 25),
            Throttled::new(Arc::new(store), 25),
        )
    }

    hythe_driver_testsuite::driver_suite!(make);
}

mod counting {
    use super::*;
    use hythe_driver_layers::Counting;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        Fixture::new(
            Counting::new(Arc::new(store.clone())),
            Counting::new(Arc::new(store)),
        )
    }

    hythe_driver_testsuite::driver_suite!(make);
}

mod redirected {
    use super::*;
    use hythe_driver_layers::{BaseUrl, Redirected, Rewrite};
    use serde_json::json;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        let layered = |store| {
            let base = json!({ "baseurl": "http://a.test/b" });
            let base = BaseUrl::read(base.as_object().unwrap()).unwrap();
            let rewrite = json!({ "host": "c.test:80", "scheme": "https" });
            let rewrite = Rewrite::read(rewrite.as_object().unwrap()).unwrap();
            Redirected::new(
                Arc::new(Redirected::new(store, Arc::new(base))),
                Arc::new(rewrite),
            )
        };
        Fixture::new(layered(Arc::new(store.clone())), layered(Arc::new(store)))
    }

    hythe_driver_testsuite::driver_suite!(make);
}

mod rewritten_without_an_address {
    use super::*;
    use hythe_driver_layers::{Redirected, Rewrite};
    use serde_json::json;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        let layered = |store| {
            let rewrite = json!({ "host": "a.test" });
            let rewrite = Rewrite::read(rewrite.as_object().unwrap()).unwrap();
            Redirected::new(store, Arc::new(rewrite))
        };
        Fixture::new(layered(Arc::new(store.clone())), layered(Arc::new(store)))
    }

    hythe_driver_testsuite::driver_suite!(make);
}

mod faulty_without_a_plan {
    use super::*;
    use hythe_driver_layers::Faulty;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        Fixture::new(Faulty::new(Arc::new(store.clone())), Faulty::new(Arc::new(store)))
    }

    hythe_driver_testsuite::driver_suite!(make);
}
