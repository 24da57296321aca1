//! Comparing what was received with a digest; reading it again where its hash is not known.

use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{Error, Result};
use hythe_driver::{CommitOptions, FileWriter};

use crate::error::DriverResultExt;

use super::hash_state;
use super::open::open_to_append;
use super::record::Record;
use super::session::{Recording, Session};
use super::take::{give_back, take};
use super::writer::{Data, Upload, ended, keep_in_place};

/// Compares what was received with the digest; reads it again where the hash is not known.
pub(super) async fn verify(upload: Upload, expected: &Digest) -> Result<Upload> {
    let mismatch = || Error::DigestMismatch { expected: *expected };
    let algorithm = expected.algorithm();
    match upload.hashers.digest(algorithm, upload.data.size()) {
        Some(actual) if actual == *expected => return Ok(upload),
        Some(_) => {
            upload.keep().await?;
            return Err(mismatch());
        }
        None if matches!(upload.data, Data::Gone { .. }) => return Err(upload.session.unknown()),
        None => {}
    }
    let (upload, actual) = if upload.session.core.driver.capabilities().append {
        read_in_place(upload, algorithm).await?
    } else {
        seal_and_read(upload, algorithm).await?
    };
    if actual == *expected {
        Ok(upload)
    } else {
        // Everything was kept before it was read.
        Err(mismatch())
    }
}

/// Keeps the bytes, takes hold of them again, and reads them where they are.
async fn read_in_place(upload: Upload, algorithm: Algorithm) -> Result<(Upload, Digest)> {
    let Upload {
        session,
        data,
        hashers,
        is_changed,
        ..
    } = upload;
    let Data::Open(writer) = data else {
        return Err(session.unknown());
    };
    keep_in_place(&session, writer, &hashers, is_changed).await?;
    let writer = open_to_append(&session).await?;
    let actual = hash_state::digest_of_stored(&session, algorithm, writer.size()).await?;
    let upload = Upload {
        kept: (writer.size(), hashers.clone()),
        session,
        data: Data::Open(writer),
        hashers,
        hashing: None,
        is_changed: false,
        is_new: false,
        is_claimed: false,
    };
    Ok((upload, actual))
}

/// On a backend whose unfinished uploads cannot be read: finishes the upload under its own path, records that,
/// and reads the file. Anybody may close it then.
async fn seal_and_read(upload: Upload, algorithm: Algorithm) -> Result<(Upload, Digest)> {
    let upload = match upload.data {
        Data::Open(_) => take(upload).await?,
        _ => upload,
    };
    let Upload {
        mut session,
        data,
        hashers,
        ..
    } = upload;
    let mut size = data.size();
    if let Data::Open(writer) = data {
        size = match seal(&session, writer).await {
            Ok(size) => size,
            Err(error) => {
                give_back(&mut session, size, &hashers, false).await;
                return Err(error);
            }
        };
        let mut record = Record::new(&session, size, None, &hashers)?;
        record.sealed = true;
        if let Recording::Taken { by, .. } = session.record(&record).await? {
            return Err(by);
        }
    }
    let actual = hash_state::digest_of_stored(&session, algorithm, size).await?;
    let upload = Upload {
        kept: (size, hashers.clone()),
        session,
        data: Data::Sealed { size },
        hashers,
        hashing: None,
        is_changed: false,
        is_new: false,
        is_claimed: false,
    };
    Ok((upload, actual))
}

/// Makes an upload a file at its own path; how many bytes that has.
async fn seal(session: &Session, writer: Box<dyn FileWriter>) -> Result<u64> {
    let finished = writer.commit(CommitOptions::default()).await;
    finished.map_err(|error| ended(session, error))?;
    // The writer may have been abandoned amid a write, and not know.
    let info = session.core.driver.stat(&session.data()).await;
    Ok(info.or_unknown(|| session.unknown())?.size())
}
