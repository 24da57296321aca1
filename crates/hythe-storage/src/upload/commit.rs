//! Ending an upload: verify, store, link, clean up.

use hythe_digest::Digest;
use hythe_distribution::{Error, Result};
use hythe_driver::{CommitOptions, ErrorKind, FileWriter, PutMode};
use hythe_manifest::Descriptor;

use crate::blob_store;
use crate::error::{DriverResultExt, failed};
use crate::gate::{self, Purpose};
use crate::links::{self, Link};
use crate::statters::Statters;

use super::hash_state;
use super::session::Session;
use super::take::{give_back, take};
use super::verify::verify;
use super::writer::{Data, Upload, ended};

/// Ends an upload with the blob `digest`.
///
/// * A wrong digest leaves the session with all its bytes.
/// * Of two commits of one session one wins; for the other it is unknown.
/// * Failing before the content is stored, it leaves the session. Between content and link, it leaves a session without
///   bytes that can be committed again by the same digest, provided that its hashes were kept. After the link, a
///   session that will be purged.
/// * Dropped, it leaves the same. Where nothing locks an upload, nobody else can close it then for ten minutes, because
///   nothing tells that this one does not do it any more.
pub(super) async fn commit(upload: Upload, digest: &Digest) -> Result<Descriptor> {
    let core = upload.session.core.clone();
    let Some(_closing) = core.closing.begin(upload.session.id) else {
        return Err(upload.session.unknown());
    };
    let upload = take(verify(upload.settled().await, digest).await?).await?;
    let upload = keep_hashes(upload).await?;
    let mut session = upload.session;
    let stored = Descriptor::new(None, *digest, upload.data.size());

    let statters = Statters::new(&core, &session.repository);
    let ticket = statters.ticket(digest);
    let is_sealed = matches!(upload.data, Data::Sealed { .. });
    let leftover = match store_and_link(&session, upload.data, &stored).await {
        Ok(leftover) => leftover,
        Err(error) => {
            give_back(&mut session, stored.size, &upload.hashers, is_sealed).await;
            return Err(error);
        }
    };
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

async fn store_and_link(session: &Session, data: Data, wanted: &Descriptor) -> Result<Leftover> {
    let leftover = store(session, data, wanted).await?;
    let link = Link::Layer(wanted.digest);
    links::make(&session.core, &session.repository, &link, &wanted.digest).await?;
    Ok(leftover)
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
            blob_store::put(core, &wanted.digest, bytes::Bytes::new()).await?;
            Ok(own_keys)
        }
        Data::Sealed { .. } => {
            let stored = gate::claim(core, &wanted.digest, Purpose::Reuse).await?;
            if stored != Some(wanted.size) {
                let moved = core.driver.rename(&session.data(), &destination).await;
                moved.or_unknown(|| session.unknown())?;
            }
            Ok(Leftover::Anything)
        }
        Data::Gone { .. } => {
            // Whoever committed it may have come to the end since it was opened here.
            if appends && !session.is_there().await? {
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
    if core.driver.capabilities().append && !session.is_there().await? {
        return Err(session.unknown());
    }
    Ok(false)
}

async fn clean_up(session: &Session, leftover: Leftover) -> Result<()> {
    match leftover {
        Leftover::Known => session.remove_record().await,
        Leftover::Anything => session.remove_all().await,
        Leftover::Bytes(writer) => {
            writer.cancel().await.map_err(failed)?;
            session.remove_all().await
        }
    }
}
