//! The storage drivers of this build: one line each.

use hythe_driver::DriverFactories;

/// The table of drivers, and of those that were left out.
pub(crate) fn factories() -> DriverFactories {
    let factories = DriverFactories::new();

    #[cfg(feature = "driver-filesystem")]
    let factories = factories.with(hythe_driver_filesystem::FilesystemFactory);
    #[cfg(not(feature = "driver-filesystem"))]
    let factories = factories.without("filesystem", "driver-filesystem");

    #[cfg(feature = "driver-inmemory")]
    let factories = factories.with(hythe_driver_inmemory::InMemoryFactory);
    #[cfg(not(feature = "driver-inmemory"))]
    let factories = factories.without("inmemory", "driver-inmemory");

    factories
}
