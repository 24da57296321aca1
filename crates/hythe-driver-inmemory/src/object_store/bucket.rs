use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::time::SystemTime;

use bytes::Bytes;
use hythe_driver::multipart::Part;
use hythe_driver::objects::{Object, PAGE_KEYS, Page, PageRequest, PageStart};
use hythe_driver::{ErrorKind, PutMode, Version};

use super::OperationCounts;
use crate::content::Content;

/// What every continuation token begins with, so that none is a key.
const TOKEN: &str = "continue after ";

type Result<T> = std::result::Result<T, ErrorKind>;

/// What the service keeps, and what it answers. Every method is one request.
#[derive(Debug)]
pub(super) struct Bucket {
    objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<(String, String), Upload>,
    minimum_part_bytes: u64,
    page_keys: usize,
    last_mark: u64,
    arriving_parts: usize,
    pub(super) most_arriving_parts: usize,
    pub(super) counts: OperationCounts,
    pub(super) failure: Option<Failure>,
}

/// A request that fails, once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    /// So many others come before it.
    pub(super) successes: u64,
    pub(super) kind: ErrorKind,
    /// Whether it is carried out all the same.
    pub(super) is_carried_out: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) content: Content,
    pub(super) modified: SystemTime,
    pub(super) version: Version,
}

#[derive(Debug, Default)]
struct Upload {
    parts: BTreeMap<u32, UploadedPart>,
}

#[derive(Debug)]
struct UploadedPart {
    content: Content,
    mark: String,
}

impl Stored {
    /// What a listing or a look tells of it.
    pub(super) fn told(&self, key: &str) -> Object {
        Object {
            key: key.to_owned(),
            size: self.content.size(),
            modified: Some(self.modified),
            version: Some(self.version.clone()),
        }
    }
}

