use hythe_driver_inmemory::InMemoryDriver;
use hythe_driver_testsuite::{Fixture, driver_suite};

driver_suite!(async || {
    let driver = InMemoryDriver::new();
    Fixture::new(driver.clone(), driver)
});

driver_suite!(uploads: async || {
    let driver = InMemoryDriver::new();
    Fixture::new(driver.clone(), driver)
});
