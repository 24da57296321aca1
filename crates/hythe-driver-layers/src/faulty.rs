use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use hythe_driver::{ByteStream, Content, Error, ErrorKind, FileRange, Result, StorageDriver};

use crate::{Call, Layered, Policy};

/// What happens to the call that is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is not made, and fails.
    FailBefore,
    /// It is made, and its success is reported as a failure, as when an answer is lost.
    FailAfter,
    /// It is made after others had a chance to run.
    Yield,
    /// Content that it opens ends with an error after so many bytes; other calls fail before.
    Truncate(u64),
}

/// A fault and the calls it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The first call it strikes, counted from 1.
    pub at: u64,
    /// Whether it strikes all calls from then on.
    pub from_then_on: bool,
    /// What happens.
    pub effect: Effect,
    /// The kind of error reported.
    pub kind: ErrorKind,
}

impl Fault {
    /// The n-th call alone fails before it is made.
    pub fn nth(at: u64) -> Self {
        Self {
            at,
            from_then_on: false,
            effect: Effect::FailBefore,
            kind: ErrorKind::Unavailable,
        }
    }

    /// The n-th call alone is made and reported as failed.
    pub fn nth_after(at: u64) -> Self {
        Self {
            effect: Effect::FailAfter,
            ..Self::nth(at)
        }
    }

    /// Everything from the n-th call on fails, as after a crash.
    pub fn all_from(at: u64) -> Self {
        Self {
            from_then_on: true,
            ..Self::nth(at)
        }
    }

    fn strikes(&self, call: u64) -> bool {
        call == self.at || (self.from_then_on && call > self.at)
    }
}

/// A driver whose calls fail by plan. Every call of the driver and of its writers counts, listings of a walk
/// included.
pub type Faulty = Layered<FaultyPolicy>;

impl Faulty {
    /// A driver without faults as yet.
    pub fn new(inner: Arc<dyn StorageDriver>) -> Self {
        Self::with_policy(inner, Arc::new(FaultyPolicy::default()))
    }

    /// Plans a fault and begins to count anew.
    pub fn plan(&self, fault: Option<Fault>) {
        *self.policy().lock() = State {
            fault,
            calls: 0,
            struck: None,
        };
    }

    /// Calls made since the last plan.
    pub fn calls(&self) -> u64 {
        self.policy().lock().calls
    }

    /// The first call that was struck since the last plan, as `method path`.
    pub fn struck(&self) -> Option<String> {
        self.policy().lock().struck.clone()
    }
}

/// Makes calls fail.
#[derive(Debug, Default)]
pub struct FaultyPolicy {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    calls: u64,
    struck: Option<String>,
}

impl FaultyPolicy {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, call: Call<'_>) -> Option<Fault> {
        let mut state = self.lock();
        state.calls += 1;
        let fault = state.fault.filter(|fault| fault.strikes(state.calls))?;
        if state.struck.is_none() {
            let path = call.path.map(ToString::to_string).unwrap_or_default();
            state.struck = Some(format!("{} {path}", call.action.method()));
        }
        Some(fault)
    }
}

impl Policy for FaultyPolicy {
    const WALKS_BY_LISTING: bool = true;

    async fn around<T: Send>(
        &self,
        call: Call<'_>,
        run: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let fault = self.count(call);
        let opens = call.action == crate::Action::Read;
        match fault.map(|fault| (fault.effect, fault.kind)) {
            None => run.await,
            Some((Effect::Truncate(_), _)) if opens => run.await,
            Some((Effect::FailBefore | Effect::Truncate(_), kind)) => Err(failure(call, kind)),
            Some((Effect::FailAfter, kind)) => {
                run.await?;
                Err(failure(call, kind))
            }
            Some((Effect::Yield, _)) => {
                tokio::task::yield_now().await;
                run.await
            }
        }
    }

