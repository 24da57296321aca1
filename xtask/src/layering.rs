//! Which crate may depend on which: the tiers of the workspace as a table, and a check of the table.
//!
//! Arrows between crates are the most expensive thing to change later, so a new crate or a new arrow needs a line
//! here, where a reader sees what it means for the whole. `docs/architecture.md` has the same in a picture.

mod sources;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::workspace;

/// Prints what is wrong and fails, or says how much was looked at.
pub(crate) fn check() -> Result<()> {
    let problems = problems()?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        bail!(
            "{} breaches of the layering; xtask/src/layering.rs has the rules",
            problems.len()
        );
    }
    println!("layering: {} crates keep to their tiers", CRATES.len());
    Ok(())
}

/// Every crate of the workspace with its tier and the crates of ours it may depend on.
const CRATES: &[Crate] = &[
    vocabulary("hythe-digest", &[]),
    vocabulary("hythe-reference", &["hythe-digest"]),
    vocabulary("hythe-manifest", &["hythe-digest"]),
    vocabulary("hythe-units", &[]),
    contract("hythe-distribution", VOCABULARY),
    contract("hythe-driver", &[]),
    contract("hythe-api", VOCABULARY),
    contract("hythe-auth", &["hythe-reference", "hythe-digest"]),
    implementation("hythe-storage", &["hythe-distribution", "hythe-driver"], true),
    implementation("hythe-acme", &[], false),
    implementation("hythe-auth-htpasswd", &["hythe-auth"], true),
    implementation("hythe-auth-token", &["hythe-auth"], true),
    implementation("hythe-cache", &["hythe-distribution"], true),
    implementation("hythe-driver-azure", &["hythe-driver"], true),
    implementation("hythe-driver-filesystem", &["hythe-driver"], true),
    implementation("hythe-driver-gcs", &["hythe-driver"], true),
    implementation("hythe-driver-inmemory", &["hythe-driver"], false),
    implementation("hythe-driver-s3", &["hythe-driver"], false),
    implementation("hythe-driver-layers", &["hythe-driver"], false),
    implementation("hythe-driver-cloudfront", &["hythe-driver"], true),
    implementation("hythe-configuration", &[], true),
    implementation("hythe-file-io", &[], false),
    implementation("hythe-health", &[], false),
    Crate {
        name: "hythe-handlers",
        tier: Tier::Adapter,
        may_use: &["hythe-distribution", "hythe-api", "hythe-auth"],
        may_use_vocabulary: true,
    },
    // Alone in naming concrete types, and therefore free to use everything below.
    Crate {
        name: "hythe",
        tier: Tier::Composition,
        may_use: EVERYTHING_BELOW,
        may_use_vocabulary: true,
    },
    development("hythe-driver-testsuite", &["hythe-driver"]),
    development("hythe-testutil", EVERYTHING_BELOW),
    development("hythe-conformance", &["hythe-api", "hythe-testutil"]),
    development("hythe-bench", &["hythe-api", "hythe-testutil"]),
    Crate {
        name: "xtask",
        tier: Tier::Development,
        may_use: &[],
        may_use_vocabulary: false,
    },
];

/// The one crate that may have `unsafe` in it. It cannot inherit the lints, so it repeats them.
const WITH_UNSAFE: &str = "hythe-file-io";

/// External crates that bring a runtime, sockets or files. Contracts and the vocabulary must not pull them in, not
/// even through others.
const IMPURE: [&str; 9] = [
    "tokio",
    "tokio-util",
    "hyper",
    "hyper-util",
    "reqwest",
    "axum",
    "async-std",
    "smol",
    "rustix",
];

const VOCABULARY: &[&str] = &["hythe-digest", "hythe-reference", "hythe-manifest", "hythe-units"];
const EVERYTHING_BELOW: &[&str] = &[
    "hythe-distribution",
    "hythe-driver",
    "hythe-api",
    "hythe-auth",
    "hythe-storage",
    "hythe-acme",
    "hythe-auth-htpasswd",
    "hythe-auth-token",
    "hythe-cache",
    "hythe-driver-azure",
    "hythe-driver-filesystem",
    "hythe-driver-gcs",
    "hythe-driver-inmemory",
    "hythe-driver-s3",
    "hythe-driver-layers",
    "hythe-driver-cloudfront",
    "hythe-configuration",
    "hythe-file-io",
    "hythe-health",
    "hythe-handlers",
];

