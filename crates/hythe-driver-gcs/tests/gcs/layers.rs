//! The suite through the layers that the program puts around its driver.

use std::sync::Arc;

use hythe_driver_gcs::GcsDriver;
use hythe_driver_gcs::testing::Service;
use hythe_driver_layers::{Instrumented, Throttled};
use hythe_driver_testsuite::Fixture;

use crate::support::{SMALL_CHUNK, driver_with, with};

async fn open() -> (impl Fn() -> GcsDriver, Service) {
    let service = Service::start().await.unwrap();
    let parameters = with(service.parameters(), "chunksize", SMALL_CHUNK);
    (move || driver_with(&parameters), service)
}

mod instrumented {
    use super::*;

    hythe_driver_testsuite::driver_suite!(async || {
        let (open, service) = open().await;
        let wrap = || Instrumented::new(Arc::new(open()));
        Fixture::new(wrap(), wrap()).keeping(service)
    });
}

mod throttled {
    use super::*;

    hythe_driver_testsuite::driver_suite!(async || {
        let (open, service) = open().await;
        let wrap = || Throttled::new(Arc::new(open()), 25);
        Fixture::new(wrap(), wrap()).keeping(service)
    });
}
