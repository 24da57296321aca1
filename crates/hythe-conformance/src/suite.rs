//! Groups of cases, and how they are run.
//!
//! A case is a function from a [`Context`] to an [`Outcome`]. Each case gets repositories that nobody else uses and
//! content that nobody else pushes, so cases neither depend on an order nor on an empty registry, and a run can be
//! repeated on the same one.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

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
}

impl Plan {
    fn wants(&self, group: &Group) -> bool {
        if self.groups.is_empty() {
            self.scopes.contains(&group.scope)
        } else {
            self.groups.contains(group.name)
        }
    }

    /// Runs the groups that are wanted, one case after the other, and calls `observe` after each case.
    pub async fn run(&self, groups: &[Group], mut observe: impl FnMut(&str, &CaseReport)) -> Report {
        let run = Random::named(self.seed, "run").letters(8);
        let mut number = 0_u32;
        let mut report = Report::default();
        for group in groups.iter().filter(|group| self.wants(group)) {
            let mut cases = Vec::new();
            for case in &group.cases {
                number += 1;
                let context = self.context(&run, number);
                let mut outcome = (case.run)(context.clone()).await;
                if group.scope == Scope::Hythe && outcome.is_ok() {
                    // After bad input the registry must still serve others.
                    outcome = context.still_serves().await;
                }
                let case = CaseReport {
                    name: case.name.clone(),
                    failure: outcome.err().map(|failure| failure.to_string()),
                };
                observe(group.name, &case);
                cases.push(case);
            }
            report.groups.push(GroupReport {
                name: group.name.to_owned(),
                about: group.about.to_owned(),
                cases,
            });
        }
        report
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
