use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreOptions};
use hythe_driver_testsuite::{Fixture, driver_suite};

driver_suite!(async || fixture());
driver_suite!(uploads: async || fixture());

fn fixture() -> Fixture {
    let driver = InMemoryDriver::object_store(ObjectStoreOptions::default());
    Fixture::new(driver.clone(), driver)
}
