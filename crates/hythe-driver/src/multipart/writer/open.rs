use std::sync::Arc;

use bytes::Bytes;

use super::{Kept, MultipartFileWriter, tail_path};
use crate::multipart::MultipartBackend;
use crate::multipart::buffer::Buffer;
use crate::multipart::flight::Flight;
use crate::multipart::nonce;
use crate::multipart::state::{State, Tail};
use crate::{DriverPath, Error, ErrorKind, FileWriter, Result, ResumeToken, WriterMode};

impl MultipartFileWriter {
    /// Opens an upload: without a call, or with one when the token refers to an object.
    ///
    /// [`WriterMode::Append`] looks for what distribution v3 left at the path: an unfinished upload
    /// ([`MultipartBackend::find_upload`]), else an object, which it makes now and then on its way.
    pub async fn open(
        backend: Arc<dyn MultipartBackend>,
        path: &DriverPath,
        mode: WriterMode,
    ) -> Result<Self> {
        let failed = |kind| Error::new(backend.name(), "writer", kind).at(path);
        match mode {
            _ if path.is_root() => Err(failed(ErrorKind::InvalidPath)),
            WriterMode::Create => Ok(Self::at(backend, path, State::empty(), Bytes::new())),
            WriterMode::Append => Self::find(backend, path).await,
            WriterMode::Resume(token) => {
                let state = State::from_token(&token, backend.name(), path);
                let mut state = state.ok_or_else(|| failed(ErrorKind::InvalidToken))?;
                if state.folds {
                    find_folded(&*backend, path, &mut state).await?;
                }
                let tail = stored_tail(&*backend, path, &state).await?;
                let mut writer = Self::at(backend, path, state, tail);
                writer.keep(token);
                Ok(writer)
            }
        }
    }

    fn at(backend: Arc<dyn MultipartBackend>, path: &DriverPath, state: State, tail: Bytes) -> Self {
        Self {
            limits: backend.part_limits(),
            backend,
            path: path.clone(),
            nonce: nonce::fresh(),
            is_own_upload: false,
            base: state.base,
            tails: state.tails(),
            upload: state.upload,
            parts: state.parts,
            sent: state.sent,
            next_number: state.next_number,
            ends_small: state.ends_small,
            has_own: state.has_own,
            flight: Flight::default(),
            undo_from: None,
            buffer: Buffer::from(tail),
            kept: None,
        }
    }

    fn keep(&mut self, token: ResumeToken) {
        self.kept = Some(Kept {
            size: self.size(),
            token,
            is_claim: false,
            folds: None,
        });
    }

    async fn find(backend: Arc<dyn MultipartBackend>, path: &DriverPath) -> Result<Self> {
        let mut state = State::empty();
        let mut tail = Bytes::new();
        if let Some(found) = backend.find_upload(path).await? {
            state.upload = found.upload;
            state.sent = found.size;
            state.has_own = found.has_marker;
            for part in found.parts {
                state.parts.push(part);
            }
            state.next_number = state.parts.end();
            let minimum = backend.part_limits().minimum_bytes;
            state.ends_small = found.last_part_size > 0 && found.last_part_size < minimum;
            tail = found.tail;
        }
        if state.sent == 0 && tail.is_empty() && !state.has_own {
            match backend.object_size(path).await {
                Ok(size) => {
                    state.base = size;
                    state.has_own = true;
                }
                // Begun, and nothing more.
                Err(error) if error.is_not_found() && state.upload.is_some() => {}
                Err(error) => return Err(error.during("writer")),
            }
        }
        state.tail = Tail::Inline(tail.clone());
        let token = state.to_token(backend.name(), path);
        let mut writer = Self::at(backend, path, state, tail);
        writer.keep(token);
        Ok(writer)
    }
}

/// A writer that was about to fold the upload may have done so, and not have lived to tell.
async fn find_folded(backend: &dyn MultipartBackend, path: &DriverPath, state: &mut State) -> Result<()> {
    match backend.object_size(path).await {
        Ok(size) if size == state.sent => state.note_folded(),
        Ok(_) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.during("writer")),
    }
    Ok(())
}

/// The bytes that are in no part.
async fn stored_tail(backend: &dyn MultipartBackend, path: &DriverPath, state: &State) -> Result<Bytes> {
    let (nonce, size, version) = match &state.tail {
        Tail::Inline(bytes) => return Ok(bytes.clone()),
        Tail::Object { nonce, size, version } => (*nonce, *size, version),
    };
    let invalid = || Error::new(backend.name(), "writer", ErrorKind::InvalidToken).at(path);
    let fetched = backend
        .get_object(&tail_path(backend.name(), path, nonce)?, size)
        .await;
    let (tail, found) = fetched.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::TooLarge => invalid(),
        _ => error,
    })?;
    if tail.len() as u64 != size || found != *version {
        return Err(invalid());
    }
    Ok(tail)
}
