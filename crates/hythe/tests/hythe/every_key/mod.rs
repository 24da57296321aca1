//! Every key of the configuration, from the file and from its variables, and what it does.
//!
//! A row names a key, a value, and how the effect is seen. Each row is run with the key in the file and with every
//! variable that the key has (the original's field names and the names of the keys); where something is seen of the
//! running registry, that must not be seen without the key. A key that no row and no entry of [`PENDING`] names fails
//! a test.

mod auth;
mod health;
mod http;
mod limits;
mod log;
mod others;
mod storage;
mod tls;

use std::pin::Pin;
use std::rc::Rc;

use hythe_testutil::Configuration;
use serde_json::{Value, json};

use crate::config_check::check;
use crate::process::{Server, Setup};

/// Keys whose effect comes with parts of the program that are not there yet.
const PENDING: [&str; 5] = [
    "http.tls.letsencrypt.cachefile",
    "http.tls.letsencrypt.email",
    "http.tls.letsencrypt.hosts",
    "http.tls.letsencrypt.directoryurl",
    "http.tls.letsencrypt.httpaddr",
];

type Run = Box<dyn Fn(Setup) -> Pin<Box<dyn Future<Output = ()>>>>;

/// One key.
pub(crate) struct Row {
    key: &'static str,
    value: Value,
    base: Configuration,
    effect: Effect,
}

enum Effect {
    /// It is seen of the running registry, and never without the key where there is a control.
    Run { run: Run, has_control: bool },
    /// The start is refused with a line that names the key, or the given one, and says this.
    Refused { named: &'static str, says: &'static str },
    /// The composed value as `hythe config check` prints it: the rest of the program gets it from there.
    Shown(&'static str),
}

/// A row whose composed value is looked at.
pub(crate) fn shown(key: &'static str, value: Value, shown: &'static str) -> Row {
    Row {
        key,
        value,
        base: Configuration::inmemory(),
        effect: Effect::Shown(shown),
    }
}

/// A row whose effect is seen of the registry that runs with it.
pub(crate) fn served(key: &'static str, value: Value, see: impl AsyncFn(Server) + 'static) -> Row {
    let see = Rc::new(see);
    run(key, value, async move |setup: Setup| {
        see(setup.serve().await).await;
    })
}

/// A row whose effect is seen of how the registry starts.
pub(crate) fn run(key: &'static str, value: Value, run: impl AsyncFn(Setup) + 'static) -> Row {
    let run = Rc::new(run);
    let run: Run = Box::new(move |setup| {
        let run = run.clone();
        Box::pin(async move { run(setup).await })
    });
    Row {
        key,
        value,
        base: Configuration::inmemory(),
        effect: Effect::Run {
            run,
            has_control: true,
        },
    }
}

/// A row whose value stops the start.
pub(crate) fn refused(key: &'static str, value: Value, says: &'static str) -> Row {
    Row {
        key,
        value,
        base: Configuration::inmemory(),
        effect: Effect::Refused { named: "", says },
    }
}

impl Row {
    /// The configuration around the key.
    pub(crate) fn on(mut self, base: &Configuration) -> Self {
        self.base = base.clone();
        self
    }

    /// Other keys around it.
    pub(crate) fn with(mut self, key: &[&str], value: Value) -> Self {
        self.base = self.base.set(key, value);
        self
    }

    /// Another key than the row's is what the message names.
    pub(crate) fn naming(mut self, key: &'static str) -> Self {
        if let Effect::Refused { named, .. } = &mut self.effect {
            *named = key;
        }
        self
    }

    /// What is seen is seen by default as well, or cannot be waited for.
    pub(crate) fn without_control(mut self) -> Self {
        if let Effect::Run { has_control, .. } = &mut self.effect {
            *has_control = false;
        }
        self
    }

    async fn check(&self) {
        let without = base_text(&self.base);
        let with = with_key(&without, self.key, &self.value).to_string();
        let without = without.to_string();
        self.see(&with, None, "config.yml:1").await;
        for variable in variables(self.key) {
            self.see(&without, Some(&variable), &variable).await;
        }
        if let Effect::Run {
            run,
            has_control: true,
        } = &self.effect
        {
            let control = tokio::task::spawn_local(run(Setup::with_text(&without)));
            assert!(control.await.is_err(), "{}: seen without the key too", self.key);
        }
    }

