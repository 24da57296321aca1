use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::operation::Operation;

/// Records every change that a driver makes, in the order in which the kernel saw them. Clones share the record.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Operation>,
    failure: Option<(usize, Errno)>,
}

impl Recorder {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything recorded so far.
    pub fn log(&self) -> Vec<Operation> {
        self.lock().log.clone()
    }

    /// Notes that somebody was told that what he asked for is done; from here on it must not get lost.
    pub fn acknowledge(&self, label: impl Into<String>) {
        let label = label.into();
        self.lock().log.push(Operation::Acknowledged { label });
    }

    /// Lets the change after `successes` further ones fail with a system error (`ENOSPC` is 28 on Linux), once.
    pub fn fail_after(&self, successes: usize, raw_os_error: i32) {
        self.lock().failure = Some((successes, Errno::from_raw_os_error(raw_os_error)));
    }

    /// The lock is held during the call, so that the record has the order of the calls.
    pub(crate) fn record<T>(
        &self,
        call: impl FnOnce() -> rustix::io::Result<T>,
        operation: impl FnOnce(&T) -> rustix::io::Result<Operation>,
    ) -> rustix::io::Result<T> {
        let mut state = self.lock();
        match &mut state.failure {
            Some((0, errno)) => {
                let errno = *errno;
                state.failure = None;
                return Err(errno);
            }
            Some((successes, _)) => *successes -= 1,
            None => {}
        }
        let done = call()?;
        state.log.push(operation(&done)?);
        Ok(done)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
