//! A service with short pages that cannot begin them after a name, a root directory, marks made up by the driver.

use hythe_driver_inmemory::{InMemoryDriver, ObjectStoreOptions};
use hythe_driver_testsuite::{Fixture, driver_suite};

driver_suite!(async || fixture());
driver_suite!(uploads: async || fixture());

fn fixture() -> Fixture {
    let options = ObjectStoreOptions {
        page_keys: 2,
        seeks: false,
        derives_marks: true,
        minimum_part_bytes: 1,
        preferred_part_bytes: 300_000,
        root_directory: "/some/root/".to_owned(),
        yields: 1,
        ..ObjectStoreOptions::default()
    };
    let driver = InMemoryDriver::object_store(options);
    Fixture::new(driver.clone(), driver)
}
