use super::{Object, ObjectStore, PageRequest, PageStart};
use crate::{DriverPath, Error, ErrorKind, FileInfo, Result};

/// [`crate::StorageDriver::stat`]: one look at the object, and for a directory one listing of one key.
pub async fn stat(store: &dyn ObjectStore, path: &DriverPath) -> Result<FileInfo> {
    if path.is_root() {
        return Ok(FileInfo::directory(path.clone()));
    }
    let failed = |error: Error| error.during("stat").at(path);
    match store.head_object(&store.keys().key(path)).await {
        Ok(object) => return Ok(object.into_info(path.clone())),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(failed(error)),
    }
    if has_keys(store, &store.keys().directory(path))
        .await
        .map_err(failed)?
    {
        Ok(FileInfo::directory(path.clone()))
    } else {
        Err(Error::not_found(store.name(), "stat", path))
    }
}

impl Object {
    /// The same as the contract tells it.
    pub(super) fn into_info(self, path: DriverPath) -> FileInfo {
        FileInfo {
            version: self.version,
            ..FileInfo::file(path, self.size, self.modified)
        }
    }
}

/// Whether any key begins so.
pub(super) async fn has_keys(store: &dyn ObjectStore, prefix: &str) -> Result<bool> {
    let mut next: Option<String> = None;
    loop {
        let request = PageRequest {
            prefix,
            delimited: false,
            start: next.as_deref().map_or(PageStart::First, PageStart::Continue),
            limit: 1,
        };
        let page = store.list_page(request).await?;
        if !page.objects.is_empty() {
            return Ok(true);
        }
        // Some services answer with empty pages before the first key.
        if page.next.is_none() {
            return Ok(false);
        }
        next = page.next;
    }
}

/// What is wrong with a directory in which there is no key: it is a file, or nothing at all. The root is always there.
pub(super) async fn check_missing(store: &dyn ObjectStore, path: &DriverPath) -> Result<()> {
    if path.is_root() {
        return Ok(());
    }
    match store.head_object(&store.keys().key(path)).await {
        Ok(_) => Err(Error::new(store.name(), "list", ErrorKind::NotADirectory)),
        Err(error) => Err(error),
    }
}
