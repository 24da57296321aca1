use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use hythe_driver::{
    Capabilities, CommitOptions, DriverPath, FileInfo, FileWriter, ListOptions, PutOptions, Read, ReadRange,
    RedirectRequest, Result, ResumeToken, StorageDriver, Version, WalkOptions, WalkVisitor, WriterMode,
    walk_by_listing,
};

use crate::{Action, Call, Policy};

/// A driver whose calls run under a policy.
#[derive(Debug)]
pub struct Layered<P> {
    inner: Arc<dyn StorageDriver>,
    policy: Arc<P>,
}

impl<P: Policy> Layered<P> {
    /// Puts a policy around a driver.
    pub fn with_policy(inner: Arc<dyn StorageDriver>, policy: Arc<P>) -> Self {
        Self { inner, policy }
    }

    /// The policy, to ask it what it saw.
    pub fn policy(&self) -> &Arc<P> {
        &self.policy
    }

    fn call<'a>(&self, action: Action, path: Option<&'a DriverPath>) -> Call<'a> {
        Call {
            driver: self.inner.name(),
            action,
            path,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: Policy> StorageDriver for Layered<P> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        if let Some(redirector) = self.policy.redirector() {
            capabilities.redirect = redirector.can_redirect(&capabilities);
        }
        capabilities
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let call = self.call(Action::GetContent, Some(path));
        self.policy
            .around(call, self.inner.get_content(path, limit))
            .await
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        let call = self.call(Action::PutContent, Some(path));
        self.policy
            .around(call, self.inner.put_content(path, content, options))
            .await
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let call = self.call(Action::Read, Some(path));
        let mut read = self.policy.around(call, self.inner.read(path, range)).await?;
        read.content = self.policy.content(call, read.content);
        Ok(read)
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let call = self.call(Action::Writer, Some(path));
        let inner = self.policy.around(call, self.inner.writer(path, mode)).await?;
        let writer = LayeredWriter {
            inner,
            policy: self.policy.clone(),
            driver: self.inner.name(),
            path: path.clone(),
        };
        Ok(Box::new(writer))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        self.policy
            .around(self.call(Action::Stat, Some(path)), self.inner.stat(path))
            .await
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        self.policy
            .around(
                self.call(Action::List, Some(path)),
                self.inner.list(path, options),
            )
            .await
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        if P::WALKS_BY_LISTING {
            return walk_by_listing(self, root, options, visitor).await;
        }
        let call = self.call(Action::Walk, Some(root));
        self.policy
            .around(call, self.inner.walk(root, options, visitor))
            .await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        self.policy
            .around(self.call(Action::Move, Some(from)), self.inner.rename(from, to))
            .await
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        self.policy
            .around(self.call(Action::Delete, Some(path)), self.inner.delete(path))
            .await
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        let call = self.call(Action::DeleteFiles, paths.first());
        self.policy.around(call, self.inner.delete_files(paths)).await
    }

    async fn redirect_url(&self, path: &DriverPath, request: &RedirectRequest) -> Result<Option<Uri>> {
        let call = self.call(Action::RedirectUrl, Some(path));
        let asked = match self.policy.redirector() {
            Some(redirector) => redirector.redirect_url(&*self.inner, path, request),
            None => self.inner.redirect_url(path, request),
        };
        self.policy.around(call, asked).await
    }
}

/// A writer whose calls run under the policy of the driver that opened it.
#[derive(Debug)]
struct LayeredWriter<P> {
    inner: Box<dyn FileWriter>,
    policy: Arc<P>,
    driver: &'static str,
    path: DriverPath,
}

impl<P: Policy> LayeredWriter<P> {
    fn into_parts(self, action: Action) -> (Box<dyn FileWriter>, Arc<P>, OwnedCall) {
        let call = OwnedCall {
            driver: self.driver,
            action,
            path: self.path,
        };
        (self.inner, self.policy, call)
    }
}

struct OwnedCall {
    driver: &'static str,
    action: Action,
    path: DriverPath,
}

impl OwnedCall {
    fn borrow(&self) -> Call<'_> {
        Call {
            driver: self.driver,
            action: self.action,
            path: Some(&self.path),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: Policy> FileWriter for LayeredWriter<P> {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    async fn claim(&mut self, incoming: u64) -> Result<Option<ResumeToken>> {
        let call = Call {
            driver: self.driver,
            action: Action::WriterClaim,
            path: Some(&self.path),
        };
        self.policy.around(call, self.inner.claim(incoming)).await
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let call = Call {
            driver: self.driver,
            action: Action::WriterWrite,
            path: Some(&self.path),
        };
        self.policy.around(call, self.inner.write(batch)).await
    }

    async fn suspend(self: Box<Self>) -> Result<Option<ResumeToken>> {
        let (inner, policy, call) = self.into_parts(Action::WriterSuspend);
        policy.around(call.borrow(), inner.suspend()).await
    }

    async fn commit(self: Box<Self>, options: CommitOptions) -> Result<()> {
        let (inner, policy, call) = self.into_parts(Action::WriterCommit);
        policy.around(call.borrow(), inner.commit(options)).await
    }

    async fn cancel(self: Box<Self>) -> Result<()> {
        let (inner, policy, call) = self.into_parts(Action::WriterCancel);
        policy.around(call.borrow(), inner.cancel()).await
    }

    async fn abandon(self: Box<Self>, kept: Option<ResumeToken>) -> Result<()> {
        let (inner, policy, call) = self.into_parts(Action::WriterAbandon);
        policy.around(call.borrow(), inner.abandon(kept)).await
    }
}