    fn content(&self, call: Call<'_>, content: Content) -> Content {
        let state = self.lock();
        let fault = state.fault.filter(|fault| fault.strikes(state.calls));
        match fault.map(|fault| (fault.effect, fault.kind)) {
            Some((Effect::Truncate(after), kind)) => Content::Stream(Box::pin(Truncated {
                inner: into_stream(call.driver, content),
                left: after,
                failure: Some(failure(call, kind)),
            })),
            _ => content,
        }
    }
}

fn failure(call: Call<'_>, kind: ErrorKind) -> Error {
    let error = Error::new(call.driver, call.action.method(), kind).because("injected fault");
    match call.path {
        Some(path) => error.at(path),
        None => error,
    }
}

/// Content as a stream; a file is read by a piece at a time, in place: this is for tests.
fn into_stream(driver: &'static str, content: Content) -> ByteStream {
    match content {
        Content::Stream(stream) => stream,
        Content::File(range) => Box::pin(FileStream { driver, range }),
    }
}

struct FileStream {
    driver: &'static str,
    range: FileRange,
}

impl Stream for FileStream {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        use std::os::unix::fs::FileExt as _;

        let this = self.get_mut();
        if this.range.length == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; this.range.length.min(64 * 1024) as usize];
        let read = this
            .range
            .file
            .try_clone()
            .and_then(|file| std::fs::File::from(file).read_at(&mut piece, this.range.offset));
        Poll::Ready(Some(match read {
            Ok(count) if count > 0 => {
                this.range.offset += count as u64;
                this.range.length -= count as u64;
                piece.truncate(count);
                Ok(Bytes::from(piece))
            }
            Ok(_) => Err(Error::new(this.driver, "read", ErrorKind::Other).because("file is too short")),
            Err(error) => Err(Error::new(this.driver, "read", ErrorKind::Other).because(error)),
        }))
    }
}

struct Truncated {
    inner: ByteStream,
    left: u64,
    failure: Option<Error>,
}

impl Stream for Truncated {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(this.failure.take().map(Err));
        }
        this.inner.as_mut().poll_next(cx).map(|piece| {
            piece.map(|piece| {
                piece.map(|bytes| {
                    let kept =
                        bytes.slice(..bytes.len().min(usize::try_from(this.left).unwrap_or(usize::MAX)));
                    this.left -= kept.len() as u64;
                    kept
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use hythe_driver::{DriverPath, PutOptions, ReadRange, collect};
    use hythe_driver_inmemory::InMemoryDriver;

    use super::*;

    fn driver() -> (Faulty, DriverPath) {
        (
            Faulty::new(Arc::new(InMemoryDriver::new())),
            DriverPath::parse("/a/b").unwrap(),
        )
    }

    #[tokio::test]
    async fn only_the_planned_call_fails() {
        let (driver, path) = driver();
        driver.plan(Some(Fault::nth(2)));
        let put = || driver.put_content(&path, Bytes::from_static(b"x"), PutOptions::default());
        put().await.unwrap();
        assert_eq!(put().await.unwrap_err().kind(), ErrorKind::Unavailable);
        put().await.unwrap();
        assert_eq!(driver.calls(), 3);
        assert_eq!(driver.struck().as_deref(), Some("put_content /a/b"));
    }

    #[tokio::test]
    async fn a_lost_answer_leaves_what_the_call_did() {
        let (driver, path) = driver();
        driver.plan(Some(Fault::nth_after(1)));
        let put = driver
            .put_content(&path, Bytes::from_static(b"x"), PutOptions::default())
            .await;
        assert!(put.is_err());
        assert_eq!(driver.get_content(&path, 10).await.unwrap(), "x");
    }

    #[tokio::test]
    async fn truncated_content_ends_with_an_error() {
        let (driver, path) = driver();
        driver
            .put_content(&path, Bytes::from_static(b"hello"), PutOptions::default())
            .await
            .unwrap();
        let fault = Fault {
            effect: Effect::Truncate(2),
            ..Fault::nth(1)
        };
        driver.plan(Some(fault));
        let read = driver.read(&path, ReadRange::Full).await.unwrap();
        let Content::Stream(stream) = read.content else {
            panic!("expected a stream")
        };
        assert!(collect("inmemory", stream, 10).await.is_err());
    }
}
