use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreOptions};
use hythe_driver_testsuite::{Fixture, driver_suite};

driver_suite!(async || {
    let driver = InMemoryDriver::object_store(ObjectStoreOptions::default());
    Fixture::new(driver.clone(), driver)
});
