//! What is known of one check: how many failures in a row, and the last of them.

use std::num::NonZeroU32;

use crate::Down;

/// The outcomes of one check so far.
#[derive(Debug)]
pub(crate) struct State {
    threshold: NonZeroU32,
    failures: u32,
    down: Option<Down>,
}

/// What the last outcome changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It counts as down from now on.
    Failed,
    /// It does no longer.
    Recovered,
    /// Nothing.
    None,
}

impl State {
    /// Well until so many failures in a row were seen.
    pub(crate) fn new(threshold: u32) -> Self {
        Self {
            threshold: NonZeroU32::new(threshold).unwrap_or(NonZeroU32::MIN),
            failures: 0,
            down: None,
        }
    }

    /// Takes note of an outcome. One success makes up for all failures.
    pub(crate) fn update(&mut self, outcome: Result<(), Down>) -> Change {
        let was_down = self.down().is_some();
        match outcome {
            Ok(()) => {
                self.failures = 0;
                self.down = None;
            }
            Err(down) => {
                self.failures = self.failures.saturating_add(1);
                self.down = Some(down);
            }
        }
        match (was_down, self.down().is_some()) {
            (false, true) => Change::Failed,
            (true, false) => Change::Recovered,
            _ => Change::None,
        }
    }

    /// Why it is down, if it is.
    pub(crate) fn down(&self) -> Option<&Down> {
        self.down
            .as_ref()
            .filter(|_| self.failures >= self.threshold.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outcomes (`.` a success, `x` a failure) and how it stands after each (`+` well, `-` down).
    #[track_caller]
    fn check(threshold: u32, outcomes: &str, expected: &str) {
        let mut state = State::new(threshold);
        let mut seen = String::new();
        for outcome in outcomes.chars() {
            let outcome = if outcome == '.' {
                Ok(())
            } else {
                Err(Down::new("broken"))
            };
            state.update(outcome);
            seen.push(if state.down().is_some() { '-' } else { '+' });
        }
        assert_eq!(seen, expected, "{threshold}: {outcomes}");
    }

    #[test]
    fn a_check_is_down_after_as_many_failures_in_a_row_as_the_threshold() {
        check(1, ".xx.x", "+--+-");
        check(0, ".x.", "+-+");
        check(3, "xx.xxxx.x", "+++++--++");
    }

    #[test]
    fn only_the_change_of_sides_is_news() {
        let mut state = State::new(2);
        let failed = || Err(Down::new("broken"));
        assert_eq!(state.update(failed()), Change::None);
        assert_eq!(state.update(failed()), Change::Failed);
        assert_eq!(state.update(failed()), Change::None);
        assert_eq!(state.update(Ok(())), Change::Recovered);
        assert_eq!(state.update(Ok(())), Change::None);
    }
}
