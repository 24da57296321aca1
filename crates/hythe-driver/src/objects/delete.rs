use super::{ObjectStore, PAGE_KEYS, PageRequest, PageStart};
use crate::{DriverPath, Error, ErrorKind, Result};

/// [`crate::StorageDriver::delete`]: one call to list and one to delete for each thousand keys, and one to find
/// unfinished uploads.
pub async fn delete(store: &dyn ObjectStore, path: &DriverPath) -> Result<()> {
    let failed = |error: Error| error.during("delete").at(path);
    if path.is_root() {
        return Err(failed(Error::new(store.name(), "delete", ErrorKind::InvalidPath)));
    }
    let had_keys = delete_keys(store, path).await.map_err(failed)?;
    let aborted = store.abort_uploads(&store.keys().key(path)).await;
    let had_uploads = aborted.map_err(failed)?;
    if had_keys || had_uploads {
        Ok(())
    } else {
        Err(Error::not_found(store.name(), "delete", path))
    }
}

async fn delete_keys(store: &dyn ObjectStore, path: &DriverPath) -> Result<bool> {
    let (file, directory) = (store.keys().key(path), store.keys().directory(path));
    // One listing tells both the file and what is below the directory, and names that begin alike. When these fill
    // a page, the directory is listed by itself.
    let mut prefix = &file;
    let mut next: Option<String> = None;
    let mut has_found = false;
    loop {
        let request = PageRequest {
            prefix,
            delimited: false,
            start: next.as_deref().map_or(PageStart::First, PageStart::Continue),
            limit: PAGE_KEYS,
        };
        let page = store.list_page(request).await?;
        let is_beyond = |key: &str| key > directory.as_str() && !key.starts_with(&directory);
        let is_done = page.objects.last().is_some_and(|last| is_beyond(&last.key));
        let found = page.objects.into_iter().map(|object| object.key);
        let (mine, alike): (Vec<_>, Vec<_>) =
            found.partition(|key| *key == file || key.starts_with(&directory));
        if !mine.is_empty() {
            store.delete_keys(&mine).await?;
            has_found = true;
        }
        next = page.next;
        if next.is_none() || is_done {
            return Ok(has_found);
        }
        if !alike.is_empty() {
            (prefix, next) = (&directory, None);
        }
    }
}

/// [`crate::StorageDriver::delete_files`]: one call for each thousand.
pub async fn delete_files(store: &dyn ObjectStore, paths: &[DriverPath]) -> Result<()> {
    // The root is a directory; some services take its key for an object that marks it.
    let files: Vec<&DriverPath> = paths.iter().filter(|path| !path.is_root()).collect();
    for batch in files.chunks(PAGE_KEYS) {
        let keys: Vec<String> = batch.iter().map(|path| store.keys().key(path)).collect();
        let deleted = store.delete_keys(&keys).await;
        deleted.map_err(|error| error.during("delete_files").at(batch[0]))?;
    }
    Ok(())
}
