//! The one gate before every decision that relies on content being stored.
//!
//! Skipping a push because the blob is there, mounting it, accepting a manifest that names it, tagging a
//! manifest, ending an upload with content that is there already: whoever does one of these asks here first and
//! never looks at the storage himself. Today the gate looks and acquits. A collector that runs beside the
//! registry will veto here, for content it is about to remove, and nowhere else.

use hythe_digest::Digest;
use hythe_distribution::Result;

use crate::core::Core;
use crate::error::DriverResultExt;

/// What is going to rest on the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A client leaves out a push.
    PushCheck,
    /// Another repository links it.
    Mount,
    /// A manifest names it.
    Dependency,
    /// A tag points to it.
    Tag,
    /// A commit or put finds it stored and does not store it again.
    Reuse,
}

/// Claims stored content for use: its size in bytes, or `None` when it is not there (or not to be relied on) and
/// must be stored again.
///
/// `content` is the digest it is stored by, which is what a link holds. No cache is asked.
pub(crate) async fn claim(core: &Core, content: &Digest, purpose: Purpose) -> Result<Option<u64>> {
    let stored = core.driver.stat(&core.layout.blob_data(content)).await.found()?;
    let size = stored.filter(|info| !info.is_directory()).map(|info| info.size());
    tracing::trace!(%content, ?purpose, ?size, "content claimed");
    Ok(size)
}
