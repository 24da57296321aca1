//! Polling a connection again at once when it woke itself.
//!
//! hyper hands a body to its reader piece by piece through a channel, and wakes its own task for each of them. The
//! runtime would put the task at the end of its queue and wake another thread to take it from there, which costs more
//! than receiving the piece: on an upload, one wake-up for every 64 KiB.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// How often a future is polled in a row. Others on the same thread wait meanwhile; with pieces of 64 KiB it is the
/// time to receive a mebibyte.
const POLLS: usize = 16;

/// A future that is polled again at once when it woke itself while it was polled.
#[derive(Debug)]
pub(super) struct Repoll<F> {
    future: F,
    state: Arc<State>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct State {
    is_polled: AtomicBool,
    is_woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future + Unpin> Repoll<F> {
    pub(super) fn new(future: F) -> Self {
        let state = Arc::new(State::default());
        let waker = Waker::from(state.clone());
        Self { future, state, waker }
    }
}

impl<F: Future + Unpin> Future for Repoll<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.state.remember(cx.waker());
        for _ in 0..POLLS {
            this.state.is_woken.store(false, Ordering::SeqCst);
            this.state.is_polled.store(true, Ordering::SeqCst);
            let polled = Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker));
            // In this order: a wake that still saw the poll has left its mark, any later one wakes the task.
            this.state.is_polled.store(false, Ordering::SeqCst);
            if polled.is_ready() || !this.state.is_woken.load(Ordering::SeqCst) {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl State {
    fn remember(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *task {
            Some(known) => known.clone_from(waker),
            None => *task = Some(waker.clone()),
        }
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_polled.load(Ordering::SeqCst) {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Debug, Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Wakes itself so many times before it is ready; returns polls and wake-ups of its task in the first poll.
    fn first_poll(self_wakes: usize) -> (Poll<()>, usize, usize) {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        let future = poll_fn(move |cx: &mut Context<'_>| {
            if counted.fetch_add(1, Ordering::SeqCst) == self_wakes {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let polled = Pin::new(&mut Repoll::new(future)).poll(&mut Context::from_waker(&waker));
        (
            polled,
            polls.load(Ordering::SeqCst),
            count.0.load(Ordering::SeqCst),
        )
    }

    #[test]
    fn a_future_that_wakes_itself_is_polled_again_at_once_and_not_for_ever() {
        assert_eq!(first_poll(0), (Poll::Ready(()), 1, 0));
        assert_eq!(first_poll(POLLS - 1), (Poll::Ready(()), POLLS, 0));
        assert_eq!(first_poll(POLLS), (Poll::Pending, POLLS, 1));
    }

    #[test]
    fn a_wake_from_elsewhere_wakes_the_task() {
        let kept = Arc::new(Mutex::new(None));
        let keep = kept.clone();
        let mut repoll = Repoll::new(poll_fn(move |cx: &mut Context<'_>| {
            *keep.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        for wakes in 0..3 {
            assert_eq!(count.0.load(Ordering::SeqCst), wakes);
            let polled = Pin::new(&mut repoll).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            kept.lock().unwrap().take().unwrap().wake();
        }
    }
}
