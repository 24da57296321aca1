use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::buffer::Buffer;
use super::state::{Part, State, Tail, copied};
use super::{INLINE_TAIL_BYTES, MultipartBackend};
use crate::{
    CommitOptions, DriverPath, Error, ErrorKind, FileWriter, PutMode, Result, ResumeToken, WriterMode,
};

/// Writes an upload of an object store: in memory as long as it is too small for a part, then part by part.
///
/// There is no lock: whoever keeps the tokens must see to it that a path has one writer. Parts that a writer sent
/// and that its token does not name are replaced or left out.
#[derive(Debug)]
pub struct MultipartFileWriter {
    backend: Arc<dyn MultipartBackend>,
    path: DriverPath,
    upload: Option<String>,
    parts: Vec<Part>,
    buffer: Buffer,
    has_object: bool,
    /// The token this writer was opened with, and how many bytes it stands for.
    resumed: Option<(ResumeToken, u64)>,
}

impl MultipartFileWriter {
    /// Opens an upload: without a call, or with one when the token refers to an object.
    ///
    /// [`WriterMode::Append`] is [`ErrorKind::Unsupported`]: a driver that can find an upload by its path brings
    /// that itself.
    pub async fn open(
        backend: Arc<dyn MultipartBackend>,
        path: &DriverPath,
        mode: WriterMode,
    ) -> Result<Self> {
        let failed = |kind| Error::new(backend.name(), "writer", kind).at(path);
        match mode {
            _ if path.is_root() => Err(failed(ErrorKind::InvalidPath)),
            WriterMode::Append => Err(failed(ErrorKind::Unsupported)),
            WriterMode::Create => Ok(Self {
                backend,
                path: path.clone(),
                upload: None,
                parts: Vec::new(),
                buffer: Buffer::default(),
                has_object: false,
                resumed: None,
            }),
            WriterMode::Resume(token) => {
                let state = State::from_token(&token, backend.name(), path);
                let state = state.ok_or_else(|| failed(ErrorKind::InvalidToken))?;
                let buffer = match &state.tail {
                    Tail::Inline(bytes) => Buffer::from(bytes.clone()),
                    Tail::Object { size, version } => {
                        let fetched = backend.get_object(&tail_path(backend.name(), path)?, *size).await;
                        let (tail, found) = fetched.map_err(|error| match error.kind() {
                            ErrorKind::NotFound | ErrorKind::TooLarge => failed(ErrorKind::InvalidToken),
                            _ => error,
                        })?;
                        if tail.len() as u64 != *size || found != *version {
                            return Err(failed(ErrorKind::InvalidToken));
                        }
                        Buffer::from(tail)
                    }
                };
                let mut writer = Self {
                    backend,
                    path: path.clone(),
                    upload: state.upload,
                    parts: state.parts,
                    buffer,
                    has_object: state.has_object,
                    resumed: None,
                };
                writer.resumed = Some((token, writer.size()));
                Ok(writer)
            }
        }
    }

    fn is_as_resumed(&self) -> bool {
        self.resumed
            .as_ref()
            .is_some_and(|(_, size)| *size == self.size())
    }

    async fn upload_id(&mut self) -> Result<String> {
        if let Some(upload) = &self.upload {
            return Ok(upload.clone());
        }
        let upload = self.backend.create_upload(&self.path).await?;
        self.upload = Some(upload.clone());
        Ok(upload)
    }

    /// Sends the first bytes of the buffer as the next part. What is in the buffer leaves it only once it is sent.
    async fn send_part(&mut self, size: u64) -> Result<()> {
        let upload = self.upload_id().await?;
        let number = self.parts.len() as u32 + 1;
        if number > self.backend.part_limits().maximum_parts {
            let error = Error::new(self.backend.name(), "write", ErrorKind::TooLarge).at(&self.path);
            return Err(error.because("the backend allows no more parts"));
        }
        let content = self.buffer.first(size);
        let mark = self
            .backend
            .put_part(&self.path, &upload, number, content)
            .await?;
        self.parts.push(Part { number, size, mark });
        self.buffer.remove_first(size);
        Ok(())
    }

    async fn send_full_parts(&mut self) -> Result<()> {
        loop {
            let number = self.parts.len() as u32 + 1;
            let size = self.backend.part_limits().part_bytes(number);
            if self.buffer.size() < size {
                return Ok(());
            }
            self.send_part(size).await?;
        }
    }

    /// Makes the parts an object at the writer's path.
    async fn complete(&mut self, upload: &str) -> Result<()> {
        if self.buffer.size() > 0 {
            self.send_part(self.buffer.size()).await?;
        }
        self.backend
            .complete_upload(&self.path, upload, &self.parts)
            .await
    }

    /// Whether an earlier commit completed the upload and failed after that. Only if neither it nor this writer
    /// added anything to what was suspended is that object the one wanted.
    async fn was_completed(&self) -> bool {
        self.is_as_resumed()
            && self
                .backend
                .object_size(&self.path)
                .await
                .is_ok_and(|size| size == self.size())
    }

