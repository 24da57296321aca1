//! Copying within the account, which the service does by itself.

use std::time::Duration;

use azure_core::http::headers::Headers;
use azure_storage_blob::models::BlobClientStartCopyFromUrlOptions;
use hythe_driver::{ErrorKind, PutMode};

use crate::client::{Client, CopyState, CopyStatus, conditions, counted};
use crate::error::{Failure, Result};
use crate::put::meaning_of_condition;
use crate::retry::Attempts;

/// Copies within an account are done at once or in seconds; one that takes longer is given up.
const COPY_TIMEOUT: Duration = Duration::from_secs(300);
const FIRST_POLL: Duration = Duration::from_millis(100);
const LONGEST_POLL: Duration = Duration::from_secs(3);

impl Client {
    /// Makes `to` a copy of `from`: one request, and one for every look at a copy that takes its time.
    pub(crate) async fn copy(&self, from: &str, to: &str, mode: &PutMode) -> Result<()> {
        match self.start_copy(from, to, mode).await {
            Err(failure)
                if failure.kind() == ErrorKind::AlreadyExists && self.clear_dead_copy(to).await? =>
            {
                self.start_copy(from, to, mode).await
            }
            copied => copied,
        }
    }

    async fn start_copy(&self, from: &str, to: &str, mode: &PutMode) -> Result<()> {
        let attempts = Attempts::default();
        let (if_match, if_none_match) = conditions(mode);
        let options = BlobClientStartCopyFromUrlOptions {
            if_match,
            if_none_match,
            method_options: counted(&attempts),
            ..BlobClientStartCopyFromUrlOptions::default()
        };
        let source = self.blob(from).url().to_string();
        let started = self
            .blob(to)
            .start_copy_from_url(source.clone(), Some(options))
            .await;
        match started.map_err(self.failed(to)) {
            Ok(answer) => match copy_state(answer.headers()) {
                Some(state) if state.status != CopyStatus::Success => self.await_copy(to, &state).await,
                _ => Ok(()),
            },
            Err(failure) if failure.is_condition() => {
                // An earlier try may have begun it, and its answer was lost.
                if attempts.were_several()
                    && let Some(state) = self.own_copy(to, &source).await?
                {
                    return self.await_copy(to, &state).await;
                }
                Err(meaning_of_condition(failure, mode))
            }
            Err(failure) if failure.code() == "CannotVerifyCopySource" => {
                Err(failure.meaning(ErrorKind::NotFound))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Waits for a copy, for a bounded time.
    async fn await_copy(&self, to: &str, copy: &CopyState) -> Result<()> {
        let mut status = copy.status;
        let mut waited = Duration::ZERO;
        let mut pause = FIRST_POLL;
        while status == CopyStatus::Pending && waited < COPY_TIMEOUT {
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LONGEST_POLL);
            let found = self.head_any(to).await?.copy;
            let Some(found) = found.filter(|found| found.id == copy.id) else {
                return Err(Failure::because(
                    ErrorKind::Busy,
                    "another copy took the place of this one",
                ));
            };
            status = found.status;
        }
        match status {
            CopyStatus::Success => Ok(()),
            CopyStatus::Pending => {
                let aborted = self.blob(to).abort_copy(&copy.id, None).await;
                aborted.map_err(self.failed(to))?;
                self.clear_dead_copy(to).await?;
                Err(Failure::because(ErrorKind::Unavailable, "the copy took too long"))
            }
            CopyStatus::Dead => {
                self.clear_dead_copy(to).await?;
                Err(Failure::because(
                    ErrorKind::Unavailable,
                    "the service could not copy the blob",
                ))
            }
        }
    }

    /// The copy of this very source that is at `to`.
    async fn own_copy(&self, to: &str, source: &str) -> Result<Option<CopyState>> {
        let blob = self.blob(to);
        let answer = blob.get_properties(None).await.map_err(self.failed(to))?;
        let found = answer.headers().get_optional_str(&"x-ms-copy-source".into());
        // The service keeps the source without its query.
        let plain = |text: &str| text.split('?').next().unwrap_or_default().replace("%2F", "/");
        let is_own = found.is_some_and(|found| plain(found) == plain(source));
        Ok(copy_state(answer.headers()).filter(|_| is_own))
    }

    /// Deletes the empty blob that a failed or aborted copy leaves, and says whether there was one.
    async fn clear_dead_copy(&self, to: &str) -> Result<bool> {
        let found = match self.head_any(to).await {
            Err(failure) if failure.is_not_found() => return Ok(true),
            found => found?,
        };
        let is_dead = found.copy.is_some_and(|copy| copy.status == CopyStatus::Dead);
        if !is_dead {
            return Ok(false);
        }
        match self.delete_version(to, found.version.as_ref()).await {
            Err(failure) if failure.is_condition() => Ok(false),
            deleted => deleted.map(|_| true),
        }
    }
}

fn copy_state(headers: &Headers) -> Option<CopyState> {
    let text = |name: &'static str| headers.get_optional_str(&name.into());
    Some(CopyState {
        status: CopyStatus::parse(text("x-ms-copy-status")?),
        id: text("x-ms-copy-id").unwrap_or_default().to_owned(),
    })
}
