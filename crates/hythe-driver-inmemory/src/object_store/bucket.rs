use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::SystemTime;

use bytes::Bytes;
use hythe_driver::multipart::Part;
use hythe_driver::{ErrorKind, PutMode, Version};

use super::OperationCounts;
use crate::content::Content;

/// As many names as S3 tells, and deletes, at once.
pub(super) const PAGE_KEYS: usize = 1000;

type Result<T> = std::result::Result<T, ErrorKind>;

/// What the service keeps, and what it answers. Every method is one request.
#[derive(Debug)]
pub(super) struct Bucket {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<(String, String), Upload>,
    minimum_part_bytes: u64,
    last_mark: u64,
    pub(super) counts: OperationCounts,
    /// The request after so many further ones fails, once.
    pub(super) failure: Option<(u64, ErrorKind)>,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
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

/// One page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Object)>,
    /// What several keys begin with, up to the delimiter, itself included.
    pub(super) common_prefixes: BTreeSet<String>,
    /// The last key or prefix of this page if there are more.
    pub(super) next: Option<String>,
}

impl Bucket {
    pub(super) fn new(minimum_part_bytes: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            minimum_part_bytes,
            last_mark: 0,
            counts: OperationCounts::default(),
            failure: None,
        }
    }

    /// Counts a request, and refuses it if it is the one that is to fail.
    fn admit(&mut self, count: impl FnOnce(&mut OperationCounts) -> &mut u64) -> Result<()> {
        *count(&mut self.counts) += 1;
        match &mut self.failure {
            None => Ok(()),
            Some((0, kind)) => {
                let kind = *kind;
                self.failure = None;
                Err(kind)
            }
            Some((successes, _)) => {
                *successes -= 1;
                Ok(())
            }
        }
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Object> {
        self.admit(|counts| &mut counts.get)?;
        self.objects.get(key).cloned().ok_or(ErrorKind::NotFound)
    }

    pub(super) fn head(&mut self, key: &str) -> Result<Object> {
        self.admit(|counts| &mut counts.head)?;
        self.objects.get(key).cloned().ok_or(ErrorKind::NotFound)
    }

    pub(super) fn put(&mut self, key: &str, content: Content, mode: &PutMode) -> Result<Version> {
        self.admit(|counts| &mut counts.put)?;
        self.store(key, content, mode)
    }

    pub(super) fn copy(&mut self, from: &str, to: &str, mode: &PutMode) -> Result<Version> {
        self.admit(|counts| &mut counts.copy)?;
        let content = self.objects.get(from).ok_or(ErrorKind::NotFound)?.content.clone();
        self.store(to, content, mode)
    }

    /// Deletes up to a page of objects; missing ones are no error.
    pub(super) fn delete(&mut self, keys: &[String]) -> Result<()> {
        self.admit(|counts| &mut counts.delete)?;
        for key in keys.iter().take(PAGE_KEYS) {
            self.objects.remove(key);
        }
        Ok(())
    }

    /// Keys that begin with a prefix and come after another key. With a delimiter, keys that go on beyond one are
    /// told as what they have in common up to it.
    pub(super) fn list(
        &mut self,
        prefix: &str,
        after: &str,
        delimiter: Option<char>,
        limit: usize,
    ) -> Result<Page> {
        self.admit(|counts| &mut counts.list)?;
        let mut page = Page::default();
        let start = if after < prefix {
            Bound::Included(prefix)
        } else {
            Bound::Excluded(after)
        };
        let keys = self.objects.range::<str, _>((start, Bound::Unbounded));
        let mut last = None;
        for (key, object) in keys.take_while(|(key, _)| key.starts_with(prefix)) {
            let common = delimiter.and_then(|delimiter| {
                let end = key[prefix.len()..].find(delimiter)?;
                Some(key[..=prefix.len() + end].to_owned())
            });
            if common
                .as_ref()
                .is_some_and(|common| page.common_prefixes.contains(common))
            {
                continue;
            }
            if page.objects.len() + page.common_prefixes.len() == limit.min(PAGE_KEYS) {
                page.next = last;
                break;
            }
            last = Some(common.as_ref().unwrap_or(key).clone());
            if let Some(common) = common {
                page.common_prefixes.insert(common);
            } else {
                page.objects.push((key.clone(), object.clone()));
            }
        }
        Ok(page)
    }

    /// Keys and ids of unfinished uploads whose keys begin with a prefix. (One page; more are not imitated.)
    pub(super) fn list_uploads(&mut self, prefix: &str) -> Result<Vec<(String, String)>> {
        self.admit(|counts| &mut counts.list)?;
        let begins_so = |(key, _): &&(String, String)| key.starts_with(prefix);
        Ok(self.uploads.keys().filter(begins_so).cloned().collect())
    }

    pub(super) fn create_upload(&mut self, key: &str) -> Result<String> {
        self.admit(|counts| &mut counts.create_upload)?;
        let id = self.next_mark("upload");
        self.uploads
            .insert((key.to_owned(), id.clone()), Upload::default());
        Ok(id)
    }

    pub(super) fn put_part(
        &mut self,
        key: &str,
        upload: &str,
        number: u32,
        content: Content,
    ) -> Result<String> {
        self.admit(|counts| &mut counts.put_part)?;
        let mark = self.next_mark("part");
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
        self.admit(|counts| &mut counts.complete_upload)?;
        let id = (key.to_owned(), upload.to_owned());
        let upload = self.uploads.get(&id).ok_or(ErrorKind::InvalidToken)?;
        let mut content = Content::default();
        for (index, part) in parts.iter().enumerate() {
            let uploaded = upload.parts.get(&part.number);
            let uploaded = uploaded.filter(|uploaded| uploaded.mark == part.mark);
            let uploaded = uploaded.ok_or(ErrorKind::Other)?;
            let is_last = index + 1 == parts.len();
            if !is_last && uploaded.content.size() < self.minimum_part_bytes {
                return Err(ErrorKind::Other);
            }
            content.append(&[uploaded.content.to_bytes()]);
        }
        if parts.is_empty() {
            return Err(ErrorKind::Other);
        }
        self.uploads.remove(&id);
        self.store(key, content, &PutMode::Overwrite)?;
        Ok(())
    }

    pub(super) fn abort_upload(&mut self, key: &str, upload: &str) -> Result<()> {
        self.admit(|counts| &mut counts.abort_upload)?;
        self.uploads.remove(&(key.to_owned(), upload.to_owned()));
        Ok(())
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
        let object = Object {
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
        let mut bucket = Bucket::new(4);
        for key in keys {
            bucket.put(key, Content::new(b"x"), &PutMode::Overwrite).unwrap();
        }
        bucket
    }

    #[test]
    fn a_listing_has_keys_and_common_prefixes() {
        let mut bucket = bucket(&["a/b", "a/c/1", "a/c/2", "a/d", "a0", "b"]);
        let page = bucket.list("a/", "", Some('/'), PAGE_KEYS).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a/b", "a/d"]);
        assert_eq!(page.common_prefixes.iter().collect::<Vec<_>>(), ["a/c/"]);
        assert_eq!(page.next, None);
        let page = bucket.list("a/", "a/b", Some('/'), 1).unwrap();
        assert_eq!(page.next.as_deref(), Some("a/c/"));
        assert_eq!(bucket.counts.list, 2);
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
                    let mark = bucket.put_part("a", &id, number, content).unwrap();
                    let size = size as u64;
                    Part { number, size, mark }
                })
                .collect();
            let completed = bucket.complete_upload("a", &id, &parts);
            assert_eq!(completed.is_ok(), is_accepted, "{sizes:?}");
            assert_eq!(bucket.head("a").is_ok(), is_accepted);
        }
    }
}
