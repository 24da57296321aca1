use std::fmt;

use uuid::Uuid;

/// The name of an upload session: a UUID in its canonical lower-case form, of any version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(Uuid);

/// A text that names no upload session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical UUID")]
pub struct UploadIdError;

impl UploadId {
    /// The session of this UUID.
    pub fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Reads the canonical form; every other spelling is refused, so that one session has one name.
    pub fn parse(text: &str) -> Result<Self, UploadIdError> {
        let uuid = Uuid::try_parse(text).map_err(|_| UploadIdError)?;
        let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        if canonical {
            Ok(Self(uuid))
        } else {
            Err(UploadIdError)
        }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_a_session() {
        let canonical = "0192f0c1-7b3a-7c4d-8e5f-0123456789ab";
        assert_eq!(UploadId::parse(canonical).unwrap().to_string(), canonical);
        for other in [
            "",
            "0192F0C1-7B3A-7C4D-8E5F-0123456789AB",
            "0192f0c17b3a7c4d8e5f0123456789ab",
            "{0192f0c1-7b3a-7c4d-8e5f-0123456789ab}",
            "urn:uuid:0192f0c1-7b3a-7c4d-8e5f-0123456789ab",
            "../../etc",
        ] {
            assert_eq!(UploadId::parse(other), Err(UploadIdError), "{other}");
        }
    }
}
