use std::path::Path;

use bytes::Bytes;
use hythe_driver::{CommitOptions, DriverPath, FileWriter, PutMode, PutOptions, StorageDriver, WriterMode};
use hythe_driver_filesystem::testing::Recorder;
use hythe_driver_filesystem::{FilesystemDriver, FilesystemParameters};
use tempfile::TempDir;

/// A driver on a directory of its own whose changes are recorded.
pub(crate) struct Recorded {
    pub(crate) driver: FilesystemDriver,
    pub(crate) recorder: Recorder,
    pub(crate) root: TempDir,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let recorder = Recorder::new();
        let parameters = FilesystemParameters::at(root.path());
        let driver = FilesystemDriver::recorded(parameters, recorder.clone()).unwrap();
        Self {
            driver,
            recorder,
            root,
        }
    }

    pub(crate) async fn put(
        &self,
        at: &str,
        content: &'static str,
        durable: bool,
    ) -> hythe_driver::Result<()> {
        let options = PutOptions {
            mode: PutMode::Overwrite,
            durable,
        };
        let at = path(at);
        let put = self.driver.put_content(&at, content.into(), options);
        put.await.map(|_| ())
    }

    pub(crate) async fn get(&self, at: &str) -> hythe_driver::Result<Bytes> {
        self.driver.get_content(&path(at), u64::MAX).await
    }

    pub(crate) async fn writer(
        &self,
        at: &str,
        mode: WriterMode,
    ) -> hythe_driver::Result<Box<dyn FileWriter>> {
        self.driver.writer(&path(at), mode).await
    }
}

pub(crate) fn open(root: &Path) -> FilesystemDriver {
    FilesystemDriver::new(FilesystemParameters::at(root)).unwrap()
}

pub(crate) async fn put(driver: &dyn StorageDriver, at: &str, content: &'static str) {
    let at = path(at);
    let put = driver.put_content(&at, content.into(), PutOptions::default());
    put.await.unwrap();
}

pub(crate) fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

pub(crate) fn to(destination: &str, mode: PutMode) -> CommitOptions {
    CommitOptions {
        destination: Some(path(destination)),
        mode,
    }
}

/// The names of all files below a directory as they are on the disk, temporary ones too.
pub(crate) fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(root).unwrap().to_owned();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
