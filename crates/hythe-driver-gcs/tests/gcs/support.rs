use std::sync::Arc;
use std::time::Duration;

use hythe_driver::{DriverPath, Parameters};
use hythe_driver_gcs::testing::Service;
use hythe_driver_gcs::{GcsDriver, GcsParameters, RetryPolicy};
use hythe_driver_testsuite::Fixture;
use serde_json::Value;

/// The smallest chunk: uploads of the suite then go through sessions.
pub(crate) const SMALL_CHUNK: u64 = 256 * 1024;

pub(crate) fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

/// As often as usual, but without waiting.
pub(crate) fn impatient() -> RetryPolicy {
    RetryPolicy {
        first_delay: Duration::from_millis(1),
        ..RetryPolicy::default()
    }
}

pub(crate) fn with(mut parameters: Parameters, name: &str, value: impl Into<Value>) -> Parameters {
    parameters.insert(name.to_owned(), value.into());
    parameters
}

pub(crate) fn driver_with(parameters: &Parameters) -> GcsDriver {
    GcsDriver::with_retries(&GcsParameters::read(parameters).unwrap(), impatient()).unwrap()
}

/// A driver on an imitated service, which lives as long as the second value.
pub(crate) async fn imitated() -> (GcsDriver, Service) {
    let service = Service::start().await.unwrap();
    let parameters = with(service.parameters(), "chunksize", SMALL_CHUNK);
    (driver_with(&parameters), service)
}

/// A store of the suite on the imitated service.
pub(crate) async fn imitation(chunk_bytes: u64) -> Fixture {
    let service = Service::start().await.unwrap();
    let parameters = with(service.parameters(), "chunksize", chunk_bytes);
    let parameters = with(parameters, "rootdirectory", "/some/root");
    let open = || driver_with(&parameters);
    Fixture::new(open(), open()).keeping(Arc::new(service))
}