impl Bucket {
    pub(super) fn new(minimum_part_bytes: u64, page_keys: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            minimum_part_bytes,
            page_keys: page_keys.clamp(1, PAGE_KEYS),
            last_mark: 0,
            arriving_parts: 0,
            most_arriving_parts: 0,
            counts: OperationCounts::default(),
            failure: None,
        }
    }

    /// Counts a request and carries it out, unless it is the one that is to fail.
    fn request<T>(
        &mut self,
        count: impl FnOnce(&mut OperationCounts) -> &mut u64,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        *count(&mut self.counts) += 1;
        let failure = match &mut self.failure {
            Some(failure) if failure.successes > 0 => {
                failure.successes -= 1;
                None
            }
            failure => failure.take(),
        };
        match failure {
            None => run(self),
            Some(failure) if failure.is_carried_out => run(self).and(Err(failure.kind)),
            Some(failure) => Err(failure.kind),
        }
    }

    /// An upload with parts of these sizes. No request.
    #[cfg(feature = "testing")]
    pub(super) fn begin_foreign_upload(&mut self, key: &str, sizes: &[usize], content: &[u8]) {
        let id = self.next_mark("foreign");
        let mut upload = Upload::default();
        let mut start = 0;
        for (number, size) in (1..).zip(sizes) {
            let part = UploadedPart {
                content: Content::new(&content[start..start + size]),
                mark: self.next_mark("part"),
            };
            upload.parts.insert(number, part);
            start += size;
        }
        self.uploads.insert((key.to_owned(), id), upload);
    }

    /// A part begins to arrive.
    pub(super) fn begin_part(&mut self) {
        self.arriving_parts += 1;
        self.most_arriving_parts = self.most_arriving_parts.max(self.arriving_parts);
    }

    /// It arrived, or never will.
    pub(super) fn end_part(&mut self) {
        self.arriving_parts -= 1;
    }

    /// No request.
    pub(super) fn unfinished_uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Stored> {
        self.request(
            |counts| &mut counts.get,
            |bucket| bucket.objects.get(key).cloned().ok_or(ErrorKind::NotFound),
        )
    }

    pub(super) fn head(&mut self, key: &str) -> Result<Stored> {
        self.request(
            |counts| &mut counts.head,
            |bucket| bucket.objects.get(key).cloned().ok_or(ErrorKind::NotFound),
        )
    }

    pub(super) fn put(&mut self, key: &str, content: Content, mode: &PutMode) -> Result<Version> {
        self.request(
            |counts| &mut counts.put,
            |bucket| bucket.store(key, content, mode),
        )
    }

    pub(super) fn copy(&mut self, from: &str, to: &str, mode: &PutMode) -> Result<Version> {
        self.request(
            |counts| &mut counts.copy,
            |bucket| {
                let content = bucket
                    .objects
                    .get(from)
                    .ok_or(ErrorKind::NotFound)?
                    .content
                    .clone();
                bucket.store(to, content, mode)
            },
        )
    }

    /// Deletes up to a page of objects; missing ones are no error.
    pub(super) fn delete(&mut self, keys: &[String]) -> Result<()> {
        self.request(
            |counts| &mut counts.delete,
            |bucket| {
                for key in keys.iter().take(PAGE_KEYS) {
                    bucket.objects.remove(key);
                }
                Ok(())
            },
        )
    }

    /// Keys that begin with a prefix. With a delimiter, keys that go on beyond one are told as what they have in common
    /// up to it, and a page that starts after a key has only common prefixes that sort after it.
    pub(super) fn list(&mut self, request: PageRequest<'_>) -> Result<Page> {
        self.request(
            |counts| &mut counts.list,
            |bucket| {
                let prefix = request.prefix;
                let after = match request.start {
                    PageStart::First => "",
                    PageStart::After(key) => key,
                    PageStart::Continue(token) => token.strip_prefix(TOKEN).ok_or(ErrorKind::Other)?,
                };
                let start = if after < prefix {
                    Bound::Included(prefix)
                } else {
                    Bound::Excluded(after)
                };
                let limit = request.limit.min(bucket.page_keys);
                let mut page = Page::default();
                let mut last = String::new();
                let keys = bucket.objects.range::<str, _>((start, Bound::Unbounded));
                for (key, stored) in keys.take_while(|(key, _)| key.starts_with(prefix)) {
                    let common = request.delimited.then(|| {
                        let end = key[prefix.len()..].find('/')?;
                        Some(&key[..=prefix.len() + end])
                    });
                    let entry = common.flatten().unwrap_or(key);
                    if entry <= after || *entry == last {
                        continue;
                    }
                    if page.objects.len() + page.prefixes.len() == limit {
                        page.next = Some(format!("{TOKEN}{last}"));
                        break;
                    }
                    entry.clone_into(&mut last);
                    if entry == key {
                        page.objects.push(stored.told(key));
                    } else {
                        page.prefixes.push(last.clone());
                    }
                }
                Ok(page)
            },
        )
    }

    /// Keys and ids of unfinished uploads whose keys begin with a prefix. (One page; more are not imitated.)
    pub(super) fn list_uploads(&mut self, prefix: &str) -> Result<Vec<(String, String)>> {
        self.request(
            |counts| &mut counts.list,
            |bucket| {
                let begins_so = |(key, _): &&(String, String)| key.starts_with(prefix);
                Ok(bucket.uploads.keys().filter(begins_so).cloned().collect())
            },
        )
    }

    pub(super) fn create_upload(&mut self, key: &str) -> Result<String> {
        self.request(
            |counts| &mut counts.create_upload,
            |bucket| {
                let id = bucket.next_mark("upload");
                bucket
                    .uploads
                    .insert((key.to_owned(), id.clone()), Upload::default());
                Ok(id)
            },
        )
    }

    pub(super) fn put_part(
        &mut self,
        key: &str,
        upload: &str,
        number: u32,
        content: Content,
        mark: Option<String>,
    ) -> Result<String> {
        self.request(
            |counts| &mut counts.put_part,
            |bucket| bucket.keep_part(key, upload, number, content, mark),
        )
    }

    /// Adds a range of an object as a part.
    pub(super) fn copy_part(
        &mut self,
        key: &str,
        upload: &str,
        number: u32,
        source: &str,
        range: Range<u64>,
    ) -> Result<String> {
        self.request(
            |counts| &mut counts.copy_part,
            |bucket| {
                let source = bucket.objects.get(source).ok_or(ErrorKind::NotFound)?;
                if range.end > source.content.size() {
                    return Err(ErrorKind::Other);
                }
                let mut content = Content::default();
                content.append(&source.content.slices(range));
                bucket.keep_part(key, upload, number, content, None)
            },
        )
    }

    fn keep_part(
        &mut self,
        key: &str,
        upload: &str,
        number: u32,
        content: Content,
        mark: Option<String>,
    ) -> Result<String> {
        let mark = mark.unwrap_or_else(|| self.next_mark("part"));
        let id = (key.to_owned(), upload.to_owned());
        let upload = self.uploads.get_mut(&id).ok_or(ErrorKind::InvalidToken)?;
        let part = UploadedPart {
            content,
            mark: mark.clone(),
        };
        upload.parts.insert(number, part);
        Ok(mark)
    }

    /// Joins exactly these parts; a part that is too small and not the last is refused.
    pub(super) fn complete_upload(&mut self, key: &str, upload: &str, parts: &[Part]) -> Result<()> {
        self.request(
            |counts| &mut counts.complete_upload,
            |bucket| {
                let id = (key.to_owned(), upload.to_owned());
                let upload = bucket.uploads.get(&id).ok_or(ErrorKind::InvalidToken)?;
                let mut content = Content::default();
                if !parts.is_sorted_by(|one, next| one.number < next.number) {
                    return Err(ErrorKind::Other);
                }
                for (index, part) in parts.iter().enumerate() {
                    let uploaded = upload.parts.get(&part.number);
                    let uploaded = uploaded.filter(|uploaded| uploaded.mark == part.mark);
                    let uploaded = uploaded.ok_or(ErrorKind::InvalidToken)?;
                    let is_last = index + 1 == parts.len();
                    if !is_last && uploaded.content.size() < bucket.minimum_part_bytes {
                        return Err(ErrorKind::Other);
                    }
                    content.append(&[uploaded.content.to_bytes()]);
                }
                if parts.is_empty() {
                    return Err(ErrorKind::Other);
                }
                bucket.uploads.remove(&id);
                bucket.store(key, content, &PutMode::Overwrite)?;
                Ok(())
            },
        )
    }

    /// The parts of an upload as they are, with their sizes. (One page; more are not imitated.)
    pub(super) fn list_parts(&mut self, key: &str, upload: &str) -> Result<Vec<(Part, u64)>> {
        self.request(
            |counts| &mut counts.list,
            |bucket| {
                let id = (key.to_owned(), upload.to_owned());
                let upload = bucket.uploads.get(&id).ok_or(ErrorKind::InvalidToken)?;
                let parts = upload.parts.iter().map(|(&number, part)| {
                    let mark = part.mark.clone();
                    (Part { number, mark }, part.content.size())
                });
                Ok(parts.collect())
            },
        )
    }

    pub(super) fn abort_upload(&mut self, key: &str, upload: &str) -> Result<()> {
        self.request(
            |counts| &mut counts.abort_upload,
            |bucket| {
                bucket.uploads.remove(&(key.to_owned(), upload.to_owned()));
                Ok(())
            },
        )
    }

    fn store(&mut self, key: &str, content: Content, mode: &PutMode) -> Result<Version> {
        let present = self.objects.get(key).map(|object| &object.version);
        match mode {
            PutMode::Create if present.is_some() => return Err(ErrorKind::AlreadyExists),
            PutMode::Update(version) if present != Some(version) => {
                return Err(ErrorKind::PreconditionFailed);
            }
            PutMode::Overwrite | PutMode::Create | PutMode::Update(_) => {}
        }
        let version = Version::new(self.next_mark("version"));
        let object = Stored {
            content,
            modified: SystemTime::now(),
            version: version.clone(),
        };
        self.objects.insert(key.to_owned(), object);
        Ok(version)
    }

    fn next_mark(&mut self, kind: &str) -> String {
        self.last_mark += 1;
        format!("{kind}-{}", self.last_mark)
    }
}

