//! What is known of an upload, and how one is put right that was left in between.

mod attempts;
mod rewind;

use std::fmt;

use hythe_driver::ErrorKind;

use crate::error::{Failure, Result};
use crate::resource::Resource;

pub(crate) use self::attempts::{Attempt, Attempts};
pub(crate) use self::rewind::rewind;

/// What an upload goes by: its session, and the checksum of all that was sent to it.
///
/// A session cannot be taken back to an earlier offset. What a writer that died sent after its last token stays, and
/// what the next one sends at the same place is passed over. The checksum tells whether it was the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// `None` for one that distribution began.
    pub(crate) checksum: Option<u32>,
    /// The address of the session; `None` once the object is there.
    pub(crate) address: Option<String>,
}

impl Upload {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (checksum, address) = match text.split_once(' ') {
            Some((checksum, address)) => (checksum, Some(address.to_owned())),
            None => (text, None),
        };
        let checksum = match checksum {
            "-" => None,
            checksum => Some(u32::from_str_radix(checksum, 16).map_err(|_| ErrorKind::InvalidToken)?),
        };
        Ok(Self { checksum, address })
    }

    /// Whether an object is what was sent.
    pub(crate) fn is_of(&self, found: &Resource, size: u64) -> bool {
        found.size() == size
            && !found.is_session()
            && (self.checksum.is_none() || found.crc32c() == self.checksum)
    }
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.checksum {
            Some(checksum) => write!(f, "{checksum:08x}")?,
            None => f.write_str("-")?,
        }
        match &self.address {
            Some(address) => write!(f, " {address}"),
            None => Ok(()),
        }
    }
}

/// Two writers sent to one session.
pub(crate) fn mixed() -> Failure {
    let cause = "the session has other bytes than this writer sent: another one sent to it";
    Failure::because(ErrorKind::InvalidToken, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_read_as_they_were_written() {
        let address = || Some("https://host/upload?name=a b&upload_id=x".to_owned());
        for (checksum, address) in [
            (Some(0), address()),
            (Some(u32::MAX), None),
            (None, address()),
            (None, None),
        ] {
            let upload = Upload { checksum, address };
            assert_eq!(Upload::parse(&upload.to_string()).unwrap(), upload);
        }
        assert_eq!(
            Upload::parse("nonsense x").unwrap_err().kind(),
            ErrorKind::InvalidToken
        );
    }
}
