//! Every layer behaves as the driver it is put around.

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

mod faulty_without_a_plan {
    use super::*;
    use hythe_driver_layers::Faulty;

    async fn make() -> Fixture {
        let store = InMemoryDriver::new();
        Fixture::new(Faulty::new(Arc::new(store.clone())), Faulty::new(Arc::new(store)))
    }

    hythe_driver_testsuite::driver_suite!(make);
}
