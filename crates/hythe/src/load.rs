//! Reads the configuration that the program was told to use.

use std::path::{Path, PathBuf};

use hythe_configuration::{Capabilities, Feature, Loaded, Missing, Reading, Step};

use crate::compose::chain;
use crate::{access, caches, drivers, middlewares};

/// Names a configuration file when the command line does not.
const CONFIGURATION_VARIABLE: &str = "REGISTRY_CONFIGURATION_PATH";

/// What is served without a configuration: everything allowed, for this machine only.
const DEFAULT_CONFIGURATION: &str = "\
version: 0.1
storage: {filesystem: {rootdirectory: ./hythe-data}, delete: {enabled: true}}
http: {addr: '127.0.0.1:5000'}
";

/// The path of the configuration file, if there is one.
pub(crate) fn configuration_path(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| std::env::var_os(CONFIGURATION_VARIABLE).map(PathBuf::from))
}

/// What becomes of keys and variables that nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownKeys {
    /// A warning.
    Warn,
    /// They stop the start.
    Refuse,
}

impl UnknownKeys {
    /// What `--strict` means.
    pub(crate) fn of(strict: bool) -> Self {
        if strict { Self::Refuse } else { Self::Warn }
    }
}

/// The configuration from a file and the environment, or the one for a first try on a laptop. An error is all that is
/// wrong, a line for each.
pub(crate) fn load(path: Option<&Path>, unknown_keys: UnknownKeys) -> Result<Loaded, String> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (text, name) = match path {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {}", path.display(), chain(&error)))?;
            (text, path.display().to_string())
        }
        None => (
            DEFAULT_CONFIGURATION.to_owned(),
            "default configuration".to_owned(),
        ),
    };
    let mut reading = Reading::new(&text, &name, environment, &capabilities());
    check_parameters(&mut reading);
    if unknown_keys == UnknownKeys::Refuse {
        reading.refuse_unknown_keys();
    }
    reading.finish().map_err(|problems| problems.to_string())
}

/// Asks the parts that read parameters of their own.
fn check_parameters(reading: &mut Reading) {
    let Some(configuration) = reading.configuration().cloned() else {
        return;
    };
    let driver = &configuration.storage.driver;
    for problem in drivers::factories().check(&driver.name, &driver.parameters) {
        let names = ["storage", &driver.name]
            .into_iter()
            .chain(problem.name.split('.'));
        reading.fail(&keys(names), problem.reason);
    }
    if let Some(provider) = &configuration.auth.provider {
        for (name, reason) in access::check(&configuration.auth) {
            reading.fail(&keys(["auth", &provider.name, name]), reason);
        }
    }
    for (index, middleware) in configuration.middleware.storage.iter().enumerate() {
        if middleware.disabled {
            continue;
        }
        if let Some((option, reason)) = middlewares::check(middleware) {
            let mut path = keys(["middleware", "storage"]);
            path.push(Step::Index(index));
            path.extend(keys(["options", option]));
            reading.fail(&path, reason);
        }
    }
}

fn keys<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Step> {
    names.into_iter().map(|name| Step::Key(name.to_owned())).collect()
}

/// What this build can do, so that a configuration that needs more stops the start.
pub(crate) fn capabilities() -> Capabilities {
    let factories = drivers::factories();
    Capabilities {
        drivers: factories.names().map(str::to_owned).collect(),
        missing_drivers: factories
            .missing()
            .map(|(name, feature)| Missing::new(name, feature))
            .collect(),
        caches: caches::names(),
        storage_middlewares: middlewares::names(),
        missing_storage_middlewares: middlewares::missing(),
        auth_providers: access::names(),
        features: [
            Feature::DebugListener,
            Feature::HealthChecks,
            Feature::Logstash,
            Feature::RepositoryClasses,
            Feature::Tls,
            Feature::UnixSockets,
        ]
        .into(),
    }
}
