//! Names, types and labels of metrics.

use std::collections::{BTreeMap, BTreeSet};

use hythe_testutil::Client;

use super::facts::Facts;
use crate::failure::{Failure, ensure};

/// Labels whose values are names of the program's own, so that they must be the same as well.
const NAMING_LABELS: [&str; 2] = ["handler", "method"];

/// What Prometheus gets.
pub(super) async fn facts(debug: &Client, facts: &mut Facts) -> Result<(), Failure> {
    let response = debug.get("/metrics").await?;
    response.expect_status(&[200])?;
    let content_type = response.header("content-type").unwrap_or_default();
    facts.insert("metrics content-type", content_type);
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let found = read(&text);
    ensure!(found.len() > 20, "only {} metrics:\n{text}", found.len());
    for (name, metric) in found {
        let labels: Vec<&str> = metric.labels.keys().map(String::as_str).collect();
        let mut description = metric.kind.clone();
        for label in labels {
            description.push(' ');
            description.push_str(label);
        }
        facts.insert(format!("metric {name}"), description);
        if !name.starts_with("registry_http_") {
            continue;
        }
        for (label, values) in &metric.labels {
            for value in values.iter().filter(|_| NAMING_LABELS.contains(&label.as_str())) {
                facts.insert(format!("series {name} {label}={value}"), "present");
            }
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Metric {
    kind: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// The metrics of the text format by their names; those of which no value is shown are left out.
fn read(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            kinds.extend(rest.split_once(' '));
            continue;
        }
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let end = line.find(['{', ' ']).unwrap_or(line.len());
        let sample = &line[..end];
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| sample.strip_suffix(suffix))
            .find(|family| kinds.contains_key(family))
            .unwrap_or(sample);
        let metric = metrics.entry(family.to_owned()).or_default();
        (*kinds.get(family).unwrap_or(&"untyped")).clone_into(&mut metric.kind);
        let labels = line[end..]
            .strip_prefix('{')
            .and_then(|rest| rest.rsplit_once('}'));
        for pair in labels.map_or("", |(labels, _)| labels).split("\",") {
            if let Some((label, value)) = pair.split_once("=\"") {
                let values = metric.labels.entry(label.to_owned()).or_default();
                values.insert(value.trim_end_matches('"').to_owned());
            }
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_types_and_labels_are_read() {
        let text = "# HELP a_total b\n# TYPE a_total counter\na_total{code=\"200\",method=\"get\"} 1\n\
                    # TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n\
                    # TYPE unseen counter\n";
        let metrics = read(text);
        assert_eq!(metrics.keys().collect::<Vec<_>>(), ["a_total", "h"]);
        assert_eq!(metrics["a_total"].kind, "counter");
        assert!(metrics["a_total"].labels["code"].contains("200"));
        assert!(metrics["h"].labels["le"].contains("+Inf"));
        assert_eq!(metrics["h"].kind, "histogram");
    }
}
