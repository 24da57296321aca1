//! Taking a session, so that nobody else ends it, and giving it back.

use hythe_distribution::Result;

use super::hash_state::Hashers;
use super::record::Record;
use super::session::{Recording, Session};
use super::writer::{Data, Upload, ended, keep_recorded};

/// Where nothing locks an upload, a record of everything received says who closes it: nobody else can record anything
/// or close it from then on, and all bytes are there should the commit fail. Of a session that this writer began
/// nobody else knows.
pub(super) async fn take(upload: Upload) -> Result<Upload> {
    if upload.session.core.driver.capabilities().append || upload.is_new {
        return Ok(upload);
    }
    let Upload {
        mut session,
        data,
        hashers,
        is_changed,
        ..
    } = upload;
    let clock = session.core.options.clock.clone();
    let data = match data {
        Data::Open(writer) if is_changed => {
            let closing = |record: Record| record.closing(&*clock);
            let mode = keep_recorded(&mut session, writer, &hashers, closing).await?;
            let reopened = session.core.driver.writer(&session.data(), mode).await;
            Data::Open(reopened.map_err(|error| ended(&session, error))?)
        }
        data => {
            let is_sealed = matches!(data, Data::Sealed { .. });
            let record = record_of(&session, data.size(), &hashers, is_sealed)?;
            if let Recording::Taken { by, .. } = session.record(&record.closing(&*clock)).await? {
                return Err(by);
            }
            data
        }
    };
    Ok(Upload::of_kept(session, data, hashers))
}

/// A record of what is kept already.
fn record_of(session: &Session, size: u64, hashers: &Hashers, is_sealed: bool) -> Result<Record> {
    let mut record = Record::new(session, size, session.token.as_ref(), hashers)?;
    record.sealed = is_sealed;
    Ok(record)
}

/// Lets others, and the same client, close a session that could not be closed.
pub(super) async fn give_back(session: &mut Session, size: u64, hashers: &Hashers, is_sealed: bool) {
    if session.core.driver.capabilities().append {
        return;
    }
    let recorded = match record_of(session, size, hashers, is_sealed) {
        Ok(record) => session.record(&record).await.map(|_| ()),
        Err(error) => Err(error),
    };
    if let Err(error) = recorded {
        tracing::warn!(%error, upload = %session.id, "nobody can close this upload for ten minutes");
    }
}