/// The floors of the house, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// Values, grammar, parsing: no async, no IO.
    Vocabulary,
    /// Traits, their value types and errors: no runtime, no IO.
    Contract,
    /// What implements a contract; never knows another implementation.
    Implementation,
    /// HTTP over the contracts.
    Adapter,
    /// The program.
    Composition,
    /// Never shipped; used by the others only to test themselves.
    Development,
}

struct Crate {
    name: &'static str,
    tier: Tier,
    may_use: &'static [&'static str],
    may_use_vocabulary: bool,
}

const fn vocabulary(name: &'static str, may_use: &'static [&'static str]) -> Crate {
    Crate {
        name,
        tier: Tier::Vocabulary,
        may_use,
        may_use_vocabulary: false,
    }
}

const fn contract(name: &'static str, may_use: &'static [&'static str]) -> Crate {
    Crate {
        name,
        tier: Tier::Contract,
        may_use,
        may_use_vocabulary: false,
    }
}

const fn implementation(
    name: &'static str,
    may_use: &'static [&'static str],
    may_use_vocabulary: bool,
) -> Crate {
    Crate {
        name,
        tier: Tier::Implementation,
        may_use,
        may_use_vocabulary,
    }
}

const fn development(name: &'static str, may_use: &'static [&'static str]) -> Crate {
    Crate {
        name,
        tier: Tier::Development,
        may_use,
        may_use_vocabulary: true,
    }
}

impl Crate {
    fn allows(&self, other: &str) -> bool {
        self.may_use.contains(&other) || (self.may_use_vocabulary && VOCABULARY.contains(&other))
    }

    /// The crate's own Cargo features must not be a way to get another program from the same library.
    fn may_have_feature(&self, feature: &str) -> bool {
        let for_tests = matches!(feature, "testsuite" | "testing");
        for_tests || matches!(self.tier, Tier::Composition | Tier::Development)
    }

    fn is_pure(&self) -> bool {
        self.tier <= Tier::Contract
    }
}

/// Everything that is wrong, one sentence each.
fn problems() -> Result<Vec<String>> {
    let metadata = workspace::metadata(&[])?;
    let packages = members(&metadata)?;
    let mut problems = wrong_members(&packages);
    for package in &packages {
        let Some(rule) = rule_of(package.name) else {
            continue;
        };
        problems.extend(wrong_arrows(rule, package));
        problems.extend(wrong_features(rule, package));
        problems.extend(missing_lints(package)?);
        if rule.is_pure() {
            problems.extend(impure_dependencies(rule, package, &metadata)?);
            problems.extend(sources::opened_files(package.folder()?)?);
        }
    }
    Ok(problems)
}

fn rule_of(name: &str) -> Option<&'static Crate> {
    CRATES.iter().find(|rule| rule.name == name)
}

/// A member of the workspace as `cargo metadata` describes it.
struct Package<'a> {
    name: &'a str,
    id: &'a str,
    json: &'a Value,
}

impl Package<'_> {
    fn folder(&self) -> Result<&std::path::Path> {
        let manifest = self.json["manifest_path"]
            .as_str()
            .context("a package without a manifest")?;
        std::path::Path::new(manifest)
            .parent()
            .context("a manifest without a folder")
    }
}

fn members(metadata: &Value) -> Result<Vec<Package<'_>>> {
    let ids: BTreeSet<&str> = strings(&metadata["workspace_members"]).collect();
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let describe = |json| {
        Some(Package {
            name: text(json, "name")?,
            id: text(json, "id")?,
            json,
        })
    };
    Ok(packages
        .iter()
        .filter_map(describe)
        .filter(|package| ids.contains(package.id))
        .collect())
}

