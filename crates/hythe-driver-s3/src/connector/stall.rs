//! Bodies that notice when nothing moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Nothing moved for so long.
#[derive(Debug, thiserror::Error)]
#[error("no progress for {} s", .0.as_secs())]
pub(super) struct Stalled(pub(super) Duration);

/// When a request last moved.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends once nothing has moved for so long.
    pub(super) async fn stalled(&self, limit: Duration) {
        loop {
            let deadline = self.last() + limit;
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

/// A request body that notes when a piece of it is taken.
#[derive(Debug)]
pub(super) struct Sent<B> {
    body: B,
    progress: Progress,
}

impl<B> Sent<B> {
    pub(super) fn new(body: B, progress: Progress) -> Self {
        Self { body, progress }
    }
}

impl<B: Body + Unpin> Body for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.progress.note();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that fails when the service sends nothing for too long while somebody waits for it.
#[derive(Debug)]
pub(super) struct Timed<B> {
    body: B,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<B> Timed<B> {
    pub(super) fn new(body: B, limit: Duration) -> Self {
        Self {
            body,
            limit,
            waiting: None,
        }
    }
}

impl<B: Body + Unpin> Body for Timed<B>
where
    B::Error: Into<hythe_driver::BoxError>,
{
    type Data = B::Data;
    type Error = hythe_driver::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        // First, so that a reader that came back late is not told of his own pause.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Some(Err(Stalled(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn body(pauses: &'static [u64]) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        StreamBody::new(Box::pin(stream::unfold(pauses, |pauses| async move {
            let (pause, rest) = pauses.split_first()?;
            tokio::time::sleep(Duration::from_secs(*pause)).await;
            Some((Ok(Frame::data(Bytes::from_static(b"x"))), rest))
        })))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_moves_may_take_its_time() {
        let collected = Timed::new(body(&[50, 50, 50, 50]), LIMIT).collect().await;
        assert_eq!(collected.unwrap().to_bytes(), "xxxx");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stands_still_fails() {
        let collected = Timed::new(body(&[1, 61]), LIMIT).collect().await;
        assert_eq!(collected.unwrap_err().to_string(), "no progress for 60 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_may_pause_as_long_as_he_likes() {
        let mut timed = Timed::new(body(&[1, 59]), LIMIT);
        timed.frame().await.unwrap().unwrap();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut timed).poll_frame(&mut cx).is_pending());
        tokio::time::sleep(10 * LIMIT).await;
        assert!(timed.frame().await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_stalls_only_without_progress() {
        let progress = Progress::new();
        let sent = Sent::new(body(&[50, 50, 50]), progress.clone()).collect();
        tokio::select! {
            collected = sent => assert_eq!(collected.unwrap().to_bytes(), "xxx"),
            () = progress.stalled(LIMIT) => panic!("it moved"),
        }
        let before = Instant::now();
        progress.stalled(LIMIT).await;
        assert_eq!(before.elapsed(), LIMIT);
    }
}
