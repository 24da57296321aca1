use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::Uri;
use hythe_driver::multipart::{MultipartFileWriter, PartLimits};
use hythe_driver::{
    Capabilities, Content as ReadContent, DriverPath, Error, ErrorKind, FileInfo, FileWriter, ListOptions,
    PutMode, PutOptions, Read, ReadRange, RedirectRequest, Result, StorageDriver, Version, WalkOptions,
    WalkVisitor, WriterMode, compare_siblings, walk_by_listing,
};

use super::OperationCounts;
use super::backend::{Backend, key, lock};
use super::bucket::{Bucket, Object, PAGE_KEYS, gather};
use crate::driver::NAME;

/// S3's limit.
const MAXIMUM_PARTS: u32 = 10_000;
/// Sorts after every character of a path, so that `prefix` and this come after all that begins with the prefix.
const AFTER_ALL: char = '\u{7f}';

/// How the imitated object store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectStoreOptions {
    /// The fewest bytes of a part that is not the last of its upload.
    pub minimum_part_bytes: u64,
}

impl Default for ObjectStoreOptions {
    /// As S3: 5 MiB.
    fn default() -> Self {
        Self {
            minimum_part_bytes: 5 << 20,
        }
    }
}

/// A driver on an imitated object store in memory. Clones are further clients of the same bucket.
#[derive(Debug, Clone)]
pub struct ObjectStoreDriver {
    bucket: Arc<Mutex<Bucket>>,
    limits: PartLimits,
}

impl ObjectStoreDriver {
    pub(crate) fn new(options: ObjectStoreOptions) -> Self {
        Self {
            bucket: Arc::new(Mutex::new(Bucket::new(options.minimum_part_bytes))),
            limits: PartLimits {
                minimum_bytes: options.minimum_part_bytes,
                maximum_parts: MAXIMUM_PARTS,
            },
        }
    }

    /// How many requests the bucket has answered.
    pub fn operations(&self) -> OperationCounts {
        self.bucket().counts
    }

    /// Counts requests from zero again.
    pub fn reset_operations(&self) {
        self.bucket().counts = OperationCounts::default();
    }

    /// Lets the request after `successes` further ones fail with an error of this kind, once.
    pub fn fail_after(&self, successes: u64, kind: ErrorKind) {
        self.bucket().failure = Some((successes, kind));
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        lock(&self.bucket)
    }

    /// A page of the children of a directory, and what to ask for next.
    fn list_page(
        &self,
        path: &DriverPath,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<FileInfo>, Option<String>)> {
        let prefix = directory_prefix(path);
        let page = self.bucket().list(&prefix, after, Some('/'), limit);
        let page = page.map_err(failed("list", path))?;
        let child = |key: &str| {
            let name = key[prefix.len()..].trim_end_matches('/');
            path.join(name)
                .map_err(|error| failed("list", path)(ErrorKind::Other).because(error))
        };
        let mut children = Vec::new();
        for (key, object) in &page.objects {
            children.push(file_info(child(key)?, object));
        }
        for common in &page.common_prefixes {
            children.push(FileInfo::directory(child(common)?));
        }
        children.sort_by(compare_siblings);
        Ok((children, page.next.map(after_name)))
    }

    /// What is wrong with a directory in which nothing was found; the root is always there.
    fn check_directory(&self, path: &DriverPath) -> Result<()> {
        if path.is_root() {
            return Ok(());
        }
        let mut bucket = self.bucket();
        let prefix = directory_prefix(path);
        let below = bucket.list(&prefix, "", None, 1).map_err(failed("list", path))?;
        if !below.objects.is_empty() {
            return Ok(());
        }
        let kind = match bucket.head(key(path)) {
            Ok(_) => ErrorKind::NotADirectory,
            Err(kind) => kind,
        };
        Err(failed("list", path)(kind))
    }
}

fn failed(operation: &'static str, path: &DriverPath) -> impl Fn(ErrorKind) -> Error {
    move |kind| Error::new(NAME, operation, kind).at(path)
}

fn file_info(path: DriverPath, object: &Object) -> FileInfo {
    FileInfo {
        version: Some(object.version.clone()),
        ..FileInfo::file(path, object.content.size(), Some(object.modified))
    }
}

fn directory_prefix(path: &DriverPath) -> String {
    if path.is_root() {
        String::new()
    } else {
        format!("{}/", key(path))
    }
}

