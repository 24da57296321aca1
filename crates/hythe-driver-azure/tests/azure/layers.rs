//! The suite through the layers that a registry puts around its driver.

use std::sync::Arc;

use hythe_driver::StorageDriver;
use hythe_driver_layers::{Counting, Instrumented, Throttled};
use hythe_driver_testsuite::{Fixture, driver_suite};

use crate::emulator;

fn layered(driver: impl StorageDriver + 'static) -> impl StorageDriver + 'static {
    let throttled = Throttled::new(Arc::new(driver), 25);
    Counting::new(Arc::new(Instrumented::new(Arc::new(throttled))))
}

driver_suite!(async || fixture());
driver_suite!(uploads: async || fixture());

fn fixture() -> Option<Fixture> {
    let parameters = emulator::parameters()?;
    let drivers = [emulator::driver(&parameters), emulator::driver(&parameters)];
    let [driver, other] = drivers.map(layered);
    Some(Fixture::new(driver, other))
}
