use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use quick_cache::sync::Cache;
use sha2::Sha256;
use tokio::time::Instant;

/// How long a right password need not be checked again.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// More users than one file has who are active within a minute; an entry takes some 100 bytes.
const CAPACITY: usize = 10_000;

/// Passwords that were right a short time ago, under a hash whose key only this process has.
#[derive(Debug)]
pub(crate) struct Remembered {
    key: [u8; 32],
    since: Cache<Fingerprint, Instant>,
}

/// Stands for a name, a password and the hash that they were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Remembered {
    pub(crate) fn new() -> Self {
        Self {
            key: rand::random(),
            since: Cache::new(CAPACITY),
        }
    }

    /// The hash is part of it, so that a changed password is not taken any more.
    pub(crate) fn fingerprint(&self, name: &str, password: &[u8], hash: &str) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in [name.as_bytes(), hash.as_bytes(), password] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Fingerprint(mac.finalize().into_bytes().into())
    }

    /// Whether this was right within the last minute.
    pub(crate) fn has(&self, fingerprint: &Fingerprint) -> bool {
        match self.since.get(fingerprint) {
            Some(since) if since.elapsed() < REMEMBERED_FOR => true,
            Some(_) => {
                self.since.remove(fingerprint);
                false
            }
            None => false,
        }
    }

    /// Whether this is right. Of those who ask at the same time one checks and the others wait for him.
    pub(crate) async fn check<E>(
        &self,
        fingerprint: &Fingerprint,
        check: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        match self.since.get_value_or_guard_async(fingerprint).await {
            Ok(_since) => Ok(true),
            Err(guard) => {
                let is_right = check.await?;
                if is_right {
                    // Fails only if the entry was removed meanwhile; then the next one checks again.
                    let _ = guard.insert(Instant::now());
                }
                Ok(is_right)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn check(remembered: &Remembered, fingerprint: &Fingerprint, is_right: bool) -> bool {
        let checked = async { Ok::<_, Infallible>(is_right) };
        remembered.check(fingerprint, checked).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_password_is_remembered_for_a_minute() {
        let remembered = Remembered::new();
        let right = remembered.fingerprint("a", b"right", "hash");
        assert!(!remembered.has(&right));
        assert!(check(&remembered, &right, true).await);
        assert!(remembered.has(&right));
        tokio::time::advance(REMEMBERED_FOR / 2).await;
        assert!(remembered.has(&right));
        tokio::time::advance(REMEMBERED_FOR / 2).await;
        assert!(!remembered.has(&right));
        assert!(!check(&remembered, &right, false).await);
    }

    #[tokio::test]
    async fn a_wrong_password_is_not_remembered() {
        let remembered = Remembered::new();
        let wrong = remembered.fingerprint("a", b"wrong", "hash");
        assert!(!check(&remembered, &wrong, false).await);
        assert!(!remembered.has(&wrong));
    }

    #[test]
    fn every_part_of_a_fingerprint_counts() {
        let remembered = Remembered::new();
        let one = remembered.fingerprint("a", b"b", "c");
        assert_eq!(one, remembered.fingerprint("a", b"b", "c"));
        for (name, password, hash) in [("ac", "b", ""), ("a", "bc", ""), ("a", "b", "d"), ("", "b", "ac")] {
            assert_ne!(one, remembered.fingerprint(name, password.as_bytes(), hash));
        }
        assert_ne!(one, Remembered::new().fingerprint("a", b"b", "c"));
    }
}