/// Where a listing goes on after a name; after that of a directory come no more keys in it.
fn after_name(mut name: String) -> String {
    if name.ends_with('/') {
        name.push(AFTER_ALL);
    }
    name
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StorageDriver for ObjectStoreDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::object_store(self.limits.minimum_bytes)
    }

    async fn get_content(&self, path: &DriverPath, limit: u64) -> Result<Bytes> {
        let object = self
            .bucket()
            .get(key(path))
            .map_err(failed("get_content", path))?;
        if object.content.size() > limit {
            return Err(failed("get_content", path)(ErrorKind::TooLarge));
        }
        Ok(object.content.to_bytes())
    }

    async fn put_content(
        &self,
        path: &DriverPath,
        content: Bytes,
        options: PutOptions,
    ) -> Result<Option<Version>> {
        if path.is_root() {
            return Err(failed("put_content", path)(ErrorKind::InvalidPath));
        }
        let put = self.bucket().put(key(path), gather(&[content]), &options.mode);
        put.map(Some).map_err(failed("put_content", path))
    }

    async fn read(&self, path: &DriverPath, range: ReadRange) -> Result<Read> {
        let object = self.bucket().get(key(path)).map_err(failed("read", path))?;
        let info = file_info(path.clone(), &object);
        let range = range.resolve(info.size());
        let pieces = object.content.slices(range.clone());
        Ok(Read {
            info,
            range,
            content: ReadContent::Stream(Box::pin(stream::iter(pieces.into_iter().map(Ok)))),
        })
    }

    async fn writer(&self, path: &DriverPath, mode: WriterMode) -> Result<Box<dyn FileWriter>> {
        let backend = Backend::new(Arc::clone(&self.bucket), self.limits);
        let writer = MultipartFileWriter::open(Arc::new(backend), path, mode).await?;
        Ok(Box::new(writer))
    }

    async fn stat(&self, path: &DriverPath) -> Result<FileInfo> {
        if path.is_root() {
            return Ok(FileInfo::directory(path.clone()));
        }
        let mut bucket = self.bucket();
        match bucket.head(key(path)) {
            Ok(object) => return Ok(file_info(path.clone(), &object)),
            Err(ErrorKind::NotFound) => {}
            Err(kind) => return Err(failed("stat", path)(kind)),
        }
        let below = bucket.list(&directory_prefix(path), "", None, 1);
        if below.map_err(failed("stat", path))?.objects.is_empty() {
            return Err(failed("stat", path)(ErrorKind::NotFound));
        }
        Ok(FileInfo::directory(path.clone()))
    }

    async fn list(&self, path: &DriverPath, options: ListOptions) -> Result<Vec<FileInfo>> {
        let limit = options.limit.unwrap_or(usize::MAX);
        let prefix = directory_prefix(path);
        let mut after = Some(match options.start_after.as_deref() {
            None | Some("") => String::new(),
            Some(name) => after_name(format!("{prefix}{name}")),
        });
        let mut listed = Vec::new();
        while let Some(start) = after.take()
            && listed.len() < limit
        {
            let (children, next) = self.list_page(path, &start, limit - listed.len())?;
            listed.extend(children);
            after = next;
        }
        if listed.is_empty() {
            self.check_directory(path)?;
        }
        Ok(listed)
    }

    async fn walk(
        &self,
        root: &DriverPath,
        options: WalkOptions,
        visitor: &mut dyn WalkVisitor,
    ) -> Result<()> {
        walk_by_listing(self, root, options, visitor).await
    }

    async fn rename(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        if to.is_root() {
            return Err(failed("rename", to)(ErrorKind::InvalidPath));
        }
        let mut bucket = self.bucket();
        if from == to {
            return bucket.head(key(from)).map(|_| ()).map_err(failed("rename", from));
        }
        bucket
            .copy(key(from), key(to), &PutMode::Overwrite)
            .map_err(failed("rename", from))?;
        let deleted = bucket.delete(&[key(from).to_owned()]);
        deleted.map_err(failed("rename", from))
    }

    async fn delete(&self, path: &DriverPath) -> Result<()> {
        if path.is_root() {
            return Err(failed("delete", path)(ErrorKind::InvalidPath));
        }
        let mut bucket = self.bucket();
        let prefix = directory_prefix(path);
        let is_below = |found: &str| found == key(path) || found.starts_with(&prefix);
        let mut found_any = false;
        let mut after = Some(String::new());
        while let Some(start) = after.take() {
            let page = bucket.list(key(path), &start, None, PAGE_KEYS);
            let page = page.map_err(failed("delete", path))?;
            let victims = page.objects.into_iter().map(|(found, _)| found);
            let victims: Vec<String> = victims.filter(|found| is_below(found)).collect();
            if !victims.is_empty() {
                bucket.delete(&victims).map_err(failed("delete", path))?;
                found_any = true;
            }
            // Names that begin alike sort before the directory's own and after them.
            let next = page.next.map(|next| next.max(prefix.clone()));
            after = next.filter(|next| next.starts_with(&prefix));
        }
        let uploads = bucket.list_uploads(key(path)).map_err(failed("delete", path))?;
        for (upload_key, id) in uploads {
            if is_below(&upload_key) {
                let aborted = bucket.abort_upload(&upload_key, &id);
                aborted.map_err(failed("delete", path))?;
                found_any = true;
            }
        }
        if found_any {
            Ok(())
        } else {
            Err(failed("delete", path)(ErrorKind::NotFound))
        }
    }

    async fn delete_files(&self, paths: &[DriverPath]) -> Result<()> {
        let keys: Vec<String> = paths.iter().map(|path| key(path).to_owned()).collect();
        for (batch, names) in keys.chunks(PAGE_KEYS).zip(paths.chunks(PAGE_KEYS)) {
            let deleted = self.bucket().delete(batch);
            deleted.map_err(failed("delete_files", &names[0]))?;
        }
        Ok(())
    }

    async fn redirect_url(&self, _path: &DriverPath, _request: &RedirectRequest) -> Result<Option<Uri>> {
        Ok(None)
    }
}
