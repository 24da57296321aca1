use super::MultipartFileWriter;
use crate::{CommitOptions, DriverPath, Error, ErrorKind, FileWriter, PutMode, Result};

impl MultipartFileWriter {
    pub(super) async fn commit_upload(&mut self, options: CommitOptions) -> Result<()> {
        let destination = options.destination.unwrap_or_else(|| self.path.clone());
        if destination.is_root() {
            return Err(self.failed_at(ErrorKind::InvalidPath, &destination));
        }
        self.undo_from = None;
        self.finish_flight().await?;
        if self.buffer.size() > 0 && self.ends_small {
            self.fold().await?;
        }
        if self.base > 0 && self.buffer.size() > 0 {
            self.take_in_base().await?;
        }
        if self.base == 0 && self.parts.is_empty() && self.sent == 0 {
            return self.commit_buffer(&destination, options.mode).await;
        }
        self.commit_parts(&destination, &options.mode).await
    }

    /// Puts what never was more than one part where it belongs.
    async fn commit_buffer(&mut self, destination: &DriverPath, mode: PutMode) -> Result<()> {
        let is_elsewhere = *destination != self.path;
        // At its own path the upload replaces what it put there itself.
        let mode = if is_elsewhere { mode } else { PutMode::Overwrite };
        let pieces = self.buffer.pieces();
        self.backend.put_object(destination, pieces, &mode).await?;
        // The commit has succeeded by now; what could not be removed goes with the upload's directory.
        let _ = self.delete_leftovers(self.has_own && is_elsewhere).await;
        if let Some(upload) = &self.upload {
            let _ = self.backend.abort_upload(&self.path, upload).await;
        }
        Ok(())
    }

    async fn commit_parts(&mut self, destination: &DriverPath, mode: &PutMode) -> Result<()> {
        if *destination == self.path {
            self.finish().await?;
            let _ = self.delete_leftovers(false).await;
            return Ok(());
        }
        if *mode == PutMode::Create {
            // Asked before completing, so that the upload stays as it is.
            match self.backend.object_size(destination).await {
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
                Ok(_) => return Err(self.failed_at(ErrorKind::AlreadyExists, destination)),
            }
        }
        self.finish().await?;
        self.backend
            .copy_object(&self.path, destination, self.size(), mode)
            .await?;
        let _ = self.delete_leftovers(true).await;
        Ok(())
    }

    /// Makes all bytes an object at the writer's path. That the upload is gone is no failure when that is because it
    /// was completed: by a call of which the answer was lost, or by an earlier commit that failed after it.
    async fn finish(&mut self) -> Result<()> {
        let size = self.size();
        if self.base == size {
            // They are one already, if it is still that one.
            let found = self.backend.object_size(&self.path).await?;
            return if found == size {
                Ok(())
            } else {
                Err(self.failed("commit", ErrorKind::InvalidToken))
            };
        }
        match self.send_and_complete().await {
            Err(error) if error.kind() == ErrorKind::InvalidToken && self.was_completed(size).await => Ok(()),
            finished => finished,
        }
    }

    async fn send_and_complete(&mut self) -> Result<()> {
        self.send_last().await?;
        self.complete().await
    }

    /// Completes the upload with the parts that were sent.
    pub(super) async fn complete(&mut self) -> Result<()> {
        let upload = self.upload_id().await?;
        let parts = self.parts.expand(&*self.backend, &upload);
        self.backend
            .complete_upload(&self.path, &upload, &parts, self.sent)
            .await
    }

    /// Whether the object at the writer's path is this upload, completed with `size` bytes. Somebody else may have
    /// added other bytes to an upload that this writer did not begin; if it added none itself, the object of that
    /// size is the one that was kept.
    pub(super) async fn was_completed(&self, size: u64) -> bool {
        if self.backend.recognises_completed() {
            return false;
        }
        let is_surely_ours = self.is_own_upload || self.is_as_kept();
        let found = self.backend.object_size(&self.path);
        is_surely_ours && found.await.is_ok_and(|found| found == size)
    }

    fn failed_at(&self, kind: ErrorKind, path: &DriverPath) -> Error {
        Error::new(self.backend.name(), "commit", kind).at(path)
    }
}
