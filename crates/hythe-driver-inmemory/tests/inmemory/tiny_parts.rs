//! Parts so small that every upload has many of them, and tails that never fit a token.

use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreOptions};
use hythe_driver_testsuite::{Fixture, driver_suite};

driver_suite!(async || fixture());
driver_suite!(uploads: async || fixture());

fn fixture() -> Fixture {
    let options = ObjectStoreOptions {
        minimum_part_bytes: 200_000,
        ..ObjectStoreOptions::default()
    };
    let driver = InMemoryDriver::object_store(options);
    Fixture::new(driver.clone(), driver)
}
