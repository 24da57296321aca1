use std::collections::BTreeMap;

use super::stat::{check_missing, has_keys};
use super::{ObjectStore, PAGE_KEYS, PageRequest, PageStart};
use crate::{DriverPath, Error, FileInfo, ListOptions, Result};

/// [`crate::StorageDriver::list`]: as many pages as the limit needs, one more call when nothing was found.
pub async fn list(store: &dyn ObjectStore, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
    let failed = |error: Error| error.during("list").at(path);
    children(store, path, options).await.map_err(failed)
}

async fn children(store: &dyn ObjectStore, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
    let prefix = store.keys().directory(path);
    let limit = options.limit.unwrap_or(usize::MAX);
    let start_after = options.start_after.filter(|name| !name.is_empty());
    let after = start_after.map(|name| format!("{prefix}{name}"));
    // By what they are sorted by. Some services repeat common prefixes on every page.
    let mut found = BTreeMap::new();
    let mut is_there = false;
    let mut next: Option<String> = None;
    while found.len() < limit {
        let start = match (&next, &after) {
            (Some(token), _) => PageStart::Continue(token),
            (None, Some(after)) if store.seeks() => PageStart::After(after),
            (None, _) => PageStart::First,
        };
        // A directory to start after may be told again by some services.
        let again = usize::from(after.is_some());
        let request = PageRequest {
            prefix: &prefix,
            delimited: true,
            start,
            limit: (limit - found.len()).saturating_add(again).min(PAGE_KEYS),
        };
        let page = store.list_page(request).await?;
        is_there |= !page.objects.is_empty() || !page.prefixes.is_empty();
        let is_wanted = |key: &String| after.as_ref().is_none_or(|after| key > after);
        let child = |key: &str| {
            let name = key.strip_prefix(&prefix)?;
            path.join(name.strip_suffix('/').unwrap_or(name)).ok()
        };
        for object in page.objects.into_iter().filter(|object| is_wanted(&object.key)) {
            // A key that ends in a slash marks a directory and is no file.
            if let Some(path) = child(&object.key).filter(|_| !object.key.ends_with('/')) {
                found.insert(object.key.clone(), object.into_info(path));
            }
        }
        for common in page.prefixes.into_iter().filter(is_wanted) {
            if let Some(path) = child(&common) {
                found.insert(common, FileInfo::directory(path));
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    if found.is_empty() && !is_there {
        let may_have_others = after.is_some() || limit == 0;
        if !(may_have_others && has_keys(store, &prefix).await?) {
            check_missing(store, path).await?;
        }
    }
    Ok(found.into_values().take(limit).collect())
}
