//! The health checks of the configuration.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use hythe_configuration::sections::health as configured;
use hythe_driver::{DriverPath, StorageDriver};
use hythe_health::{Check, Down, Error, FileCheck, Health, HttpCheck, HttpCheckOptions, Schedule, TcpCheck};

use crate::compose::chain;

/// The checks, under the names of the original.
pub(crate) fn checks(health: &configured::Health, driver: &Arc<dyn StorageDriver>) -> Result<Health, Error> {
    let mut checks = Health::default();
    let storage = &health.storagedriver;
    if storage.enabled {
        let check = StorageCheck(driver.clone());
        let name = format!("storagedriver_{}", driver.name());
        checks.add(name, check, schedule(&storage.schedule))?;
    }
    for check in &health.file {
        // The original has no threshold for files: who makes the file wants it to count.
        let schedule = Schedule {
            threshold: 1,
            ..schedule(&check.schedule)
        };
        checks.add(&check.file, FileCheck::new(&check.file), schedule)?;
    }
    for check in &health.http {
        let options = HttpCheckOptions {
            uri: check.uri.clone(),
            // The configuration has refused what is no status.
            expected: StatusCode::from_u16(check.statuscode).unwrap_or(StatusCode::OK),
            headers: check.headers.clone(),
            timeout: check.timeout,
        };
        checks.add(&check.uri, HttpCheck::new(options)?, schedule(&check.schedule))?;
    }
    for check in &health.tcp {
        let tcp = TcpCheck::new(&check.addr, check.timeout);
        checks.add(&check.addr, tcp, schedule(&check.schedule))?;
    }
    Ok(checks)
}

fn schedule(configured: &configured::Schedule) -> Schedule {
    Schedule {
        interval: configured.interval,
        threshold: configured.threshold,
    }
}

/// That the storage answers. An empty one does: not to find its root is no failure.
struct StorageCheck(Arc<dyn StorageDriver>);

#[async_trait]
impl Check for StorageCheck {
    async fn check(&self) -> Result<(), Down> {
        match self.0.stat(&DriverPath::root()).await {
            Err(error) if !error.is_not_found() => Err(Down::new(chain(&error))),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for StorageCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StorageCheck").field(&self.0.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use hythe_driver_inmemory::InMemoryDriver;
    use hythe_driver_layers::{Fault, Faulty};

    use super::*;

    #[tokio::test]
    async fn the_storage_is_ill_when_it_does_not_answer() {
        let driver = Arc::new(Faulty::new(Arc::new(InMemoryDriver::new())));
        let check = StorageCheck(driver.clone());
        assert_eq!(check.check().await, Ok(()), "it is empty");
        driver.plan(Some(Fault::nth(1)));
        let down = check.check().await.unwrap_err().to_string();
        assert!(down.contains("stat"), "{down}");
        assert_eq!(check.check().await, Ok(()));
    }
}
