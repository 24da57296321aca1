use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::bucket::{Bucket, Refused};
use crate::parameters::CHUNK_ALIGNMENT;

/// An upload session.
#[derive(Debug)]
pub(super) struct Session {
    key: String,
    content_type: String,
    taken: BytesMut,
    standing: Standing,
}

#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Finished,
    Cancelled,
}

/// What a session answers to a chunk.
pub(super) enum Taken {
    /// It has so many bytes and wants more.
    More(u64),
    /// The object is there.
    Finished(serde_json::Value),
}

/// What a chunk says of its place.
struct Place {
    /// `None` when it carries no bytes.
    first: Option<(u64, u64)>,
    total: Option<u64>,
}

impl Session {
    pub(super) fn new(key: &str, content_type: &str) -> Self {
        Self {
            key: key.to_owned(),
            content_type: content_type.to_owned(),
            taken: BytesMut::new(),
            standing: Standing::Open,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.standing == Standing::Cancelled
    }
}

impl Bucket {
    /// <https://cloud.google.com/storage/docs/performing-resumable-uploads>
    pub(super) fn take(
        &mut self,
        id: usize,
        place: &str,
        content: &Bytes,
        limit: u64,
    ) -> Result<Taken, Refused> {
        let place = Place::read(place).ok_or_else(|| (400, "Invalid Content-Range".to_owned()))?;
        let session = self
            .sessions
            .get_mut(id)
            .ok_or_else(|| (404, "No such upload".to_owned()))?;
        match session.standing {
            Standing::Cancelled => return Err((499, "Upload was cancelled".to_owned())),
            Standing::Finished => {
                let key = session.key.clone();
                return self
                    .find(&key, None)
                    .map(|found| Taken::Finished(found.describe(&key)));
            }
            Standing::Open => {}
        }
        if let Some((first, last)) = place.first {
            if content.len() as u64 != last + 1 - first {
                return Err((400, "The body has another length than its range".to_owned()));
            }
            let is_final = place.total == Some(last + 1);
            if !is_final && !(content.len() as u64).is_multiple_of(CHUNK_ALIGNMENT) {
                return Err((400, "Chunks must be multiples of 262144 bytes".to_owned()));
            }
            let has = session.taken.len() as u64;
            if first > has {
                return Err((
                    503,
                    format!("Invalid request. There were {has} byte(s) in the request body"),
                ));
            }
            // What it has already is passed over.
            let known = (has - first).min(content.len() as u64) as usize;
            let wanted = (content.len() - known).min(usize::try_from(limit).unwrap_or(usize::MAX));
            session.taken.extend_from_slice(&content[known..known + wanted]);
        }
        let has = session.taken.len() as u64;
        match place.total {
            Some(total) if has > total => Err((400, "More was taken than the total".to_owned())),
            Some(total) if has == total => {
                session.standing = Standing::Finished;
                let (key, kind) = (session.key.clone(), session.content_type.clone());
                let content = session.taken.split().freeze();
                Ok(Taken::Finished(self.store(
                    &key,
                    content,
                    &kind,
                    BTreeMap::default(),
                )))
            }
            _ => Ok(Taken::More(has)),
        }
    }

    pub(super) fn cancel(&mut self, id: usize) -> Refused {
        match self.sessions.get_mut(id) {
            Some(session) if session.is_open() => {
                session.standing = Standing::Cancelled;
                (499, String::new())
            }
            _ => (404, "No such upload".to_owned()),
        }
    }
}

impl Place {
    /// `bytes 0-4/10`, `bytes 0-4/*`, `bytes */10` or `bytes */*`.
    fn read(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let total = match total {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        if range == "*" {
            return Some(Self { first: None, total });
        }
        let (first, last) = range.split_once('-')?;
        let first = Some((first.parse().ok()?, last.parse().ok()?));
        Some(Self { first, total })
    }
}
