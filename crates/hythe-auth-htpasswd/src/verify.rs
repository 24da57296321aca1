use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// So many checks per processor may wait; one takes some 70 ms.
const WAITING_PER_PROCESSOR: usize = 64;

/// When to come again to a registry that has more logins to check than it can.
pub(crate) const BUSY_FOR: Duration = Duration::from_secs(5);

/// Compares passwords with bcrypt hashes, no more at once than there are processors.
#[derive(Debug)]
pub(crate) struct Verifier {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// Why no comparison was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// Too many are waiting already.
    #[error("too many logins are waiting to be checked")]
    Busy,
    /// The thread that should have compared is gone.
    #[error("the password could not be compared")]
    Failed(#[from] JoinError),
}

impl Verifier {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            running: Arc::new(Semaphore::new(processors)),
            admitted: Arc::new(Semaphore::new(processors * (WAITING_PER_PROCESSOR + 1))),
        }
    }

    /// Whether a password has this bcrypt hash. Of a password only the first 72 bytes count.
    pub(crate) async fn verify(&self, password: Vec<u8>, hash: String) -> Result<bool, VerifyError> {
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| VerifyError::Busy)?;
        let running = self.running.clone().acquire_owned().await;
        let running = running.expect("the semaphore is never closed");
        // The permits go with the work: whoever loses interest must not make room for more of it.
        let verified = tokio::task::spawn_blocking(move || {
            let is_right = bcrypt::verify(password, &hash).unwrap_or(false);
            drop((running, admitted));
            is_right
        });
        Ok(verified.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_compared_with_hashes_of_all_forms() {
        let verifier = Verifier::new();
        let hash = bcrypt::hash("right", 4).unwrap();
        for form in ["$2a$", "$2b$", "$2y$"] {
            let hash = format!("{form}{}", &hash[4..]);
            assert!(verifier.verify(b"right".to_vec(), hash.clone()).await.unwrap());
            assert!(!verifier.verify(b"wrong".to_vec(), hash).await.unwrap());
        }
    }

    #[tokio::test]
    async fn passwords_that_bcrypt_cannot_take_are_wrong() {
        let verifier = Verifier::new();
        let hash = bcrypt::hash("right", 4).unwrap();
        for password in ["", "right\0", "\0"] {
            assert!(!verifier.verify(password.into(), hash.clone()).await.unwrap());
        }
        let long = "x".repeat(100);
        let hash = bcrypt::hash(&long, 4).unwrap();
        assert!(verifier.verify(long.into(), hash).await.unwrap());
    }

    #[tokio::test]
    async fn only_so_many_may_wait() {
        let verifier = Verifier::new();
        let processors = verifier.running.available_permits();
        let _held = verifier.running.acquire_many(processors as u32).await.unwrap();
        let admitted = verifier.admitted.available_permits();
        let _waiting = verifier.admitted.acquire_many(admitted as u32).await.unwrap();
        let busy = verifier.verify(Vec::new(), String::new()).await;
        assert!(matches!(busy, Err(VerifyError::Busy)));
    }
}
