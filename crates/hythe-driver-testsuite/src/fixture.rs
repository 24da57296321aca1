use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use hythe_driver::{
    DriverPath, ErrorKind, FileInfo, FileWriter, ListOptions, PutMode, PutOptions, Read, ReadRange, Result,
    StorageDriver, WriterMode,
};

use crate::sample::read_all;

/// A fresh, empty store, seen through two drivers as two processes would see it.
#[derive(Debug)]
pub struct Fixture {
    /// The driver under test.
    pub driver: Arc<dyn StorageDriver>,
    /// A second driver on the same store, as another process or after a restart.
    pub other: Arc<dyn StorageDriver>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
    incapable_of: &'static [&'static str],
}

impl Fixture {
    /// A store by two drivers on it; where nothing outlives a driver, the second is a clone of the first.
    pub fn new(driver: impl StorageDriver + 'static, other: impl StorageDriver + 'static) -> Self {
        Self {
            driver: Arc::new(driver),
            other: Arc::new(other),
            kept: Vec::new(),
            incapable_of: &[],
        }
    }

    /// Keeps something, such as a temporary directory, for as long as the store.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(kept));
        self
    }

    /// Leaves out behaviours of which the server behind the driver is incapable, an emulator with a fault for
    /// instance. Where each is shown instead belongs beside the call.
    #[must_use]
    pub fn incapable_of(mut self, behaviours: &'static [&'static str]) -> Self {
        self.incapable_of = behaviours;
        self
    }

    pub(crate) async fn put(&self, at: &str, content: impl AsRef<[u8]>) {
        let content = Bytes::copy_from_slice(content.as_ref());
        let at = path(at);
        let put = self.driver.put_content(&at, content, PutOptions::default());
        put.await.unwrap();
    }

    pub(crate) async fn create(&self, at: &str, content: &[u8]) -> Result<()> {
        let options = PutOptions {
            mode: PutMode::Create,
            durable: true,
        };
        let content = Bytes::copy_from_slice(content);
        self.driver
            .put_content(&path(at), content, options)
            .await
            .map(|_| ())
    }

    /// The content as `get_content` gives it.
    pub(crate) async fn get(&self, at: &str) -> Vec<u8> {
        let content = self.driver.get_content(&path(at), u64::MAX).await;
        content.unwrap().to_vec()
    }

    pub(crate) async fn open(&self, at: &str, range: ReadRange) -> Result<Read> {
        self.driver.read(&path(at), range).await
    }

    /// A range of the content as `read` gives it.
    pub(crate) async fn read(&self, at: &str, range: ReadRange) -> Vec<u8> {
        read_all(self.open(at, range).await.unwrap()).await
    }

    pub(crate) async fn stat(&self, at: &str) -> Result<FileInfo> {
        self.driver.stat(&path(at)).await
    }

    pub(crate) async fn delete(&self, at: &str) -> Result<()> {
        self.driver.delete(&path(at)).await
    }

    pub(crate) async fn list(&self, at: &str) -> Result<Vec<FileInfo>> {
        self.driver.list(&path(at), ListOptions::default()).await
    }

    /// The names in a directory, those of directories with `/`.
    pub(crate) async fn names(&self, at: &str) -> Vec<String> {
        names(&self.list(at).await.unwrap())
    }

    pub(crate) async fn writer(&self, at: &str, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        self.driver.writer(&path(at), mode).await
    }

    pub(crate) async fn new_writer(&self, at: &str) -> Box<dyn FileWriter> {
        self.writer(at, WriterMode::Create).await.unwrap()
    }

    /// Suspends a writer and opens the upload again, in another process.
    pub(crate) async fn reopen(&self, at: &str, writer: Box<dyn FileWriter>) -> Box<dyn FileWriter> {
        let mode = mode_after(writer).await;
        self.other.writer(&path(at), mode).await.unwrap()
    }

    /// Whether the drivers append in place; says what is left out when they do not.
    pub(crate) fn appends(&self, behaviour: &str) -> bool {
        self.has(behaviour, "append", self.driver.capabilities().append)
    }

    /// Whether suspended writers are resumed by tokens, of which several may be about; says what is left out when
    /// they are not.
    pub(crate) fn resumes_by_token(&self, behaviour: &str) -> bool {
        self.has(behaviour, "resume tokens", !self.driver.capabilities().append)
    }

    /// Whether there are real directories; says what is left out when there are none.
    pub(crate) fn has_directories(&self, behaviour: &str) -> bool {
        self.has(behaviour, "directories", self.driver.capabilities().directories)
    }

    /// Whether files are updated conditionally; says what is left out when they are not.
    pub(crate) fn updates_conditionally(&self, behaviour: &str) -> bool {
        let capability = self.driver.capabilities().conditional_update;
        self.has(behaviour, "conditional_update", capability)
    }

    fn has(&self, behaviour: &str, capability: &str, present: bool) -> bool {
        if !present {
            let name = self.driver.name();
            // Lost only when nobody listens.
            let _ = writeln!(
                std::io::stderr(),
                "{behaviour}: left out, {name} lacks {capability}"
            );
        }
        present
    }
}

/// Suspends a writer and tells how to go on.
pub(crate) async fn mode_after(writer: Box<dyn FileWriter>) -> WriterMode {
    match writer.suspend().await.unwrap() {
        Some(token) => WriterMode::Resume(token),
        None => WriterMode::Append,
    }
}

pub(crate) fn path(text: &str) -> DriverPath {
    DriverPath::parse(text).unwrap()
}

pub(crate) fn names(listed: &[FileInfo]) -> Vec<String> {
    let name = |info: &FileInfo| {
        let slash = if info.is_directory() { "/" } else { "" };
        format!("{}{slash}", info.path.name())
    };
    listed.iter().map(name).collect()
}

/// Checks that a call failed as it should, and that the error names the path and the driver.
#[track_caller]
pub(crate) fn assert_fails<T: Debug>(result: Result<T>, expected: ErrorKind, at: &str) {
    let error = result.expect_err("the call must fail");
    assert_eq!(error.kind(), expected, "{error}");
    assert_eq!(error.path(), Some(&path(at)), "{error}");
    assert!(error.to_string().starts_with(error.driver()), "{error}");
}

/// Runs one behaviour on a fresh store. `None` leaves the behaviour out, for stores that need a server which is not on
/// this machine; whoever makes it says why.
pub fn run<Making, Behaving>(
    name: &str,
    make: impl FnOnce() -> Making,
    behaviour: impl FnOnce(Fixture) -> Behaving,
) where
    Making: Future<Output: Into<Option<Fixture>>>,
    Behaving: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let Some(fixture) = make().await.into() else {
            return;
        };
        if fixture.incapable_of.contains(&name) {
            // Lost only when nobody listens.
            let _ = writeln!(
                std::io::stderr(),
                "{name}: left out, this server is incapable of it"
            );
            return;
        }
        behaviour(fixture).await;
    });
}
