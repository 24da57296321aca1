//! The configuration as operators write it: files, variables, mistakes.

mod environment;
mod examples;
mod hostile;
mod keys;
mod problems;
mod refusals;
mod sections;
mod settings;
mod version;

use hythe_configuration::{Capabilities, Configuration, Feature, Loaded, Missing, Problems};

/// A registry that can do everything the configuration can ask for.
fn everything() -> Capabilities {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Capabilities {
        drivers: names(&["filesystem", "inmemory", "s3"]),
        missing_drivers: vec![Missing::new("azure", "driver-azure")],
        caches: names(&["inmemory", "redis"]),
        auth_providers: names(&["htpasswd", "silly", "token"]),
        storage_middlewares: names(&["redirect", "rewrite"]),
        missing_storage_middlewares: Vec::new(),
        features: [
            Feature::DebugListener,
            Feature::HealthChecks,
            Feature::Logstash,
            Feature::Notifications,
            Feature::Proxy,
            Feature::Redis,
            Feature::RepositoryClasses,
            Feature::Tls,
            Feature::UnixSockets,
        ]
        .into(),
    }
}

/// A registry that can do what the first release can.
fn first_release() -> Capabilities {
    Capabilities {
        drivers: vec!["filesystem".to_owned(), "inmemory".to_owned()],
        missing_drivers: vec![Missing::new("s3", "driver-s3")],
        missing_storage_middlewares: vec![Missing::new("cloudfront", "middleware-cloudfront")],
        caches: vec!["inmemory".to_owned()],
        ..Capabilities::default()
    }
}

fn load_with(yaml: &str, environment: &[(&str, &str)], able: &Capabilities) -> Result<Loaded, Problems> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Configuration::load(yaml, "config.yml", environment, able)
}

/// Loads a file that must be free of errors and warnings.
fn load(yaml: &str) -> Configuration {
    load_with_environment(yaml, &[])
}

/// Loads a file and variables that must be free of errors and warnings.
fn load_with_environment(yaml: &str, environment: &[(&str, &str)]) -> Configuration {
    let loaded = load_with(yaml, environment, &everything());
    let loaded = loaded.unwrap_or_else(|problems| panic!("{yaml}\n{environment:?}\n{problems}"));
    assert_eq!(loaded.warnings.to_string(), "", "{yaml}\n{environment:?}");
    loaded.configuration
}

/// Loads with everything possible and gives the problems, errors or not, as they print.
fn problems_of(yaml: &str, environment: &[(&str, &str)]) -> String {
    match load_with(yaml, environment, &everything()) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(problems) => problems.to_string(),
    }
}