fn wrong_members(packages: &[Package<'_>]) -> Vec<String> {
    let there: BTreeSet<&str> = packages.iter().map(|package| package.name).collect();
    let unknown = there.iter().filter(|name| rule_of(name).is_none());
    let gone = CRATES.iter().filter(|rule| !there.contains(rule.name));
    let unknown = unknown.map(|name| format!("{name} is in the workspace, but not in the table of tiers"));
    let gone = gone.map(|rule| format!("{} is in the table of tiers, but not in the workspace", rule.name));
    unknown.chain(gone).collect()
}

fn wrong_arrows(rule: &Crate, package: &Package<'_>) -> Vec<String> {
    let dependencies = package.json["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    // A dependency for tests only is no arrow: suites and helpers come in that way.
    let shipped = dependencies
        .iter()
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"));
    let ours = shipped
        .filter_map(|dependency| text(dependency, "name"))
        .filter(|name| rule_of(name).is_some());
    ours.filter(|name| !rule.allows(name))
        .map(|name| format!("{} must not depend on {name}", package.name))
        .collect()
}

fn wrong_features(rule: &Crate, package: &Package<'_>) -> Vec<String> {
    let features = package.json["features"].as_object();
    let names = features.into_iter().flat_map(|features| features.keys());
    names
        .filter(|feature| !rule.may_have_feature(feature))
        .map(|feature| {
            format!(
                "{} must not have the feature {feature}: only the program has features",
                package.name
            )
        })
        .collect()
}

fn missing_lints(package: &Package<'_>) -> Result<Option<String>> {
    if package.name == WITH_UNSAFE {
        return Ok(None);
    }
    let manifest = std::fs::read_to_string(package.folder()?.join("Cargo.toml"))?;
    let has_lints = manifest
        .lines()
        .skip_while(|line| line.trim() != "[lints]")
        .skip(1)
        .take_while(|line| !line.trim_start().starts_with('['))
        .any(|line| line.split_whitespace().collect::<String>() == "workspace=true");
    Ok((!has_lints).then(|| format!("{} lacks `[lints] workspace = true`", package.name)))
}

/// Follows the arrows of `package` through the crates of others.
fn impure_dependencies(rule: &Crate, package: &Package<'_>, metadata: &Value) -> Result<Vec<String>> {
    let graph = Graph::read(metadata)?;
    let found = graph
        .reachable(package.id)
        .into_iter()
        .filter_map(|id| graph.names.get(id).copied());
    let impure = found.filter(|name| IMPURE.contains(name));
    Ok(impure
        .map(|name| {
            format!(
                "{} must not pull in {name}: it is {}",
                package.name,
                rule.tier.nature()
            )
        })
        .collect())
}

impl Tier {
    fn nature(self) -> &'static str {
        match self {
            Self::Vocabulary => "vocabulary",
            Self::Contract => "a contract",
            Self::Implementation => "an implementation",
            Self::Adapter => "an adapter",
            Self::Composition => "the program",
            Self::Development => "for development",
        }
    }
}

/// The resolved packages and the dependencies that each ships with.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    arrows: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn read(metadata: &'a Value) -> Result<Self> {
        let packages = metadata["packages"]
            .as_array()
            .context("cargo metadata lists no packages")?;
        let nodes = metadata["resolve"]["nodes"]
            .as_array()
            .context("cargo metadata resolves nothing")?;
        let names = packages
            .iter()
            .filter_map(|package| Some((text(package, "id")?, text(package, "name")?)));
        let arrows = nodes
            .iter()
            .filter_map(|node| Some((text(node, "id")?, shipped_with(node))));
        Ok(Self {
            names: names.collect(),
            arrows: arrows.collect(),
        })
    }

    fn reachable(&self, from: &'a str) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(id) = next.pop() {
            if seen.insert(id) {
                next.extend(self.arrows.get(id).into_iter().flatten());
            }
        }
        seen
    }
}

