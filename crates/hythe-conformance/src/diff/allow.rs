//! Differences that are wanted, each with its reason.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::compare::Difference;
use crate::failure::Failure;
use crate::text::matches;

/// A list of differences that are wanted, read from JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedDifferences {
    differences: Vec<Allowance>,
}

/// One kind of difference. In the four patterns `*` stands for any characters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// Which requests: method and path template.
    pub route: String,
    /// `status`, `header:<name>`, `body`, `body:<JSON pointer>` or `sequence`; several when it is a list.
    pub what: Vec<String>,
    /// Which sequences; all when absent.
    #[serde(default = "anything")]
    pub case: String,
    /// What the left registry has; anything when absent.
    #[serde(default = "anything")]
    pub left: String,
    /// What the right registry has; anything when absent.
    #[serde(default = "anything")]
    pub right: String,
    /// Why the difference is wanted.
    pub reason: String,
}

fn anything() -> String {
    "*".to_owned()
}

impl Allowance {
    fn covers(&self, difference: &Difference) -> bool {
        matches(&self.route, &difference.route)
            && self.what.iter().any(|what| matches(what, &difference.what))
            && matches(&self.case, &difference.case)
            && matches(&self.left, &difference.left)
            && matches(&self.right, &difference.right)
    }
}

impl AllowedDifferences {
    /// Reads the list.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let list: Self = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("allowed differences: {error}")))?;
        match list
            .differences
            .iter()
            .find(|entry| entry.reason.trim().is_empty())
        {
            Some(entry) => Err(Failure::new(format!(
                "allowed differences: {} has no reason",
                entry.route
            ))),
            None => Ok(list),
        }
    }

    /// The differences that no entry covers, and the entries that cover none.
    pub fn judge<'a>(&'a self, differences: &'a [Difference]) -> (Vec<&'a Difference>, Vec<&'a Allowance>) {
        let mut used = BTreeSet::new();
        let mut unexpected = Vec::new();
        for difference in differences {
            let covering: Vec<usize> = (0..self.differences.len())
                .filter(|entry| self.differences[*entry].covers(difference))
                .collect();
            if covering.is_empty() {
                unexpected.push(difference);
            }
            used.extend(covering);
        }
        let unused = self
            .differences
            .iter()
            .enumerate()
            .filter(|(entry, _)| !used.contains(entry));
        (unexpected, unused.map(|(_, entry)| entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(route: &str, what: &str) -> Difference {
        let text = |text: &str| text.to_owned();
        Difference {
            profile: text("default"),
            case: text("case"),
            route: text(route),
            what: text(what),
            request: text("request"),
            left: text("1"),
            right: text("2"),
        }
    }

    #[test]
    fn what_is_not_listed_and_what_does_not_occur_are_both_reported() {
        let list = AllowedDifferences::parse(
            r#"{"differences":[
                {"route":"GET /v2/","what":["status"],"left":"1","reason":"because"},
                {"route":"PUT *","what":["status"],"reason":"because"}]}"#,
        )
        .unwrap();
        let differences = [difference("GET /v2/", "status"), difference("GET /v2/", "body")];
        let (unexpected, unused) = list.judge(&differences);
        assert_eq!(unexpected, [&differences[1]]);
        assert_eq!(unused.len(), 1);
        assert_eq!(unused[0].route, "PUT *");
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        let text = r#"{"differences":[{"route":"*","what":["status"],"reason":" "}]}"#;
        assert!(AllowedDifferences::parse(text).is_err());
    }
}
