//! Directories on backends that have only keys.
//!
//! An object store knows no directories: it lists keys in byte order, some at a time. A driver on one brings the
//! five calls of [`ObjectStore`]; [`stat`], [`list`], [`walk`], [`delete`] and [`delete_files`] are what the contract
//! of [`crate::StorageDriver`] makes of them, written and proven once for all.
//!
//! The hard decision is how a directory is skipped. A walk reads the flat listing, whose key order is the order of
//! the contract, a thousand keys a call however deep the tree. A directory that the visitor does not want is passed
//! over within the page, for nothing; only when the page ends inside it does the walk jump behind it.
//!
//! Start-after is given to the backend only without a delimiter, or where it ends at one: services differ in what
//! they answer when it points inside a common prefix. Pages go on by the backend's own token.
//!
//! | Module | Verb |
//! |---|---|
//! | `keys` | turns paths into keys and back |
//! | `stat` | tells what is at a path |
//! | `list` | lists the children of a directory |
//! | `walk` | visits everything below a directory |
//! | `delete` | removes a directory, or files by their names |

mod delete;
mod keys;
mod list;
mod stat;
mod walk;

use std::fmt::Debug;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::{Result, Version};

pub use self::delete::{delete, delete_files};
pub use self::keys::KeyRoot;
pub use self::list::list;
pub use self::stat::stat;
pub use self::walk::walk;

/// At most so many keys are asked for, and deleted, at once: as many as S3 tells in a page.
pub const PAGE_KEYS: usize = 1000;

/// An object as a listing or a look at it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, the root directory included.
    pub key: String,
    /// Bytes of content.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// The version of its content, where the call tells one that [`crate::PutMode::Update`] understands.
    pub version: Option<Version>,
}

/// What to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<'a> {
    /// Only keys that begin so; may be empty.
    pub prefix: &'a str,
    /// Whether keys that go on beyond a `/` after the prefix are told as what they have in common up to it.
    pub delimited: bool,
    /// Where the page begins.
    pub start: PageStart<'a>,
    /// At most so many keys and common prefixes together; from 1 to [`PAGE_KEYS`].
    pub limit: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart<'a> {
    /// At the first key.
    First,
    /// After this key, which need not exist. Only asked of backends that can ([`ObjectStore::seeks`]); one that also
    /// tells the key itself, or earlier ones, is understood.
    After(&'a str),
    /// Where another page of the same request ended, by its [`Page::next`].
    Continue(&'a str),
}

/// One page of a listing, in byte order of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Object>,
    /// What several keys begin with, up to and with the delimiter; only in a delimited listing.
    pub prefixes: Vec<String>,
    /// The backend's token for the next page if there may be more, also after an empty page. It means nothing to
    /// anybody else.
    pub next: Option<String>,
}

/// The calls of an object store that directories need. Each is one request.
///
/// Errors need not name the operation or the path: who calls adds them.
#[async_trait]
pub trait ObjectStore: Debug + Send + Sync {
    /// The driver's name.
    fn name(&self) -> &'static str;

    /// How paths and keys belong together.
    fn keys(&self) -> &KeyRoot;

    /// Whether listings can begin after a key ([`PageStart::After`]). Where they cannot, what comes before is listed
    /// and dropped.
    fn seeks(&self) -> bool;

    /// One page of keys.
    async fn list_page(&self, request: PageRequest<'_>) -> Result<Page>;

    /// Looks at one object; a missing one is [`crate::ErrorKind::NotFound`].
    async fn head_object(&self, key: &str) -> Result<Object>;

    /// Deletes at most [`PAGE_KEYS`] objects, in as few requests as the backend allows; a missing one is no error.
    async fn delete_keys(&self, keys: &[String]) -> Result<()>;

    /// Aborts the unfinished uploads of this key and of keys that go on with `/`, as far as the backend can find
    /// them; whether there were any.
    async fn abort_uploads(&self, key: &str) -> Result<bool>;
}
