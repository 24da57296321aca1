use hythe_driver_filesystem::{FilesystemDriver, FilesystemParameters};
use hythe_driver_testsuite::{Fixture, driver_suite};

driver_suite!(async || {
    let root = tempfile::tempdir().unwrap();
    let open = || FilesystemDriver::new(FilesystemParameters::at(root.path().join("registry"))).unwrap();
    Fixture::new(open(), open()).keeping(root)
});
