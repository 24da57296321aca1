use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::budget::PartShare;
use super::{MultipartBackend, NewPart, SentPart};
use crate::{DriverPath, Result};

type Sending = BoxFuture<'static, (u32, Option<Result<SentPart>>)>;

/// Parts on their way, several at once. What failed stays here with its bytes, to be sent again.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Futures are not `Sync`, and what holds them must be; nobody ever waits for this lock.
    running: Mutex<FuturesUnordered<Sending>>,
    parts: BTreeMap<u32, Flying>,
    size: u64,
}

#[derive(Debug)]
struct Flying {
    part: NewPart,
    size: u64,
    progress: Progress,
    /// Given back when the part is sent.
    share: Option<PartShare>,
}

#[derive(Debug)]
enum Progress {
    Failed,
    Running(AbortHandle),
    Sent(SentPart),
}

/// Where parts go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) backend: Arc<dyn MultipartBackend>,
    pub(super) path: DriverPath,
    pub(super) upload: String,
}

impl Flight {
    /// Parts that are not sent yet.
    pub(super) fn count(&self) -> usize {
        let unsent = |flying: &&Flying| !matches!(flying.progress, Progress::Sent(_));
        self.parts.values().filter(unsent).count()
    }

    /// Bytes of all parts that were not taken out.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The id that the upload goes by after the last part that was sent, if one of those here changed it.
    pub(super) fn upload(&self) -> Option<&str> {
        self.parts
            .values()
            .rev()
            .find_map(|flying| match &flying.progress {
                Progress::Sent(answer) => answer.upload.as_deref(),
                Progress::Failed | Progress::Running(_) => None,
            })
    }

    /// Starts to send a part.
    pub(super) fn start(&mut self, target: &Target, part: NewPart, share: Option<PartShare>) {
        let (number, size) = (part.number, part.size());
        let progress = self.send(target, part.clone());
        let flying = Flying {
            part,
            size,
            progress,
            share,
        };
        self.parts.insert(number, flying);
        self.size += size;
    }

    /// Starts to send again what failed.
    pub(super) fn restart(&mut self, target: &Target) {
        let failed = self
            .parts
            .values()
            .filter(|flying| matches!(flying.progress, Progress::Failed));
        let failed: Vec<NewPart> = failed.map(|flying| flying.part.clone()).collect();
        for part in failed {
            let number = part.number;
            let progress = self.send(target, part);
            if let Some(flying) = self.parts.get_mut(&number) {
                flying.progress = progress;
            }
        }
    }

    fn send(&mut self, target: &Target, part: NewPart) -> Progress {
        let (handle, registration) = AbortHandle::new_pair();
        let Target {
            backend,
            path,
            upload,
        } = target.clone();
        let sending = async move {
            let number = part.number;
            let sent = Abortable::new(backend.put_part(&path, &upload, part), registration);
            (number, sent.await.ok())
        };
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.push(Box::pin(sending));
        Progress::Running(handle)
    }

    /// Lets everything go on as far as it does without waiting. Reports the first failure.
    pub(super) async fn advance(&mut self) -> Result<()> {
        poll_fn(|context| match self.poll_one(context) {
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(()))) => {
                // More may have finished.
                context.waker().wake_by_ref();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Ready(Ok(())),
        })
        .await
    }

    /// Waits until one more part is done; at once when none is on its way.
    pub(super) async fn finish_one(&mut self) -> Result<()> {
        match poll_fn(|context| self.poll_one(context)).await {
            Some(done) => done,
            None => Ok(()),
        }
    }

    fn poll_one(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<()>>> {
        loop {
            let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
            let (number, sent) = match running.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(done)) => done,
            };
            // What was aborted belongs to no part any more.
            let (Some(flying), Some(sent)) = (self.parts.get_mut(&number), sent) else {
                continue;
            };
            let (progress, done) = match sent {
                Ok(sent) => (Progress::Sent(sent), Ok(())),
                Err(error) => (Progress::Failed, Err(error)),
            };
            flying.progress = progress;
            flying.share = flying.share.take().filter(|_| done.is_err());
            return Poll::Ready(Some(done));
        }
    }

    /// Takes out the parts with numbers below `end` that were sent and before which none is still on its way.
    pub(super) fn take_sent(&mut self, end: u32) -> Vec<(NewPart, SentPart)> {
        let mut sent = Vec::new();
        while let Some(first) = self.parts.first_entry() {
            if *first.key() >= end || !matches!(first.get().progress, Progress::Sent(_)) {
                break;
            }
            let flying = first.remove();
            self.size -= flying.size;
            if let Progress::Sent(answer) = flying.progress {
                sent.push((flying.part, answer));
            }
        }
        sent
    }

    /// Gives up the parts from a number on, whatever became of them.
    pub(super) fn discard_from(&mut self, number: u32) {
        for flying in self.parts.split_off(&number).into_values() {
            self.size -= flying.size;
            if let Progress::Running(handle) = flying.progress {
                handle.abort();
            }
        }
    }
}
