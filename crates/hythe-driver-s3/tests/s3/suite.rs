//! The behaviour suite on each server, and through the layers.

use hythe_driver_testsuite::{Fixture, driver_suite};

use crate::emulator::{Emulator, fresh_root};

async fn fixture(emulator: Emulator) -> Option<Fixture> {
    let bucket = emulator.bucket()?;
    let root = fresh_root();
    Some(Fixture::new(
        bucket.driver(&root).await,
        bucket.driver(&root).await,
    ))
}

mod minio {
    use super::*;

    driver_suite!(async || fixture(Emulator::Minio).await);
    driver_suite!(uploads: async || fixture(Emulator::Minio).await);
}

mod versitygw {
    use super::*;

    driver_suite!(async || fixture(Emulator::Versitygw).await);
    driver_suite!(uploads: async || fixture(Emulator::Versitygw).await);
}

mod through_layers {
    use std::sync::Arc;

    use hythe_driver_layers::{Counting, Faulty, Instrumented, Throttled};

    use super::*;

    driver_suite!(async || fixture().await);
    driver_suite!(uploads: async || fixture().await);

    async fn fixture() -> Option<Fixture> {
        let bucket = Emulator::Versitygw.bucket()?;
        let root = fresh_root();
        let driver = Throttled::new(Arc::new(bucket.driver(&root).await), 25);
        let driver = Instrumented::new(Arc::new(Counting::new(Arc::new(driver))));
        let other = Faulty::new(Arc::new(bucket.driver(&root).await));
        Some(Fixture::new(driver, other))
    }
}
