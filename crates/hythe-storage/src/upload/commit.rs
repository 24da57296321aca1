//! Ending an upload: verify, store, link, clean up.

use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{Error, Result};
use hythe_driver::{CommitOptions, ErrorKind, FileWriter, PutMode};
use hythe_manifest::Descriptor;

use crate::blob_store;
use crate::error::{DriverResultExt, failed};
use crate::gate::{self, Purpose};
use crate::links::{self, Link};
use crate::statters::Statters;

use super::hash_state;
use super::open::open_to_append;
use super::session::{Record, Recording, Session};
use super::writer::{Data, Upload, ended, keep_in_place, keep_recorded};

/// Ends an upload with the blob `digest`.
///
/// * A wrong digest leaves the session with all its bytes.
/// * Of two commits of one session one wins; for the other it is unknown.
/// * Dropped or failing before the content is stored, it leaves the session. Between content and link, it leaves
///   a session without bytes that can be committed again by the same digest, provided that its hashes were kept.
///   After the link, a session that will be purged.
pub(super) async fn commit(upload: Upload, digest: &Digest) -> Result<Descriptor> {
    let core = upload.session.core.clone();
    let Some(_closing) = core.closing.begin(upload.session.id) else {
        return Err(upload.session.unknown());
    };
    let upload = hold(verify(upload.settled().await, digest).await?).await?;
    let upload = keep_hashes(upload).await?;
    let session = upload.session;
    let stored = Descriptor::new(None, *digest, upload.data.size());

    let statters = Statters::new(&core, &session.repository);
    let ticket = statters.ticket(digest);
    let leftover = store(&session, upload.data, &stored).await?;
    links::make(&core, &session.repository, &Link::Layer(*digest), digest).await?;
    if let Err(error) = clean_up(&session, leftover).await {
        // The blob is stored and linked, which is what was asked for. The purge finds what is left.
        tracing::warn!(%error, upload = %session.id, "remains of a finished upload were not removed");
    }
    statters.remember(digest, &stored, ticket).await;
    core.mount_candidates.note(digest, &session.repository);
    Ok(stored)
}

/// What is left of an upload whose content is a blob now.
enum Leftover {
    /// Our own keys.
    Known,
    /// Whatever is in its directory.
    Anything,
    /// Its bytes, held by a writer: the same were stored before.
    Bytes(Box<dyn FileWriter>),
}

/// Compares what was received with the digest; reads it again where the hash is not known.
async fn verify(upload: Upload, expected: &Digest) -> Result<Upload> {
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
        seal_and_read(hold(upload).await?, algorithm).await?
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
    };
    Ok((upload, actual))
}

/// On a backend whose unfinished uploads cannot be read: finishes the upload under its own path, records that,
/// and reads the file.
async fn seal_and_read(upload: Upload, algorithm: Algorithm) -> Result<(Upload, Digest)> {
    let Upload {
        mut session,
        data,
        hashers,
        ..
    } = upload;
    let mut size = data.size();
    if let Data::Open(writer) = data {
        let finished = writer.commit(CommitOptions::default()).await;
        finished.map_err(|error| ended(&session, error))?;
        // The writer may have been abandoned amid a write, and not know.
        let info = session.core.driver.stat(&session.data()).await;
        size = info.or_unknown(|| session.unknown())?.size();
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
    };
    Ok((upload, actual))
}

/// Where nothing locks an upload, a record of everything received makes sure that nobody else ends it with other
/// bytes, and that all of them are there should the commit fail. A writer that received nothing is covered by
/// the record it was opened from, and one that began the session by nobody knowing of it.
async fn hold(upload: Upload) -> Result<Upload> {
    let is_covered = upload.session.core.driver.capabilities().append || upload.is_new || !upload.is_changed;
    if is_covered {
        return Ok(upload);
    }
    let Upload {
        mut session,
        data,
        hashers,
        ..
    } = upload;
    let data = match data {
        Data::Open(writer) => {
            let mode = keep_recorded(&mut session, writer, &hashers).await?;
            let reopened = session.core.driver.writer(&session.data(), mode).await;
            Data::Open(reopened.map_err(|error| ended(&session, error))?)
        }
        other => other,
    };
    Ok(Upload {
        kept: (data.size(), hashers.clone()),
        session,
        data,
        hashers,
        hashing: None,
        is_changed: false,
        is_new: false,
    })
}

