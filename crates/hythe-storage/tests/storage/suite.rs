//! The behaviours of the interfaces, over every kind of driver, with and without a descriptor cache.

use std::sync::Arc;

use hythe_distribution::testsuite::{Setup, Subject};
use hythe_driver::StorageDriver;
use hythe_driver_inmemory::InMemoryDriver;
use hythe_storage::{Registry, RegistryOptions};

use crate::registries;

/// Two registries over one driver share nothing but the driver, as two processes do.
fn subject(driver: &Arc<dyn StorageDriver>, setup: Setup, cached: bool) -> Subject {
    let process = || {
        let options = RegistryOptions {
            delete: setup.delete,
            descriptor_cache: cached.then(registries::cache),
            ..registries::options()
        };
        Arc::new(Registry::new(driver.clone(), options))
    };
    Subject::new(process(), process())
}

mod filesystem {
    async fn new(setup: super::Setup) -> super::Subject {
        let (driver, directory) = super::registries::filesystem();
        super::subject(&driver, setup, false).keeping(directory)
    }

    hythe_distribution::namespace_suite!(new);
}

mod filesystem_cached {
    async fn new(setup: super::Setup) -> super::Subject {
        let (driver, directory) = super::registries::filesystem();
        super::subject(&driver, setup, true).keeping(directory)
    }

    hythe_distribution::namespace_suite!(new);
}

mod inmemory {
    async fn new(setup: super::Setup) -> super::Subject {
        super::subject(&super::inmemory_driver(), setup, false)
    }

    hythe_distribution::namespace_suite!(new);
}

mod inmemory_cached {
    async fn new(setup: super::Setup) -> super::Subject {
        super::subject(&super::inmemory_driver(), setup, true)
    }

    hythe_distribution::namespace_suite!(new);
}

mod object_store {
    async fn new(setup: super::Setup) -> super::Subject {
        super::subject(&super::registries::object_store(), setup, false)
    }

    hythe_distribution::namespace_suite!(new);
}

mod object_store_cached {
    async fn new(setup: super::Setup) -> super::Subject {
        super::subject(&super::registries::object_store(), setup, true)
    }

    hythe_distribution::namespace_suite!(new);
}

fn inmemory_driver() -> Arc<dyn StorageDriver> {
    Arc::new(InMemoryDriver::new())
}
