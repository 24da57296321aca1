use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// How long a step may take. Drivers try again for a while before they give up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    Skipped,
    Failed,
}

/// What a step has to say when it did what it should.
#[derive(Debug)]
pub(super) enum Done {
    /// It worked.
    Ok(String),
    /// There was nothing to try, and why.
    Skipped(String),
}

/// The steps that were tried.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    step: &'static str,
    outcome: Outcome,
    duration: Duration,
    detail: String,
}

impl Table {
    /// Runs a step that is to make something; `None` when it failed.
    pub(super) async fn time<T>(
        &mut self,
        step: &'static str,
        run: impl Future<Output = Result<T, String>>,
    ) -> Option<T> {
        let mut made = None;
        let run = async {
            made = Some(run.await?);
            Ok(Done::Ok(String::new()))
        };
        self.run(step, run).await;
        made
    }

    /// Runs a step and tells whether it worked.
    pub(super) async fn run(
        &mut self,
        step: &'static str,
        run: impl Future<Output = Result<Done, String>>,
    ) -> bool {
        let started = Instant::now();
        let ended = timeout(PATIENCE, run).await;
        let ended = ended.unwrap_or_else(|_| Err(format!("not done after {} s", PATIENCE.as_secs())));
        let (outcome, detail) = match ended {
            Ok(Done::Ok(detail)) => (Outcome::Ok, detail),
            Ok(Done::Skipped(reason)) => (Outcome::Skipped, reason),
            Err(reason) => (Outcome::Failed, reason),
        };
        self.rows.push(Row {
            step,
            outcome,
            duration: started.elapsed(),
            detail,
        });
        outcome == Outcome::Ok
    }

    /// Notes a step that cannot be tried.
    pub(super) fn skip(&mut self, step: &'static str, reason: &str) {
        self.rows.push(Row {
            step,
            outcome: Outcome::Skipped,
            duration: Duration::ZERO,
            detail: reason.to_owned(),
        });
    }

    pub(super) fn has_failures(&self) -> bool {
        self.rows.iter().any(|row| row.outcome == Outcome::Failed)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16} {:<8} {:>8}  detail", "step", "outcome", "ms")?;
        for row in &self.rows {
            let outcome = match row.outcome {
                Outcome::Ok => "ok",
                Outcome::Skipped => "skipped",
                Outcome::Failed => "FAILED",
            };
            let milliseconds = row.duration.as_millis();
            let line = format!("{:<16} {outcome:<8} {milliseconds:>8}  {}", row.step, row.detail);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
