use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes of parts the writers of one driver may have on their way, together. Clones share it.
///
/// Nobody waits for it: a part that gets no share is sent while its writer waits for the answer, so no writer can
/// hold up another.
#[derive(Debug, Clone)]
pub struct PartBudget {
    left: Arc<AtomicU64>,
}

/// A part's share of the budget, until dropped.
#[derive(Debug)]
pub struct PartShare {
    left: Arc<AtomicU64>,
    size: u64,
}

impl PartBudget {
    /// Enough for several parts of one writer, little beside what 64 uploads hold.
    pub const DEFAULT_BYTES: u64 = 64 << 20;

    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            left: Arc::new(AtomicU64::new(bytes)),
        }
    }

    /// Bytes that nobody has taken.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// A share of `size` bytes if there are as many.
    pub fn take(&self, size: u64) -> Option<PartShare> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(size)
            });
        taken.ok().map(|_| PartShare {
            left: Arc::clone(&self.left),
            size,
        })
    }
}

impl Default for PartBudget {
    fn default() -> Self {
        Self::new(Self::DEFAULT_BYTES)
    }
}

impl Drop for PartShare {
    fn drop(&mut self) {
        self.left.fetch_add(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back() {
        let budget = PartBudget::new(10);
        let share = budget.take(7).unwrap();
        assert!(budget.clone().take(4).is_none());
        assert_eq!(budget.left(), 3);
        drop(share);
        assert_eq!(budget.take(10).unwrap().size, 10);
    }
}
