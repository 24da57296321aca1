use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::check::{Check, Down};
use crate::error::Error;
use crate::state::{Change, State};

/// How long a check may take that has no time limit of its own. distribution waits for ever, and meanwhile reports
/// what it saw last.
const LONGEST_CHECK: Duration = Duration::from_secs(60);

/// No processor is to be kept busy by looking.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// When a check runs and when it counts as down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two looks, and before the first one.
    pub interval: Duration,
    /// How many failures in a row count as down; 0 means 1.
    pub threshold: u32,
}

/// A set of checks. Clones share it.
///
/// # Behaviour
/// * Until a check has run for the first time, one interval after [`Health::run`], it counts as well.
/// * A check that does not end within a minute has failed.
/// * The log has one line when a check begins to count as down and one when it no longer does.
#[derive(Debug, Clone, Default)]
pub struct Health {
    checks: BTreeMap<String, Arc<Scheduled>>,
}

#[derive(Debug)]
struct Scheduled {
    check: Box<dyn Check>,
    interval: Duration,
    state: Mutex<State>,
}

impl Health {
    /// Adds a check under a name of its own.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        check: impl Check,
        schedule: Schedule,
    ) -> Result<(), Error> {
        let name = name.into();
        if self.checks.contains_key(&name) {
            return Err(Error::DuplicateName { name });
        }
        let scheduled = Scheduled {
            check: Box::new(check),
            interval: schedule.interval.max(SHORTEST_INTERVAL),
            state: Mutex::new(State::new(schedule.threshold)),
        };
        self.checks.insert(name, Arc::new(scheduled));
        Ok(())
    }

    /// The checks that are down now, by name, each with its reason.
    pub fn failing(&self) -> BTreeMap<String, String> {
        let down = self.checks.iter().filter_map(|(name, scheduled)| {
            let reason = scheduled.state().down()?.to_string();
            Some((name.clone(), reason))
        });
        down.collect()
    }

    /// The names of all checks.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.checks.keys().map(String::as_str)
    }

    /// Looks at everything, each check by its own schedule, until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let tracker = TaskTracker::new();
        for (name, scheduled) in self.checks {
            let stop = stop.clone();
            tracker.spawn(async move { stop.run_until_cancelled(scheduled.look_for_ever(&name)).await });
        }
        tracker.close();
        tracker.wait().await;
    }
}

impl Scheduled {
    async fn look_for_ever(&self, name: &str) {
        let mut ticks = tokio::time::interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let outcome = tokio::time::timeout(LONGEST_CHECK, self.check.check()).await;
            let outcome = outcome.unwrap_or_else(|_| {
                let seconds = LONGEST_CHECK.as_secs();
                Err(Down::new(format!("no result after {seconds} s")))
            });
            let reason = outcome.as_ref().err().map(ToString::to_string);
            match self.state().update(outcome) {
                Change::Failed => tracing::warn!(check = name, reason, "health check failed"),
                Change::Recovered => tracing::info!(check = name, "health check passes again"),
                Change::None => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use async_trait::async_trait;

    use super::*;

    /// Gives prepared outcomes, one a look; when they are used up it never ends.
    #[derive(Debug)]
    struct Script(Mutex<VecDeque<bool>>);

    #[async_trait]
    impl Check for Script {
        async fn check(&self) -> Result<(), Down> {
            let next = self.0.lock().unwrap().pop_front();
            match next {
                Some(true) => Ok(()),
                Some(false) => Err(Down::new("broken")),
                None => std::future::pending().await,
            }
        }
    }

    fn script(outcomes: &[bool]) -> Script {
        Script(Mutex::new(outcomes.iter().copied().collect()))
    }

    const EVERY_TEN_SECONDS: Schedule = Schedule {
        interval: Duration::from_secs(10),
        threshold: 1,
    };

    fn started(health: &Health) -> CancellationToken {
        let stop = CancellationToken::new();
        tokio::spawn(health.clone().run(stop.clone()));
        stop
    }

    /// Lets the paused clock go on, and what waits for it.
    async fn pass(time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn failing(health: &Health) -> Vec<(String, String)> {
        health.failing().into_iter().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_look_is_after_one_interval() {
        let mut health = Health::default();
        health
            .add("a", script(&[false, true]), EVERY_TEN_SECONDS)
            .unwrap();
        let _stop = started(&health);
        pass(Duration::from_millis(9_990)).await;
        assert_eq!(failing(&health), []);
        pass(Duration::from_millis(20)).await;
        assert_eq!(failing(&health), [("a".to_owned(), "broken".to_owned())]);
        pass(Duration::from_secs(10)).await;
        assert_eq!(failing(&health), []);
    }

    #[tokio::test(start_paused = true)]
    async fn checks_have_thresholds_and_intervals_of_their_own() {
        let mut health = Health::default();
        let slower = Schedule {
            interval: Duration::from_secs(30),
            threshold: 2,
        };
        health
            .add("quick", script(&[true; 99]), EVERY_TEN_SECONDS)
            .unwrap();
        health.add("slow", script(&[false; 99]), slower).unwrap();
        let _stop = started(&health);
        pass(Duration::from_secs(59)).await;
        assert_eq!(failing(&health), []);
        pass(Duration::from_secs(2)).await;
        assert_eq!(failing(&health), [("slow".to_owned(), "broken".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_never_ends_has_failed() {
        let mut health = Health::default();
        health.add("stuck", script(&[]), EVERY_TEN_SECONDS).unwrap();
        let _stop = started(&health);
        pass(Duration::from_secs(69)).await;
        assert_eq!(failing(&health), []);
        pass(Duration::from_secs(2)).await;
        let reason = "no result after 60 s".to_owned();
        assert_eq!(failing(&health), [("stuck".to_owned(), reason)]);
    }

    #[tokio::test(start_paused = true)]
    async fn everything_ends_when_it_is_told_to() {
        let mut health = Health::default();
        health.add("stuck", script(&[]), EVERY_TEN_SECONDS).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(health.clone().run(stop.clone()));
        pass(Duration::from_secs(11)).await;
        stop.cancel();
        running.await.unwrap();
    }

    #[test]
    fn two_checks_of_one_name_are_refused() {
        let mut health = Health::default();
        health.add("a", script(&[]), EVERY_TEN_SECONDS).unwrap();
        let error = health.add("a", script(&[]), EVERY_TEN_SECONDS).unwrap_err();
        assert_eq!(error.to_string(), "two checks are named a");
        assert_eq!(health.names().collect::<Vec<_>>(), ["a"]);
    }
}