/// Copies pieces of a request, which may pin far larger buffers.
pub(super) fn gather(pieces: &[Bytes]) -> Content {
    let mut content = Content::default();
    content.append(pieces);
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(keys: &[&str]) -> Bucket {
        let mut bucket = Bucket::new(4, PAGE_KEYS);
        for key in keys {
            bucket.put(key, Content::new(b"x"), &PutMode::Overwrite).unwrap();
        }
        bucket
    }

    fn request(start: PageStart<'_>, limit: usize) -> PageRequest<'_> {
        PageRequest {
            prefix: "a/",
            delimited: true,
            start,
            limit,
        }
    }

    #[test]
    fn a_listing_has_keys_and_common_prefixes() {
        let mut bucket = bucket(&["a/b", "a/c/1", "a/c/2", "a/d", "a0", "b"]);
        let page = bucket.list(request(PageStart::First, PAGE_KEYS)).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["a/b", "a/d"]);
        assert_eq!(page.prefixes, ["a/c/"]);
        assert_eq!(page.next, None);
        let page = bucket.list(request(PageStart::After("a/b"), 1)).unwrap();
        assert_eq!(page.prefixes, ["a/c/"]);
        let next = page.next.unwrap();
        let page = bucket.list(request(PageStart::Continue(&next), 1)).unwrap();
        assert_eq!((page.objects[0].key.as_str(), page.next), ("a/d", None));
        assert_eq!(bucket.counts.list, 3);
    }

    #[test]
    fn small_parts_are_refused_unless_they_are_the_last() {
        for (sizes, is_accepted) in [
            (&[4, 4, 1][..], true),
            (&[1], true),
            (&[3, 4], false),
            (&[], false),
        ] {
            let mut bucket = bucket(&[]);
            let id = bucket.create_upload("a").unwrap();
            let parts: Vec<Part> = (1..)
                .zip(sizes)
                .map(|(number, &size)| {
                    let content = Content::new(&vec![0; size]);
                    let mark = bucket.put_part("a", &id, number, content, None).unwrap();
                    Part { number, mark }
                })
                .collect();
            let completed = bucket.complete_upload("a", &id, &parts);
            assert_eq!(completed.is_ok(), is_accepted, "{sizes:?}");
            assert_eq!(bucket.head("a").is_ok(), is_accepted);
        }
    }
}
