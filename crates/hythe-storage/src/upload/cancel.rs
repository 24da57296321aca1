//! Giving an upload up.

use hythe_distribution::{Error, Result, ResumeOptions};

use crate::error::DriverResultExt;

use super::open::resume;
use super::record::Record;
use super::session::Recording;
use super::writer::{Data, Upload, note_abandoned};

/// So often somebody may write between our reading and our claim before he is let win.
const MAX_TRIES: usize = 8;

/// Removes an upload with everything that was received.
///
/// * Where nothing locks an upload, a record says first that it is cancelled. From then on nobody else can record
///   anything, so a request that still sends to it, on whatever machine, does not bring it back.
/// * Of one that closes an upload and one that cancels it, one wins; for the other it is unknown.
/// * Dropped or failing after that, it leaves what the purge removes.
pub(super) async fn cancel(upload: Upload) -> Result<()> {
    if upload.session.core.driver.capabilities().append {
        return remove(upload).await;
    }
    let mut upload = upload;
    for _ in 0..MAX_TRIES {
        let (size, hashers) = &upload.kept;
        let record = Record::new(&upload.session, *size, upload.session.token.as_ref(), hashers)?;
        let (by, token) = match upload.session.record(&record.cancelled()).await? {
            Recording::Kept => return remove(upload).await,
            Recording::Taken { by, token } => (by, token),
        };
        if let (Data::Open(writer), true) = (upload.data, upload.is_changed) {
            note_abandoned(writer.abandon(token).await);
        }
        let Error::UploadOffset { .. } = by else {
            return Err(by);
        };
        // Somebody wrote meanwhile; what he wrote is to be cancelled.
        let session = upload.session;
        upload = resume(
            &session.core,
            &session.repository,
            &session.id,
            ResumeOptions::default(),
        )
        .await?;
    }
    let (id, size) = (upload.session.id, upload.data.size());
    Err(Error::UploadOffset { id, size })
}

async fn remove(upload: Upload) -> Result<()> {
    let Upload { session, data, .. } = upload;
    let is_all_known = match data {
        Data::Open(writer) => {
            writer.cancel().await.or_failed()?;
            true
        }
        Data::NotBegun => true,
        Data::Sealed { .. } | Data::Gone { .. } => false,
    };
    if !is_all_known || session.core.driver.capabilities().append || session.is_foreign {
        session.remove_all().await
    } else {
        session.remove_record().await
    }
}