/// Where the bytes leave the session for good, its hashes are kept before: they are what a client commits again by
/// when the link cannot be made. If there is no room even for them there is none for the link, and the session stays
/// with all its bytes.
async fn keep_hashes(upload: Upload) -> Result<Upload> {
    let session = &upload.session;
    if !upload.is_changed || !session.core.driver.capabilities().append {
        return Ok(upload);
    }
    let (hashers, size) = (&upload.hashers, upload.data.size());
    let kept = hash_state::try_save(&session.core, &session.repository, &session.id, hashers, size).await;
    if let Err(error) = kept {
        upload.keep().await?;
        return Err(failed(error));
    }
    Ok(upload)
}

/// Makes verified bytes the blob `wanted`, unless the gate lets what is stored be used again.
async fn store(session: &Session, data: Data, wanted: &Descriptor) -> Result<Leftover> {
    let core = &session.core;
    let destination = core.layout.blob_data(&wanted.digest);
    let appends = core.driver.capabilities().append;
    let own_keys = if appends || session.is_foreign {
        Leftover::Anything
    } else {
        Leftover::Known
    };
    match data {
        Data::NotBegun => {
            if !session.is_there().await? {
                return Err(session.unknown());
            }
            blob_store::put(core, &wanted.digest, bytes::Bytes::new()).await?;
            Ok(own_keys)
        }
        Data::Sealed { .. } => {
            let stored = gate::claim(core, &wanted.digest, Purpose::Reuse).await?;
            if stored != Some(wanted.size) {
                let moved = core.driver.rename(&session.data(), &destination).await;
                moved.or_unknown(|| session.unknown())?;
            }
            Ok(own_keys)
        }
        Data::Gone { .. } => {
            // Whoever committed it may have come to the end since it was opened here.
            if !session.is_there().await? {
                return Err(session.unknown());
            }
            let stored = gate::claim(core, &wanted.digest, Purpose::Reuse).await?;
            if stored == Some(wanted.size) {
                Ok(Leftover::Anything)
            } else {
                Err(session.unknown())
            }
        }
        // Looking is cheap where files are appended to, and syncing a file only to drop it is not.
        Data::Open(writer) if appends => {
            let stored = gate::claim(core, &wanted.digest, Purpose::Reuse).await?;
            if stored == Some(wanted.size) {
                return Ok(Leftover::Bytes(writer));
            }
            // Content of the right digest but the wrong size is damaged.
            let mode = stored.map_or(PutMode::Create, |_| PutMode::Overwrite);
            complete(session, writer, wanted, mode).await?;
            Ok(own_keys)
        }
        Data::Open(writer) => {
            let is_new = complete(session, writer, wanted, PutMode::Create).await?;
            Ok(if is_new { own_keys } else { Leftover::Anything })
        }
    }
}

/// Tells the driver that the upload is complete; whether it made the blob, or somebody else had.
async fn complete(
    session: &Session,
    writer: Box<dyn FileWriter>,
    wanted: &Descriptor,
    mode: PutMode,
) -> Result<bool> {
    let core = &session.core;
    let options = CommitOptions {
        destination: Some(core.layout.blob_data(&wanted.digest)),
        mode,
    };
    match writer.commit(options).await {
        Ok(()) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) if error.kind() == ErrorKind::Busy => {
            return Err(Error::UploadOffset {
                id: session.id,
                size: wanted.size,
            });
        }
        Err(error) => return Err(ended(session, error)),
    }
    if gate::claim(core, &wanted.digest, Purpose::Reuse).await? != Some(wanted.size) {
        return Err(Error::Damaged {
            what: format!("the content of {}, which has another size", wanted.digest),
        });
    }
    // Maybe it was this very upload, committed by another process.
    if session.is_there().await? {
        Ok(false)
    } else {
        Err(session.unknown())
    }
}

async fn clean_up(session: &Session, leftover: Leftover) -> Result<()> {
    match leftover {
        Leftover::Known => session.remove_known().await,
        Leftover::Anything => session.remove_all().await,
        Leftover::Bytes(writer) => {
            writer.cancel().await.map_err(failed)?;
            session.remove_all().await
        }
    }
}
