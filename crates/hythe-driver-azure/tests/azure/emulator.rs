use std::io::Write as _;

use hythe_driver_azure::{AzureDriver, AzureParameters};
use hythe_driver_testsuite::Fixture;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The parameters for a fresh folder in the container of the running Azurite. `None` without one, which is said; in
/// CI it is a failure.
pub(crate) fn parameters() -> Option<Map<String, Value>> {
    let Ok(endpoint) = std::env::var("HYTHE_TEST_AZURE_ENDPOINT") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "Azurite is needed: `cargo xtask emulators up` starts it and tells HYTHE_TEST_AZURE_ENDPOINT"
        );
        // Lost only when nobody listens.
        let _ = writeln!(
            std::io::stderr(),
            "LEFT OUT: HYTHE_TEST_AZURE_ENDPOINT is not set; `cargo xtask emulators up` tells it"
        );
        return None;
    };
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let parameters = json!({
        "accountname": variable("HYTHE_TEST_AZURE_ACCOUNT"),
        "accountkey": variable("HYTHE_TEST_AZURE_KEY"),
        "container": variable("HYTHE_TEST_AZURE_CONTAINER"),
        "serviceurl": endpoint,
        "rootdirectory": format!("/test-{}", Uuid::new_v4()),
        "credentials": {"type": "shared_key"},
    });
    parameters.as_object().cloned()
}

/// A driver with these parameters.
pub(crate) fn driver(parameters: &Map<String, Value>) -> AzureDriver {
    AzureDriver::new(&AzureParameters::read(parameters).unwrap()).unwrap()
}

/// Two drivers on one fresh folder, with connections of their own.
pub(crate) fn fixture() -> Option<Fixture> {
    let parameters = parameters()?;
    Some(Fixture::new(driver(&parameters), driver(&parameters)))
}
