use super::MultipartFileWriter;
use crate::multipart::buffer::Buffer;
use crate::{ErrorKind, Result};

impl MultipartFileWriter {
    /// Sees to it that parts can follow, before so many more bytes come. That cannot be undone, so it is not done amid
    /// a write.
    pub(super) async fn prepare(&mut self, incoming: u64) -> Result<()> {
        let held = self.buffer.size().saturating_add(incoming);
        if held < self.sends_from() {
            return Ok(());
        }
        if self.must_fold(held) {
            self.fold().await?;
        }
        self.take_in_base().await
    }

    /// Whether no part, or too few of them, can follow until what is there is folded.
    pub(super) fn must_fold(&self, held: u64) -> bool {
        let coming = held / self.sends_from() + 2;
        let last = u64::from(self.next_number).saturating_add(coming);
        let has_parts = !self.parts.is_empty() || self.flight.size() > 0;
        has_parts && (self.ends_small || last > u64::from(self.limits.maximum_parts))
    }

    /// Completes what is there, so that its bytes can become parts of any number and size.
    pub(super) async fn fold(&mut self) -> Result<()> {
        self.finish_flight().await?;
        if self.parts.is_empty() {
            return Ok(());
        }
        match self.complete().await {
            Err(error) if error.kind() == ErrorKind::InvalidToken && self.was_completed(self.sent).await => {}
            completed => completed?,
        }
        self.base = self.sent;
        self.has_own = true;
        self.sent = 0;
        self.parts.clear();
        self.next_number = 1;
        self.ends_small = false;
        self.upload = None;
        Ok(())
    }

    /// Makes the bytes in the object at the writer's own path part of the upload: few of them go into the buffer,
    /// many are copied within the store.
    pub(super) async fn take_in_base(&mut self) -> Result<()> {
        if self.base == 0 {
            return Ok(());
        }
        if self.base <= self.limits.planned_bytes(1) {
            let (content, _) = self.backend.get_object(&self.path, self.base).await?;
            if content.len() as u64 != self.base {
                return Err(self.failed("write", ErrorKind::InvalidToken));
            }
            let mut buffer = Buffer::from(content);
            buffer.append(self.buffer.pieces());
            self.buffer = buffer;
            self.base = 0;
            return Ok(());
        }
        let upload = self.upload_id().await?;
        let mut copied = Vec::new();
        for (number, range) in (self.next_number..).zip(self.limits.copied_ranges(self.base)) {
            let part = self
                .backend
                .copy_part(&self.path, &upload, number, &self.path, range)
                .await?;
            copied.push((number, part));
        }
        for (number, part) in copied {
            self.next_number = number + 1;
            self.note_part(number, part);
        }
        self.sent = self.base;
        self.base = 0;
        Ok(())
    }
}