    async fn commit_parts(&mut self, upload: &str, destination: &DriverPath, mode: &PutMode) -> Result<()> {
        if *destination == self.path {
            self.complete(upload).await?;
            self.delete_leftovers(false).await;
            return Ok(());
        }
        if *mode == PutMode::Create {
            // Asked before completing, so that the upload stays as it is.
            match self.backend.object_size(destination).await {
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
                Ok(_) => return Err(self.failed(ErrorKind::AlreadyExists, destination)),
            }
        }
        match self.complete(upload).await {
            Err(error) if error.kind() == ErrorKind::InvalidToken && self.was_completed().await => {}
            result => result?,
        }
        self.backend
            .copy_object(&self.path, destination, self.size(), mode)
            .await?;
        self.delete_leftovers(true).await;
        Ok(())
    }

    /// Removes the tail, and what is at the writer's own path if its content is elsewhere. The commit has succeeded
    /// by then; what could not be deleted goes with the upload's directory.
    async fn delete_leftovers(&self, has_own: bool) {
        let _ = self.try_delete_leftovers(has_own).await;
    }

    async fn try_delete_leftovers(&self, has_own: bool) -> Result<()> {
        let mut leftovers = Vec::new();
        if has_own {
            leftovers.push(self.path.clone());
        }
        if self.has_object {
            leftovers.push(tail_path(self.backend.name(), &self.path)?);
        }
        if leftovers.is_empty() {
            return Ok(());
        }
        self.backend.delete_objects(&leftovers).await
    }

    fn failed(&self, kind: ErrorKind, path: &DriverPath) -> Error {
        Error::new(self.backend.name(), "commit", kind).at(path)
    }
}

/// Where bytes are kept that are too many for a token and too few for a part.
fn tail_path(driver: &'static str, path: &DriverPath) -> Result<DriverPath> {
    DriverPath::parse(&format!("{path}.tail")).map_err(|error| {
        Error::new(driver, "writer", ErrorKind::InvalidPath)
            .at(path)
            .because(error)
    })
}

#[async_trait]
impl FileWriter for MultipartFileWriter {
    fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum::<u64>() + self.buffer.size()
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let (buffer, parts) = (self.buffer.clone(), self.parts.len());
        self.buffer.append(batch);
        let sent = self.send_full_parts().await;
        if sent.is_err() {
            // The next attempt sends parts of the same numbers.
            self.buffer = buffer;
            self.parts.truncate(parts);
        }
        sent
    }

    async fn suspend(mut self: Box<Self>) -> Result<Option<ResumeToken>> {
        if self.is_as_resumed() {
            return Ok(self.resumed.map(|(token, _)| token));
        }
        // A write that was dropped may have left more than a part's worth.
        self.send_full_parts().await?;
        let size = self.buffer.size();
        let tail = if size <= INLINE_TAIL_BYTES {
            Tail::Inline(copied(&self.buffer))
        } else {
            let pieces = self.buffer.pieces();
            let put = self
                .backend
                .put_object(
                    &tail_path(self.backend.name(), &self.path)?,
                    pieces,
                    &PutMode::Overwrite,
                )
                .await;
            let version = put?;
            self.has_object = true;
            Tail::Object { size, version }
        };
        let state = State {
            upload: self.upload,
            parts: self.parts,
            tail,
            has_object: self.has_object,
        };
        Ok(Some(state.to_token(self.backend.name(), &self.path)))
    }

    async fn commit(mut self: Box<Self>, options: CommitOptions) -> Result<()> {
        let destination = options.destination.unwrap_or_else(|| self.path.clone());
        if destination.is_root() {
            return Err(self.failed(ErrorKind::InvalidPath, &destination));
        }
        if let Some(upload) = self.upload.clone().filter(|_| !self.parts.is_empty()) {
            return self.commit_parts(&upload, &destination, &options.mode).await;
        }
        let is_elsewhere = destination != self.path;
        // At its own path the upload replaces what it put there itself.
        let mode = if is_elsewhere {
            options.mode
        } else {
            PutMode::Overwrite
        };
        let pieces = self.buffer.pieces();
        self.backend.put_object(&destination, pieces, &mode).await?;
        self.delete_leftovers(false).await;
        if let Some(upload) = &self.upload {
            // Begun for a part that could not be sent. Nobody knows it any more; it may fail as above.
            let _ = self.backend.abort_upload(&self.path, upload).await;
        }
        Ok(())
    }

    async fn cancel(self: Box<Self>) -> Result<()> {
        if let Some(upload) = &self.upload {
            self.backend.abort_upload(&self.path, upload).await?;
        }
        // A commit that failed may have completed it.
        self.try_delete_leftovers(self.upload.is_some()).await?;
        Ok(())
    }
}
