//! Groups of cases, and how they are run.
//!
//! A case is a function from a [`Context`] to an [`Outcome`]. Each case gets repositories that nobody else uses and
//! content that nobody else pushes, so cases neither depend on an order nor on an empty registry, and a run can be
//! repeated on the same one. Nor do they mind others that run at the same time, which is what shortens a run on a
//! storage that is far away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use hythe_testutil::{Client, Random};

use crate::context::Context;
use crate::failure::Outcome;
use crate::report::{CaseReport, GroupReport, Report};

type CaseFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Who can be expected to pass a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Everybody: the specification says so.
    Specification,
    /// Who was configured to accept content that refers to missing content.
    Sparse,
    /// Hythe: bad input gets the answer that Hythe documents, and what the specification leaves open.
    Hythe,
}

/// Cases that stand or fall together.
pub struct Group {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it checks, in one sentence.
    pub about: &'static str,
    /// Who can be expected to pass it.
    pub scope: Scope,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    run: Box<dyn Fn(Context) -> CaseFuture + Send + Sync>,
}

impl Group {
    /// A group without cases.
    pub fn new(name: &'static str, scope: Scope, about: &'static str) -> Self {
        Self {
            name,
            about,
            scope,
            cases: Vec::new(),
        }
    }

    /// One more case. Its name is the statement that it checks.
    #[must_use]
    pub fn case<Run, Running>(mut self, name: impl Into<String>, run: Run) -> Self
    where
        Run: Fn(Context) -> Running + Send + Sync + 'static,
        Running: Future<Output = Outcome> + Send + 'static,
    {
        let run = Box::new(move |context| -> CaseFuture { Box::pin(run(context)) });
        self.cases.push(Case {
            name: name.into(),
            run,
        });
        self
    }

    /// The names of its cases.
    pub fn case_names(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().map(|case| case.name.as_str())
    }
}

impl Case {
    async fn report(&self, scope: Scope, context: Context) -> CaseReport {
        let started = Instant::now();
        let mut outcome = (self.run)(context.clone()).await;
        if scope == Scope::Hythe && outcome.is_ok() {
            // After bad input the registry must still serve others.
            outcome = context.still_serves().await;
        }
        CaseReport {
            name: self.name.clone(),
            failure: outcome.err().map(|failure| failure.to_string()),
            seconds: started.elapsed().as_secs_f32(),
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Group")
            .field("name", &self.name)
            .field("cases", &self.cases.len())
            .finish_non_exhaustive()
    }
}

/// What to run, and against what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The registry.
    pub client: Client,
    /// First component of the names of all repositories that are used.
    pub repository_prefix: String,
    /// Makes names and content; two runs with the same seed on the same registry see each other's content.
    pub seed: u64,
    /// Only these groups; all that [`Plan::scopes`] allows when empty.
    pub groups: BTreeSet<String>,
    /// Which groups run when none is named.
    pub scopes: Vec<Scope>,
    /// Largest manifest that the registry accepts, in bytes.
    pub max_manifest_bytes: usize,
    /// At most so many cases run at the same time.
    pub jobs: usize,
}

impl Plan {
    fn wants(&self, group: &Group) -> bool {
        if self.groups.is_empty() {
            self.scopes.contains(&group.scope)
        } else {
            self.groups.contains(group.name)
        }
    }

    /// Runs the groups that are wanted, and calls `observe` after each case.
    pub async fn run(&self, groups: &[Group], mut observe: impl FnMut(&str, &CaseReport)) -> Report {
        let wanted: Vec<&Group> = groups.iter().filter(|group| self.wants(group)).collect();
        let run = Random::named(self.seed, "run").letters(8);
        let cases = wanted
            .iter()
            .flat_map(|group| group.cases.iter().map(move |case| (*group, case)));
        let running = cases.zip(1..).map(|((group, case), number)| {
            let context = self.context(&run, number);
            async move { (number, group.name, case.report(group.scope, context).await) }
        });
        let mut reports = BTreeMap::new();
        let mut ended = stream::iter(running).buffer_unordered(self.jobs.max(1));
        while let Some((number, group, report)) = ended.next().await {
            observe(group, &report);
            reports.insert(number, report);
        }
        let mut reports = reports.into_values();
        let groups = wanted.iter().map(|group| GroupReport {
            name: group.name.to_owned(),
            about: group.about.to_owned(),
            cases: reports.by_ref().take(group.cases.len()).collect(),
        });
        Report {
            groups: groups.collect(),
        }
    }

    fn context(&self, run: &str, number: u32) -> Context {
        let repository = format!("{}/{run}-{number}", self.repository_prefix);
        Context {
            client: self.client.clone(),
            other_repository: format!("{repository}-other"),
            random: Random::named(self.seed, &repository),
            repository,
            max_manifest_bytes: self.max_manifest_bytes,
        }
    }
}
