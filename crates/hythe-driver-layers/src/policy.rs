use std::fmt::Debug;

use hythe_driver::{Content, DriverPath, Redirector, Result};

use crate::Action;

/// A call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The name of the driver below.
    pub driver: &'static str,
    /// Which call.
    pub action: Action,
    /// The path concerned; the source of a rename, the first of several files to delete.
    pub path: Option<&'a DriverPath>,
}

/// What a layer does with each call.
pub trait Policy: Debug + Send + Sync + 'static {
    /// Whether a walk is made of listings through this layer, so that each of them is a call of its own. Otherwise
    /// the driver below walks in its own way and the whole walk is one call.
    const WALKS_BY_LISTING: bool;

    /// Runs the call, or not.
    fn around<T: Send>(
        &self,
        call: Call<'_>,
        run: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Sees the content that was opened; most layers return it as it is.
    fn content(&self, call: Call<'_>, content: Content) -> Content;

    /// Who decides about addresses in place of the driver below; most layers leave them to it.
    fn redirector(&self) -> Option<&dyn Redirector> {
        None
    }
}
