use super::MultipartFileWriter;
use crate::multipart::buffer::Buffer;
use crate::multipart::flight::Target;
use crate::multipart::{INLINE_TAIL_BYTES, NewPart, Part, SentPart};
use crate::{ErrorKind, Result};

impl MultipartFileWriter {
    /// The id of the upload, begun if need be.
    pub(super) async fn upload_id(&mut self) -> Result<String> {
        if let Some(upload) = &self.upload {
            return Ok(upload.clone());
        }
        let upload = self.backend.create_upload(&self.path).await?;
        self.upload = Some(upload.clone());
        self.is_own_upload = true;
        Ok(upload)
    }

    /// Sends what is in the buffer as far as it makes full parts.
    pub(super) async fn send_full_parts(&mut self) -> Result<()> {
        self.go_on().await?;
        while let Some(size) = self.full_part() {
            self.launch(size, false).await?;
        }
        Ok(())
    }

    fn full_part(&self) -> Option<u64> {
        let (held, planned) = (self.buffer.size(), self.limits.planned_bytes(self.next_number));
        if held >= planned {
            return Some(planned);
        }
        // Others use up the memory: better smaller parts than more of it.
        let is_short = self.flight.count() == 0 && self.backend.budget().left() < planned;
        (is_short && self.is_enough()).then(|| self.limits.aligned(held))
    }

    /// Sends what is in the buffer as a part if it is worth one.
    pub(super) async fn send_what_is_enough(&mut self) -> Result<()> {
        if self.is_enough() {
            let size = self.limits.aligned(self.buffer.size());
            self.launch(size, false).await?;
        }
        Ok(())
    }

    /// Whether the buffer holds enough for a part, and more than fits a token.
    fn is_enough(&self) -> bool {
        self.buffer.size() >= self.sends_from()
    }

    /// From how many bytes on a part may be sent.
    pub(super) fn sends_from(&self) -> u64 {
        let enough = self
            .limits
            .enough_bytes(self.next_number)
            .max(INLINE_TAIL_BYTES + 1);
        enough.min(self.limits.planned_bytes(self.next_number))
    }

    /// Sends all that is left as the last part.
    pub(super) async fn send_last(&mut self) -> Result<()> {
        if self.buffer.size() > 0 {
            self.launch(self.buffer.size(), true).await?;
        }
        self.finish_flight().await
    }

    /// Sends a part beside others where there is room, else waiting for it.
    async fn launch(&mut self, size: u64, is_last: bool) -> Result<()> {
        if self.next_number > self.limits.maximum_parts {
            return Err(self
                .failed("write", ErrorKind::TooLarge)
                .because("the backend allows no more parts"));
        }
        self.upload_id().await?;
        while self.flight.count() >= self.limits.in_flight.max(1) {
            self.finish_one().await?;
        }
        let share = loop {
            let share = if self.limits.is_serial() {
                None
            } else {
                self.backend.budget().take(size)
            };
            if share.is_some() || self.flight.count() == 0 {
                break share;
            }
            self.finish_one().await?;
        };
        let is_alone = share.is_none();
        let part = NewPart {
            number: self.next_number,
            offset: self.sent + self.flight.size(),
            content: self.buffer.first(size),
            is_last,
            nonce: self.nonce,
        };
        let target = self.target();
        self.flight.start(&target, part, share);
        self.buffer.remove_first(size);
        self.next_number += 1;
        if is_alone {
            self.finish_one().await
        } else {
            self.advance().await
        }
    }

    /// Sends again what failed, and lets everything else go on.
    async fn go_on(&mut self) -> Result<()> {
        if self.flight.count() == 0 {
            return Ok(());
        }
        self.upload_id().await?;
        let target = self.target();
        self.flight.restart(&target);
        self.advance().await
    }

    /// Waits until all parts are sent.
    pub(super) async fn finish_flight(&mut self) -> Result<()> {
        self.go_on().await?;
        while self.flight.count() > 0 {
            self.finish_one().await?;
        }
        Ok(())
    }

    async fn advance(&mut self) -> Result<()> {
        let advanced = self.flight.advance().await;
        self.note_sent();
        advanced
    }

    async fn finish_one(&mut self) -> Result<()> {
        let finished = self.flight.finish_one().await;
        self.note_sent();
        finished
    }

    /// Counts as sent what is and cannot be undone.
    pub(super) fn note_sent(&mut self) {
        let end = self.undo_from.unwrap_or(u32::MAX);
        for (part, answer) in self.flight.take_sent(end) {
            self.sent += part.size();
            self.note_part(part.number, answer);
        }
    }

    /// Keeps the mark of a part, unless it follows from its number.
    pub(super) fn note_part(&mut self, number: u32, answer: SentPart) {
        if answer.upload.is_some() {
            self.upload = answer.upload;
        }
        let upload = self.upload.as_deref().unwrap_or_default();
        let derived = self.backend.derived_mark(upload, number, self.nonce);
        if derived.as_ref() == Some(&answer.mark) {
            self.parts.push_derived(number, self.nonce);
        } else {
            let mark = answer.mark;
            self.parts.push(Part { number, mark });
        }
    }

    /// Undoes a write: the buffer as it was, and no part from a number on. The numbers are not used again, because
    /// what was given up may still arrive.
    pub(super) fn take_back(&mut self, before: Buffer, number: u32) {
        self.flight.discard_from(number);
        self.buffer = before;
        self.note_sent();
    }

    /// Where the next part goes. The id may have changed with parts that were sent and may yet be undone.
    fn target(&self) -> Target {
        let upload = self.flight.upload().or(self.upload.as_deref());
        Target {
            backend: self.backend.clone(),
            path: self.path.clone(),
            upload: upload.unwrap_or_default().to_owned(),
        }
    }
}
