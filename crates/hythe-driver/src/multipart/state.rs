use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::buffer::Buffer;
use super::parts::Parts;
use crate::{DriverPath, ResumeToken, Version};

/// Tokens of another form are refused, not guessed at.
const FORM: u64 = 2;

/// Where the bytes are that are in no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tail {
    /// In the token.
    Inline(Bytes),
    /// In an object beside the writer's path.
    Object {
        nonce: u64,
        size: u64,
        version: Option<Version>,
    },
}

/// What a token holds: all that is known of a suspended upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) upload: Option<String>,
    /// So many first bytes are in an object at the writer's path, and in no part yet.
    pub(super) base: u64,
    pub(super) parts: Parts,
    /// Bytes in parts.
    pub(super) sent: u64,
    /// The number of the next part.
    pub(super) next_number: u32,
    /// Whether the last part is too small to be followed by another.
    pub(super) ends_small: bool,
    /// Whether there is something at the writer's own path to be removed in the end.
    pub(super) has_own: bool,
    pub(super) tail: Tail,
    /// Nonces of tails that this token replaced.
    pub(super) old_tails: Vec<u64>,
    /// Whether the upload may have been completed since, to make its bytes the first of a new one.
    pub(super) folds: bool,
}

impl State {
    pub(super) fn empty() -> Self {
        Self {
            upload: None,
            base: 0,
            parts: Parts::default(),
            sent: 0,
            next_number: 1,
            ends_small: false,
            has_own: false,
            tail: Tail::Inline(Bytes::new()),
            old_tails: Vec::new(),
            folds: false,
        }
    }

    /// Bytes of the upload.
    pub(super) fn size(&self) -> u64 {
        let tail = match &self.tail {
            Tail::Inline(bytes) => bytes.len() as u64,
            Tail::Object { size, .. } => *size,
        };
        self.base.saturating_add(self.sent).saturating_add(tail)
    }

    /// The upload was completed: its parts are an object now.
    pub(super) fn note_folded(&mut self) {
        *self = Self {
            base: self.sent,
            has_own: true,
            tail: self.tail.clone(),
            old_tails: std::mem::take(&mut self.old_tails),
            ..Self::empty()
        };
    }

    /// The nonces of all tails that may be there.
    pub(super) fn tails(&self) -> Vec<u64> {
        let mut tails = self.old_tails.clone();
        if let Tail::Object { nonce, .. } = self.tail {
            tails.push(nonce);
        }
        tails
    }

    /// A line of JSON, and then the inline tail as it is.
    pub(super) fn to_token(&self, driver: &str, path: &DriverPath) -> ResumeToken {
        let (tail_bytes, object) = match &self.tail {
            Tail::Inline(bytes) => (bytes.as_ref(), Value::Null),
            Tail::Object { nonce, size, version } => {
                let version = version.as_ref().map(Version::as_str);
                (
                    &[][..],
                    json!({ "nonce": nonce, "size": size, "version": version }),
                )
            }
        };
        let head = json!({
            "form": FORM,
            "driver": driver,
            "path": path.as_str(),
            "upload": self.upload,
            "base": self.base,
            "parts": self.parts.to_json(),
            "sent": self.sent,
            "next": self.next_number,
            "ends_small": self.ends_small,
            "has_own": self.has_own,
            "object": object,
            "old_tails": self.old_tails,
            "folds": self.folds,
            "inline": tail_bytes.len(),
        });
        let mut token = BytesMut::from(head.to_string().as_bytes());
        token.extend_from_slice(b"\n");
        token.extend_from_slice(tail_bytes);
        ResumeToken::new(token.freeze())
    }

    /// `None` when the token is damaged, or is of another driver or path.
    pub(super) fn from_token(token: &ResumeToken, driver: &str, path: &DriverPath) -> Option<Self> {
        let bytes = token.as_bytes();
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Value = serde_json::from_slice(&bytes[..end]).ok()?;
        let tail = &bytes[end + 1..];
        let is_ours = head.get("form")?.as_u64()? == FORM
            && head.get("driver")?.as_str()? == driver
            && head.get("path")?.as_str()? == path.as_str()
            && head.get("inline")?.as_u64()? == tail.len() as u64;
        if !is_ours {
            return None;
        }
        let old_tails = head.get("old_tails")?.as_array()?;
        let state = Self {
            upload: head.get("upload")?.as_str().map(str::to_owned),
            base: head.get("base")?.as_u64()?,
            parts: Parts::from_json(head.get("parts")?)?,
            sent: head.get("sent")?.as_u64()?,
            next_number: u32::try_from(head.get("next")?.as_u64()?).ok()?,
            ends_small: head.get("ends_small")?.as_bool()?,
            has_own: head.get("has_own")?.as_bool()?,
            tail: match head.get("object")? {
                Value::Null => Tail::Inline(Bytes::copy_from_slice(tail)),
                object => Tail::Object {
                    nonce: object.get("nonce")?.as_u64()?,
                    size: object.get("size")?.as_u64()?,
                    version: object.get("version")?.as_str().map(Version::new),
                },
            },
            old_tails: old_tails.iter().map(Value::as_u64).collect::<Option<_>>()?,
            folds: head.get("folds").and_then(Value::as_bool).unwrap_or_default(),
        };
        let is_sound = (state.upload.is_some() || (state.parts.is_empty() && state.sent == 0))
            && state.next_number >= state.parts.end();
        is_sound.then_some(state)
    }
}

/// The bytes of a buffer in one piece that pins nothing else.
pub(super) fn copied(buffer: &Buffer) -> Bytes {
    let mut bytes = BytesMut::with_capacity(buffer.size() as usize);
    buffer.copy_to(&mut bytes);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    fn path(text: &str) -> DriverPath {
        DriverPath::parse(text).unwrap()
    }

    fn states() -> Vec<State> {
        let mut parts = Parts::default();
        for number in [1, 2] {
            let mark = format!("\"mark-{number}\"");
            parts.push(Part { number, mark });
        }
        let empty = State::empty();
        vec![
            empty.clone(),
            State {
                tail: Tail::Inline("line\nand \0 more".into()),
                ..empty.clone()
            },
            State {
                upload: Some("id".to_owned()),
                parts,
                sent: 10_000_000_000,
                next_number: 160,
                tail: Tail::Object {
                    nonce: u64::MAX,
                    size: 1 << 40,
                    version: Some(Version::new("\"v\"")),
                },
                old_tails: vec![1, 2],
                ends_small: true,
                folds: true,
                ..empty.clone()
            },
            State {
                base: 1 << 41,
                has_own: true,
                tail: Tail::Object {
                    nonce: 0,
                    size: 1,
                    version: None,
                },
                ..empty
            },
        ]
    }

    #[test]
    fn tokens_are_read_as_they_were_made() {
        for state in states() {
            let token = state.to_token("s3", &path("/a"));
            assert_eq!(State::from_token(&token, "s3", &path("/a")), Some(state));
        }
    }

    #[test]
    fn foreign_and_damaged_tokens_are_refused() {
        for state in states() {
            let token = state.to_token("s3", &path("/a"));
            assert_eq!(State::from_token(&token, "gcs", &path("/a")), None);
            assert_eq!(State::from_token(&token, "s3", &path("/b")), None);
            for end in 0..token.as_bytes().len() {
                let cut = ResumeToken::new(Bytes::copy_from_slice(&token.as_bytes()[..end]));
                assert_eq!(State::from_token(&cut, "s3", &path("/a")), None, "{end}");
            }
        }
    }
}
