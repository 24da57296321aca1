//! What an operator sees of two programs under the same traffic: metrics, health, the access log and the JSON log.
//!
//! Each program is reduced to facts, a name and a text each: the labels of a metric, the answer of a health page, one
//! field of one request's log line. What differs must stand in a list with its reason, and what stands in the list
//! must differ.

mod facts;
mod health;
mod logs;
mod metrics;
mod traffic;

use std::net::TcpListener;
use std::path::Path;

use hythe_testutil::{Client, Configuration, ServerProcess};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

pub use facts::{FactDifference, Facts, compare};

use crate::failure::Failure;
use crate::text::matches;
use crate::two_way::Script;

/// How often the checks of the configuration look.
const CHECK_INTERVAL: &str = "50ms";

/// Differences that are wanted, read from JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedFacts {
    differences: Vec<AllowedFact>,
}

/// One kind of difference. In the three patterns `*` stands for any characters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedFact {
    /// Which facts.
    pub fact: String,
    /// What Hythe shows.
    pub hythe: String,
    /// What distribution shows.
    pub original: String,
    /// Why the difference is wanted.
    pub reason: String,
}

impl AllowedFacts {
    /// Reads the list.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|error| Failure::new(format!("allowed differences: {error}")))
    }

    /// The differences that no entry covers, and the entries that cover none.
    pub fn judge<'a>(
        &'a self,
        differences: &'a [FactDifference],
    ) -> (Vec<&'a FactDifference>, Vec<&'a AllowedFact>) {
        let covers = |entry: &AllowedFact, difference: &FactDifference| {
            matches(&entry.fact, &difference.fact)
                && matches(&entry.hythe, &difference.hythe)
                && matches(&entry.original, &difference.original)
        };
        let unexpected = differences
            .iter()
            .filter(|difference| !self.differences.iter().any(|entry| covers(entry, difference)));
        let unused = self
            .differences
            .iter()
            .filter(|entry| !differences.iter().any(|difference| covers(entry, difference)));
        (unexpected.collect(), unused.collect())
    }
}

/// Starts the program, puts the traffic on it, and looks.
pub async fn observe(program: &Path) -> Result<Facts, Failure> {
    let file_error = |error: std::io::Error| Failure::new(error.to_string());
    let folder = TempDir::new().map_err(file_error)?;
    let switch = folder.path().join("down");
    let peer = TcpListener::bind("127.0.0.1:0").map_err(file_error)?;
    let peer_address = peer.local_addr().map_err(file_error)?.to_string();
    let debug_address = {
        let free = TcpListener::bind("127.0.0.1:0").map_err(file_error)?;
        free.local_addr().map_err(file_error)?.to_string()
    };
    let configuration = Configuration::filesystem(&folder.path().join("data"))
        .set(&["storage", "cache"], json!({ "blobdescriptor": "inmemory" }))
        .set(
            &["log"],
            json!({ "level": "info", "formatter": "json", "fields": { "place": "here" } }),
        )
        .set(
            &["http", "debug"],
            json!({ "addr": &debug_address, "prometheus": { "enabled": true } }),
        )
        .set(
            &["health"],
            json!({
                "storagedriver": { "enabled": true, "interval": CHECK_INTERVAL },
                "file": [{ "file": &switch, "interval": CHECK_INTERVAL }],
                "tcp": [{ "addr": &peer_address, "interval": CHECK_INTERVAL, "threshold": 2 }],
            }),
        );
    let server = ServerProcess::start(program, &configuration).await?;
    let debug = Client::new(&format!("http://{debug_address}"))?;

    let mut facts = Facts::default();
    let requests = traffic::run(&server.client()).await?;
    logs::facts(&server, &requests, &mut facts).await?;
    Script::new().begin(&server.client()).await?;
    metrics::facts(&debug, &mut facts).await?;
    let checks = health::Checks {
        switch,
        peer,
        peer_address,
    };
    health::facts(&server.client(), &debug, checks, &mut facts).await?;
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_and_what_is_not_needed_are_told() {
        let allowed = r#"{ "differences": [
            { "fact": "metric go_*", "hythe": "absent", "original": "*", "reason": "Go" },
            { "fact": "metric x", "hythe": "*", "original": "*", "reason": "none" }
        ] }"#;
        let allowed = AllowedFacts::parse(allowed).unwrap();
        let (mut hythe, mut original) = (Facts::default(), Facts::default());
        original.insert("metric go_info", "gauge version");
        original.insert("metric y", "gauge");
        hythe.insert("metric y", "counter");
        hythe.insert("metric z", "counter");
        original.insert("metric z", "counter");
        let differences = compare(&hythe, &original);
        let (unexpected, unused) = allowed.judge(&differences);
        let unexpected: Vec<&str> = unexpected.iter().map(|found| &*found.fact).collect();
        assert_eq!(unexpected, ["metric y"]);
        let unused: Vec<&str> = unused.iter().map(|entry| &*entry.fact).collect();
        assert_eq!(unused, ["metric x"]);
    }
}
