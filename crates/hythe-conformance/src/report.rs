//! What came out of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

/// The outcome of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// In the order in which they ran.
    pub groups: Vec<GroupReport>,
}

/// The outcome of one group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupReport {
    /// The group's name.
    pub name: String,
    /// What it checks.
    pub about: String,
    /// In the order in which they ran.
    pub cases: Vec<CaseReport>,
}

/// The outcome of one case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// The statement that was checked.
    pub name: String,
    /// Why it does not hold; absent when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long it took, beside the cases that ran at the same time.
    pub seconds: f32,
}

impl GroupReport {
    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }
}

impl Report {
    /// Number of cases that failed.
    pub fn failures(&self) -> usize {
        self.groups.iter().map(GroupReport::failures).sum()
    }

    /// Number of cases that passed.
    pub fn passes(&self) -> usize {
        self.groups.iter().map(|group| group.cases.len()).sum::<usize>() - self.failures()
    }

    /// One line for each group and a sum.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            let failures = group.failures();
            let passes = group.cases.len() - failures;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:<24} {passes:>4} passed {failures:>4} failed", group.name);
        }
        let _ = writeln!(
            text,
            "{:<24} {:>4} passed {:>4} failed",
            "all",
            self.passes(),
            self.failures()
        );
        text
    }

    /// What differs between this report and the expectation that exactly the groups in `expected` have failures.
    /// Empty when the expectation holds.
    pub fn against_expectation(&self, expected: &BTreeSet<String>) -> Vec<String> {
        let failures: BTreeMap<&str, usize> = self
            .groups
            .iter()
            .map(|group| (group.name.as_str(), group.failures()))
            .collect();
        let unexpected = failures
            .iter()
            .filter(|(name, failures)| **failures > 0 && !expected.contains(**name))
            .map(|(name, failures)| format!("{name}: {failures} failures, none expected"));
        let missing = expected
            .iter()
            .filter_map(|name| match failures.get(name.as_str()) {
                None => Some(format!("{name}: expected to fail, but did not run")),
                Some(0) => Some(format!("{name}: expected to fail, but passed")),
                Some(_) => None,
            });
        unexpected.chain(missing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(groups: &[(&str, usize, usize)]) -> Report {
        let case = |failure: bool| CaseReport {
            name: "case".to_owned(),
            failure: failure.then(|| "reason".to_owned()),
            seconds: 0.0,
        };
        let group = |(name, passes, failures): &(&str, usize, usize)| GroupReport {
            name: (*name).to_owned(),
            about: String::new(),
            cases: (0..*passes)
                .map(|_| case(false))
                .chain((0..*failures).map(|_| case(true)))
                .collect(),
        };
        Report {
            groups: groups.iter().map(group).collect(),
        }
    }

    #[test]
    fn failures_must_be_exactly_where_they_are_expected() {
        fn check(groups: &[(&str, usize, usize)], expected: &[&str], complaints: usize) {
            let expected = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(
                report(groups).against_expectation(&expected).len(),
                complaints,
                "{groups:?}"
            );
        }
        check(&[("a", 1, 0), ("b", 0, 1)], &["b"], 0);
        check(&[("a", 1, 0), ("b", 0, 1)], &[], 1);
        check(&[("a", 1, 0), ("b", 1, 0)], &["b"], 1);
        check(&[("a", 1, 0)], &["b"], 1);
        check(&[("a", 1, 1), ("b", 1, 0)], &["b"], 2);
    }

    #[test]
    fn cases_are_counted() {
        let report = report(&[("a", 2, 1), ("b", 3, 0)]);
        assert_eq!((report.passes(), report.failures()), (5, 1));
    }
}
