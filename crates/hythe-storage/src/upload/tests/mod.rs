//! Uploads as they lie in a backend: the files of distribution v3 where it appends, a record elsewhere.

mod contended;
mod in_place;
mod recorded;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hythe_digest::{Algorithm, Digester};
use hythe_distribution::{ResumeOptions, UploadId};
use hythe_driver::{DriverPath, PutOptions, StorageDriver, WalkControl, WalkOptions, WalkVisitor};
use hythe_reference::RepositoryName;

use super::resume;
use super::writer::Upload;
use crate::core::Core;
use crate::options::{Clock, RegistryOptions};

const ID: &str = "0192f0c1-7b3a-4c4d-8e5f-0123456789ab";

/// 2026-11-21T18:14:09.5Z, always.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_284_849_500)
    }
}

fn core_over(driver: impl StorageDriver + 'static) -> Arc<Core> {
    core_on(Arc::new(driver))
}

fn core_on(driver: Arc<dyn StorageDriver>) -> Arc<Core> {
    let options = RegistryOptions {
        clock: Arc::new(Stopped),
        ..RegistryOptions::default()
    };
    Arc::new(Core::new(driver, options))
}

fn name() -> RepositoryName {
    RepositoryName::parse("a").unwrap()
}

fn content(size: usize) -> Bytes {
    (0..size).map(|index| (index % 251) as u8).collect()
}

async fn reopen(core: &Arc<Core>, id: &UploadId) -> hythe_distribution::Result<Box<Upload>> {
    let resumed = resume(core, &name(), id, ResumeOptions::default()).await;
    resumed.map(Box::new)
}

async fn put(core: &Core, path: &DriverPath, content: impl AsRef<[u8]>) {
    let content = Bytes::copy_from_slice(content.as_ref());
    let options = PutOptions::default();
    core.driver.put_content(path, content, options).await.unwrap();
}

/// All files, as paths below the repository or the root of the layout, with their content.
async fn files(core: &Core) -> Vec<(String, Bytes)> {
    struct Files(Vec<DriverPath>);

    #[async_trait::async_trait]
    impl WalkVisitor for Files {
        async fn visit(&mut self, info: hythe_driver::FileInfo) -> hythe_driver::Result<WalkControl> {
            if !info.is_directory() {
                self.0.push(info.path);
            }
            Ok(WalkControl::Descend)
        }
    }

    let mut visitor = Files(Vec::new());
    let root = DriverPath::root();
    let walk = core.driver.walk(&root, WalkOptions::default(), &mut visitor);
    walk.await.unwrap();
    let mut files = Vec::new();
    for path in visitor.0 {
        let content = core.driver.get_content(&path, u64::MAX).await.unwrap();
        let text = path.as_str().trim_start_matches("/docker/registry/v2/");
        let text = text.trim_start_matches("repositories/a/");
        files.push((text.to_owned(), content));
    }
    files
}

async fn names(core: &Core) -> Vec<String> {
    files(core).await.into_iter().map(|(name, _)| name).collect()
}

fn state(content: &[u8]) -> Vec<u8> {
    let mut digester = Digester::new(Algorithm::Sha256);
    digester.update(content);
    digester.save_state()
}