/// The ids behind a node's normal dependencies; what only tests or build scripts use is not shipped.
fn shipped_with(node: &Value) -> Vec<&str> {
    let is_normal = |kind: &Value| kind["kind"].is_null();
    let dependencies = node["deps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let normal = dependencies.iter().filter(|dependency| {
        dependency["dep_kinds"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(is_normal))
    });
    normal.filter_map(|dependency| text(dependency, "pkg")).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_workspace_keeps_to_its_tiers() {
        assert_eq!(problems().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_table_itself_points_downwards_only() {
        for rule in CRATES {
            for used in CRATES.iter().filter(|used| rule.allows(used.name)) {
                let within_vocabulary = rule.tier == Tier::Vocabulary && used.tier == Tier::Vocabulary;
                let within_development = rule.tier == Tier::Development && used.tier == Tier::Development;
                let downwards = used.tier < rule.tier || within_vocabulary || within_development;
                assert!(downwards, "{} may use {}", rule.name, used.name);
                assert_ne!(rule.name, used.name);
            }
        }
    }

    #[test]
    fn a_driver_that_names_the_domain_is_reported() {
        check_arrows("hythe-driver-filesystem", "hythe-distribution", None, 1);
        check_arrows("hythe-driver-filesystem", "hythe-driver", None, 0);
    }

    #[test]
    fn implementations_must_not_know_each_other() {
        check_arrows("hythe-storage", "hythe-driver-inmemory", None, 1);
        check_arrows("hythe-cache", "hythe-storage", None, 1);
    }

    #[test]
    fn handlers_must_not_know_storage_or_configuration() {
        check_arrows("hythe-handlers", "hythe-storage", None, 1);
        check_arrows("hythe-handlers", "hythe-configuration", None, 1);
        check_arrows("hythe-handlers", "hythe-manifest", None, 0);
    }

    #[test]
    fn dependencies_of_tests_are_no_arrows() {
        check_arrows("hythe-storage", "hythe-driver-inmemory", Some("dev"), 0);
        check_arrows("hythe-storage", "hythe-driver-inmemory", Some("build"), 1);
    }

    #[test]
    fn only_the_program_has_features() {
        let features = |name: &'static str, feature: &str| {
            let json = json!({ "features": { feature: [] } });
            wrong_features(
                rule_of(name).unwrap(),
                &Package {
                    name,
                    id: "",
                    json: &json,
                },
            )
            .len()
        };
        assert_eq!(features("hythe-storage", "fast"), 1);
        assert_eq!(features("hythe-storage", "default"), 1);
        assert_eq!(features("hythe-distribution", "testsuite"), 0);
        assert_eq!(features("hythe", "driver-s3"), 0);
    }

    #[test]
    fn a_contract_that_pulls_in_a_runtime_through_another_crate_is_reported() {
        let metadata = json!({
            "packages": [
                { "id": "1", "name": "hythe-driver" },
                { "id": "2", "name": "harmless" },
                { "id": "3", "name": "tokio" },
                { "id": "4", "name": "hyper" },
            ],
            "resolve": { "nodes": [
                { "id": "1", "deps": [
                    { "pkg": "2", "dep_kinds": [{ "kind": null }] },
                    { "pkg": "4", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "2", "deps": [{ "pkg": "3", "dep_kinds": [{ "kind": null }] }] },
            ] },
        });
        let package = Package {
            name: "hythe-driver",
            id: "1",
            json: &metadata,
        };
        let found = impure_dependencies(rule_of("hythe-driver").unwrap(), &package, &metadata).unwrap();
        assert_eq!(found, ["hythe-driver must not pull in tokio: it is a contract"]);
    }

    #[test]
    fn a_member_outside_the_table_and_a_row_without_a_member_are_reported() {
        let json = Value::Null;
        let packages = ["hythe-digest", "hythe-new"].map(|name| Package {
            name,
            id: "",
            json: &json,
        });
        let problems = wrong_members(&packages);
        assert!(
            problems.contains(&"hythe-new is in the workspace, but not in the table of tiers".to_owned())
        );
        assert_eq!(problems.len(), CRATES.len());
    }

    fn check_arrows(from: &'static str, to: &str, kind: Option<&str>, expected: usize) {
        let json = json!({ "dependencies": [{ "name": to, "kind": kind }] });
        let package = Package {
            name: from,
            id: "",
            json: &json,
        };
        let found = wrong_arrows(rule_of(from).unwrap(), &package);
        assert_eq!(found.len(), expected, "{found:?}");
    }
}
