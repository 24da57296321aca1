use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::buffer::Buffer;
use crate::{DriverPath, ResumeToken, Version};

/// Tokens of another form are refused, not guessed at.
const FORM: u64 = 1;

/// A part that the backend has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, counted from 1.
    pub number: u32,
    /// Its bytes.
    pub size: u64,
    /// The mark that the backend gave it (S3: the ETag).
    pub mark: String,
}

/// Where the bytes are that are in no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tail {
    /// In the token.
    Inline(Bytes),
    /// In an object of that size and version beside the writer's path.
    Object { size: u64, version: Option<Version> },
}

/// What a token holds: all that is known of a suspended upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) upload: Option<String>,
    pub(super) parts: Vec<Part>,
    pub(super) tail: Tail,
    /// Whether there is such an object, the current tail or an older one.
    pub(super) has_object: bool,
}

impl State {
    /// A line of JSON, and then the inline tail as it is.
    pub(super) fn to_token(&self, driver: &str, path: &DriverPath) -> ResumeToken {
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| json!([part.size, part.mark]))
            .collect();
        let (tail_bytes, object) = match &self.tail {
            Tail::Inline(bytes) => (bytes.as_ref(), Value::Null),
            Tail::Object { size, version } => {
                let version = version.as_ref().map(Version::as_str);
                (&[][..], json!({ "size": size, "version": version }))
            }
        };
        let head = json!({
            "form": FORM,
            "driver": driver,
            "path": path.as_str(),
            "upload": self.upload,
            "parts": parts,
            "object": object,
            "has_object": self.has_object,
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
        let parts = head.get("parts")?.as_array()?;
        let parts = (1..).zip(parts).map(|(number, part)| {
            Some(Part {
                number,
                size: part.get(0)?.as_u64()?,
                mark: part.get(1)?.as_str()?.to_owned(),
            })
        });
        let state = Self {
            upload: head.get("upload")?.as_str().map(str::to_owned),
            parts: parts.collect::<Option<_>>()?,
            tail: match head.get("object")? {
                Value::Null => Tail::Inline(Bytes::copy_from_slice(tail)),
                object => Tail::Object {
                    size: object.get("size")?.as_u64()?,
                    version: object.get("version")?.as_str().map(Version::new),
                },
            },
            has_object: head.get("has_object")?.as_bool()?,
        };
        (state.upload.is_some() || state.parts.is_empty()).then_some(state)
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
    use super::*;

    fn path(text: &str) -> DriverPath {
        DriverPath::parse(text).unwrap()
    }

    fn states() -> Vec<State> {
        let part = |number: u32| Part {
            number,
            size: 5_000_000_000,
            mark: format!("\"mark-{number}\""),
        };
        let empty = State {
            upload: None,
            parts: Vec::new(),
            tail: Tail::Inline(Bytes::new()),
            has_object: false,
        };
        vec![
            empty.clone(),
            State {
                tail: Tail::Inline("line\nand \0 more".into()),
                ..empty.clone()
            },
            State {
                upload: Some("id".to_owned()),
                parts: vec![part(1), part(2)],
                tail: Tail::Object {
                    size: 1 << 40,
                    version: Some(Version::new("\"v\"")),
                },
                has_object: true,
            },
            State {
                tail: Tail::Object {
                    size: 1,
                    version: None,
                },
                has_object: true,
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
