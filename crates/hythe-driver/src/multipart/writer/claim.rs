use super::{Kept, MultipartFileWriter, tail_path};
use crate::multipart::state::State;
use crate::{ErrorKind, Result, ResumeToken};

impl MultipartFileWriter {
    /// The token that others must know of before this writer sends its first part: it names the upload, so that it
    /// can be aborted whatever becomes of this writer, and sets part numbers aside.
    pub(super) async fn claim_upload(&mut self, incoming: u64) -> Result<Option<ResumeToken>> {
        let held = self.buffer.size().saturating_add(incoming);
        if held < self.sends_from() {
            return Ok(None);
        }
        if self.is_claimed() {
            return if self.must_fold(held) && !self.may_fold() {
                self.claim_fold().await.map(Some)
            } else {
                Ok(None)
            };
        }
        let mut state = self.kept_state()?;
        if self.ends_small {
            self.prepare(incoming).await?;
            state.parts.clear();
            (state.base, state.sent) = (state.sent, 0);
            (state.ends_small, state.has_own) = (false, true);
        }
        state.upload = Some(self.upload_id().await?);
        state.next_number = self.limits.number_after_claim(self.next_number);
        let token = state.to_token(self.backend.name(), &self.path);
        self.kept = Some(Kept {
            token: token.clone(),
            size: state.size(),
            is_claim: true,
            folds: None,
        });
        Ok(Some(token))
    }

    /// The token by which others can go on whether or not this writer comes to the end of a fold: all that was sent, and
    /// that it may have become an object.
    async fn claim_fold(&mut self) -> Result<ResumeToken> {
        self.finish_flight().await?;
        let tail = self.keep_tail().await?;
        let state = State {
            folds: true,
            ..self.state(tail)
        };
        let token = state.to_token(self.backend.name(), &self.path);
        self.kept = Some(Kept {
            token: token.clone(),
            size: state.size(),
            is_claim: true,
            folds: Some(self.sent),
        });
        Ok(token)
    }

    fn may_fold(&self) -> bool {
        self.kept.as_ref().and_then(|kept| kept.folds) == Some(self.sent)
    }

    /// What the token says that this writer was opened with.
    fn kept_state(&self) -> Result<State> {
        let Some(Kept { token, .. }) = &self.kept else {
            return Ok(State::empty());
        };
        State::from_token(token, self.backend.name(), &self.path)
            .ok_or_else(|| self.failed("claim", ErrorKind::InvalidToken))
    }

    /// Removes what this writer's token names and another one does not.
    pub(super) async fn abandon_upload(&self, kept: Option<ResumeToken>) -> Result<()> {
        let is_kept = kept.is_some();
        let kept = kept.and_then(|token| State::from_token(&token, self.backend.name(), &self.path));
        let kept = kept.unwrap_or_else(State::empty);
        if let Some(upload) = &self.upload
            && kept.upload.as_ref() != Some(upload)
        {
            self.backend.abort_upload(&self.path, upload).await?;
        }
        let theirs = kept.tails();
        let ours = self.tails.iter().filter(|nonce| !theirs.contains(nonce));
        let paths = ours.map(|nonce| tail_path(self.backend.name(), &self.path, *nonce));
        let mut paths = paths.collect::<Result<Vec<_>>>()?;
        // What is at the path itself may be the other one's by now.
        if self.has_own && !is_kept {
            paths.push(self.path.clone());
        }
        if paths.is_empty() {
            return Ok(());
        }
        self.backend.delete_objects(&paths).await
    }
}
