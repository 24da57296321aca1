//! The storage drivers of this build: one line each.

use hythe_driver::DriverFactories;

/// The table of drivers, and of those that were left out.
pub(crate) fn factories() -> DriverFactories {
    let factories = DriverFactories::new();

    #[cfg(feature = "driver-azure")]
    let factories = factories.with(hythe_driver_azure::AzureFactory);
    #[cfg(not(feature = "driver-azure"))]
    let factories = factories.without("azure", "driver-azure");

    #[cfg(feature = "driver-filesystem")]
    let factories = factories.with(hythe_driver_filesystem::FilesystemFactory);
    #[cfg(not(feature = "driver-filesystem"))]
    let factories = factories.without("filesystem", "driver-filesystem");

    #[cfg(feature = "driver-gcs")]
    let factories = factories.with(hythe_driver_gcs::GcsFactory);
    #[cfg(not(feature = "driver-gcs"))]
    let factories = factories.without("gcs", "driver-gcs");

    #[cfg(feature = "driver-inmemory")]
    let factories = factories.with(hythe_driver_inmemory::InMemoryFactory);
    #[cfg(not(feature = "driver-inmemory"))]
    let factories = factories.without("inmemory", "driver-inmemory");

    #[cfg(feature = "driver-s3")]
    let factories = factories
        .with(hythe_driver_s3::S3Factory::s3())
        .with(hythe_driver_s3::S3Factory::s3aws());
    #[cfg(not(feature = "driver-s3"))]
    let factories = factories.without("s3", "driver-s3").without("s3aws", "driver-s3");

    factories
}

#[cfg(test)]
mod tests {
    use hythe_driver::Parameters;

    use super::*;

    #[test]
    fn every_driver_is_there_or_known_to_be_left_out() {
        let factories = factories();
        let missing = factories.missing().map(|(name, _feature)| name);
        let mut known: Vec<&str> = factories.names().chain(missing).collect();
        known.sort_unstable();
        assert_eq!(known, ["azure", "filesystem", "gcs", "inmemory", "s3", "s3aws"]);
    }

    #[tokio::test]
    async fn a_driver_that_was_left_out_names_the_feature_that_brings_it() {
        let factories = DriverFactories::new().without("inmemory", "driver-inmemory");
        let error = factories
            .create("inmemory", &Parameters::new())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "storage driver \"inmemory\" is not part of this build; build with the feature \"driver-inmemory\""
        );
    }
}