    #[allow(clippy::print_stdout, reason = "shown when the row fails")]
    async fn see(&self, file: &str, variable: Option<&str>, source: &str) {
        println!("{} from {source}", self.key);
        let value = self.value.to_string();
        let variables: Vec<(&str, &str)> = variable.into_iter().map(|name| (name, value.as_str())).collect();
        match &self.effect {
            Effect::Run { run, .. } => {
                let setup = variables
                    .iter()
                    .fold(Setup::with_text(file), |setup, (name, value)| {
                        setup.variable(name, value)
                    });
                run(setup).await;
            }
            Effect::Refused { named, says } => {
                let named = if named.is_empty() { self.key } else { named };
                let named = named.replace("[]", "[0]");
                let (code, printed, problems) = check(file, &[], &variables);
                assert_eq!((code, printed.as_str()), (Some(1), ""), "{problems}");
                let is_it = |line: &&str| line.contains(&format!(": {named}: ")) && line.contains(says);
                let line = problems.lines().find(is_it);
                let line = line.unwrap_or_else(|| panic!("{named}: {says}: {problems}"));
                assert!(line.starts_with(source) || *named != *self.key, "{line}");
            }
            Effect::Shown(shown) => {
                let (code, printed, problems) = check(file, &[], &variables);
                assert_eq!(code, Some(0), "{problems}");
                let name = self.key.rsplit('.').next().unwrap_or_default();
                let expected = format!("{name}: {shown}  # {source}");
                let is_it = |line: &str| line.trim_start_matches([' ', '-']).starts_with(&expected);
                assert!(printed.lines().any(is_it), "{expected}\n{printed}");
            }
        }
    }
}

/// Checks rows one after another; the sections run beside each other.
async fn check_all(rows: Vec<Row>) {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            for row in rows {
                row.check().await;
            }
        })
        .await;
}

#[test]
fn every_key_has_a_row() {
    let rows: Vec<Row> = [
        log::rows(),
        storage::rows(),
        auth::rows(),
        http::rows(),
        health::rows(),
        tls::rows(),
        limits::rows(),
        others::rows(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let known: Vec<String> = hythe_configuration::Configuration::keys()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    let has_row = |key: &str| rows.iter().any(|row| row.key == key);
    let missing: Vec<&String> = known
        .iter()
        .filter(|key| !has_row(key) && !PENDING.contains(&key.as_str()))
        .collect();
    assert!(missing.is_empty(), "no rows for {missing:?}");
    for row in &rows {
        assert!(!PENDING.contains(&row.key), "{} is not pending any more", row.key);
        let is_a_parameter = row.key.starts_with("auth.") || row.key.starts_with("storage.filesystem.");
        assert!(
            is_a_parameter || known.iter().any(|key| key == row.key),
            "{} is no key",
            row.key
        );
    }
    for key in PENDING {
        assert!(known.iter().any(|known| known == key), "{key} is no key");
    }
}

#[tokio::test]
async fn the_keys_of_logs_have_their_effects() {
    check_all(log::rows()).await;
}

#[tokio::test]
async fn the_keys_of_storage_have_their_effects() {
    check_all(storage::rows()).await;
}

#[tokio::test]
async fn the_keys_of_access_have_their_effects() {
    check_all(auth::rows()).await;
}

#[tokio::test]
async fn the_keys_of_the_listener_have_their_effects() {
    check_all(http::rows()).await;
}

#[tokio::test]
async fn the_keys_of_tls_have_their_effects() {
    check_all(tls::rows()).await;
}

#[tokio::test]
async fn the_keys_of_health_have_their_effects() {
    check_all(health::rows()).await;
}

#[tokio::test]
async fn the_keys_of_limits_have_their_effects() {
    check_all(limits::rows()).await;
}

#[tokio::test]
async fn the_keys_of_what_is_not_there_are_read_and_said() {
    check_all(others::rows()).await;
}

/// The configuration around a key, on a free port unless it says something else.
fn base_text(base: &Configuration) -> Value {
    let mut tree: Value = serde_json::from_str(&base.text()).unwrap();
    if tree["http"]["addr"].is_null() {
        tree["http"]["addr"] = json!("127.0.0.1:0");
    }
    tree
}

/// Sets a key; elements of lists are made.
fn with_key(tree: &Value, key: &str, value: &Value) -> Value {
    let mut tree = tree.clone();
    let mut place = &mut tree;
    for part in key.split('.') {
        let (name, is_list) = match part.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (part, false),
        };
        place = &mut place[name];
        if is_list {
            if place.is_null() {
                *place = json!([{}]);
            }
            place = &mut place[0];
        }
    }
    *place = value.clone();
    tree
}

/// The variables that mean a key: by the names of the original's fields, and by the names of the keys.
fn variables(key: &str) -> Vec<String> {
    let by_key = format!(
        "REGISTRY_{}",
        key.to_uppercase().replace("[]", "_0").replace('.', "_")
    );
    let by_field = by_key
        .replace("NOTIFICATIONS_EVENTS_", "NOTIFICATIONS_EVENTCONFIG_")
        .replace("HEALTH_FILE_", "HEALTH_FILECHECKERS_")
        .replace("HEALTH_HTTP_", "HEALTH_HTTPCHECKERS_")
        .replace("HEALTH_TCP_", "HEALTH_TCPCHECKERS_")
        .replace("LOG_HOOKS_0_OPTIONS_", "LOG_HOOKS_0_MAILOPTIONS_")
        .replace("REGISTRY_REDIS_", "REGISTRY_REDIS_OPTIONS_");
    // The TLS of redis stands beside the options and not among them.
    let by_field = by_field.replace("REDIS_OPTIONS_TLS_", "REDIS_TLS_");
    let mut names = vec![by_key];
    if !names.contains(&by_field) {
        names.push(by_field);
    }
    names
}
