//! What a build of the registry can do, and what of the configuration it must therefore refuse.
//!
//! A section that decides who may do what or what is served must never be ignored: better no registry than an open
//! one that its operator believes to be closed. Everything else is ignored with a warning.

use std::collections::BTreeSet;

use crate::configuration::Configuration;
use crate::node::Node;
use crate::problem::{Origin, Problem, join, quoted};
use crate::section::did_you_mean;
use crate::sections::http::Net;
use crate::sections::log::LogFormatter;
use crate::sections::middleware::Middleware;
use crate::sections::storage::CacheKind;

/// What the program that loads the configuration can do. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The names of the storage drivers.
    pub drivers: Vec<String>,
    /// Storage drivers that exist but are not in this build.
    pub missing_drivers: Vec<Missing>,
    /// The names of the descriptor caches, of `inmemory` and `redis`.
    pub caches: Vec<String>,
    /// The names of the access controllers.
    pub auth_providers: Vec<String>,
    /// The names of the storage middlewares.
    pub storage_middlewares: Vec<String>,
    /// Storage middlewares that exist but are not in this build.
    pub missing_storage_middlewares: Vec<Missing>,
    /// What else is there.
    pub features: BTreeSet<Feature>,
}

/// Something that exists but is not in this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    name: String,
    feature: String,
}

impl Missing {
    /// What the configuration calls `name` comes with the cargo feature `feature`.
    pub fn new(name: impl Into<String>, feature: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            feature: feature.into(),
        }
    }
}

/// Something that a registry can or cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// The listener of `http.debug`.
    DebugListener,
    /// The checks of `health`.
    HealthChecks,
    /// The form of log lines `logstash`.
    Logstash,
    /// The endpoints of `notifications`.
    Notifications,
    /// Pull-through mode, `proxy`.
    Proxy,
    /// Something that uses the server of `redis`.
    Redis,
    /// `policy.repository.classes`.
    RepositoryClasses,
    /// TLS with certificates from files or ACME, `http.tls`.
    Tls,
    /// Listening on a Unix domain socket, `http.net`.
    UnixSockets,
}

/// Notes what `configuration` asks for and `capabilities` lack.
pub(crate) fn refuse(
    configuration: &Configuration,
    capabilities: &Capabilities,
    tree: &Node,
    problems: &mut Vec<Problem>,
) {
    let mut refusals = Refusals {
        capabilities,
        tree,
        problems,
    };
    refusals.driver(&configuration.storage.driver.name);
    refusals.cache(configuration);
    refusals.auth(configuration);
    refusals.listener(configuration);
    refusals.middleware(configuration);
    refusals.proxied_content(configuration);
    refusals.without_weight(configuration);
}

struct Refusals<'a> {
    capabilities: &'a Capabilities,
    tree: &'a Node,
    problems: &'a mut Vec<Problem>,
}

impl Refusals<'_> {
    fn driver(&mut self, name: &str) {
        // Without a driver in the file, reading has said so.
        if self.tree.find(&["storage", name]).is_none() || has(&self.capabilities.drivers, name) {
            return;
        }
        let known = &self.capabilities.drivers;
        let message = if let Some(feature) = feature_of(&self.capabilities.missing_drivers, name) {
            format!(
                "the storage driver {} is not part of this build, which has {}; \
                 build with the cargo feature {}",
                quoted(name),
                list(known),
                quoted(feature),
            )
        } else {
            let meant = did_you_mean(name, known.iter().map(String::as_str));
            format!(
                "unknown storage driver {}; this build has {}{meant}",
                quoted(name),
                list(known)
            )
        };
        self.error(&["storage", name], message);
    }

    fn cache(&mut self, configuration: &Configuration) {
        let Some(kind) = configuration.storage.cache.blobdescriptor else {
            return;
        };
        let name = kind.name();
        let is_here = has(&self.capabilities.caches, name);
        if !is_here || kind == CacheKind::Redis && configuration.redis.addrs.is_empty() {
            let key = ["blobdescriptor", "layerinfo"]
                .into_iter()
                .find(|key| self.tree.find(&["storage", "cache", key]).is_some())
                .unwrap_or("blobdescriptor");
            let message = if is_here {
                "a cache in redis needs the section `redis` with `addrs`".to_owned()
            } else {
                format!("this version has no cache {name}; remove the key or use inmemory")
            };
            self.error(&["storage", "cache", key], message);
        }
    }

    fn auth(&mut self, configuration: &Configuration) {
        let Some(provider) = &configuration.auth.provider else {
            return;
        };
        let known = &self.capabilities.auth_providers;
        if has(known, &provider.name) {
            return;
        }
        let meant = did_you_mean(&provider.name, known.iter().map(String::as_str));
        let message = format!(
            "this version cannot check access with {} (it has {}){meant}; \
             remove the section only if the registry may be open to everyone who reaches it",
            quoted(&provider.name),
            list(known),
        );
        self.error(&["auth", &provider.name], message);
    }

    fn listener(&mut self, configuration: &Configuration) {
        let http = &configuration.http;
        if http.tls.is_enabled() && self.lacks(Feature::Tls) {
            let message =
                "this version does not speak TLS; put a proxy that does in front, and remove the section";
            self.error(&["http", "tls"], message);
        }
        if http.net == Net::Unix && self.lacks(Feature::UnixSockets) {
            let message =
                "this version does not listen on Unix sockets; use `net: tcp` and `addr: 127.0.0.1:5000`";
            self.error(&["http", "net"], message);
        }
        if !http.debug.addr.is_empty() && self.lacks(Feature::DebugListener) {
            self.warning(
                &["http", "debug"],
                "this version has no debug listener; nothing listens there",
            );
        }
    }

    fn middleware(&mut self, configuration: &Configuration) {
        let middleware = &configuration.middleware;
        let known = &self.capabilities.storage_middlewares;
        let missing = &self.capabilities.missing_storage_middlewares;
        for (kind, list, known, missing) in [
            ("registry", &middleware.registry, &Vec::new(), &Vec::new()),
            ("repository", &middleware.repository, &Vec::new(), &Vec::new()),
            ("storage", &middleware.storage, known, missing),
        ] {
            for (index, Middleware { name, disabled, .. }) in list.iter().enumerate() {
                if *disabled || has(known, name) {
                    continue;
                }
                let feature = feature_of(missing, name);
                let name = quoted(name);
                let message = if let Some(feature) = feature {
                    format!(
                        "element {index}: the {kind} middleware {name} is not part of this build; \
                         build with the cargo feature {}, or say `disabled: true`",
                        quoted(feature)
                    )
                } else {
                    // What somebody built into distribution may well guard something.
                    let and_neither = match kind {
                        "storage" => "",
                        _ => ", and distribution has none either",
                    };
                    format!(
                        "element {index}: this version has no {kind} middleware {name}{and_neither}; \
                         remove it or say `disabled: true`"
                    )
                };
                self.error(&["middleware", kind], message);
            }
        }
    }

    fn proxied_content(&mut self, configuration: &Configuration) {
        if configuration.proxy.remoteurl.is_some() && self.lacks(Feature::Proxy) {
            let message =
                "this version is no pull-through cache; remove the section to serve what is stored here";
            self.error(&["proxy", "remoteurl"], message);
        }
        let endpoints = &configuration.notifications.endpoints;
        if endpoints.iter().any(|endpoint| !endpoint.disabled) && self.lacks(Feature::Notifications) {
            let message =
                "this version sends no notifications; remove the endpoints or say `disabled: true` for each";
            self.error(&["notifications", "endpoints"], message);
        }
        if !configuration.redis.addrs.is_empty() && self.lacks(Feature::Redis) {
            let message = "this version uses no redis; remove the key, and keep caches in memory";
            self.error(&["redis", "addrs"], message);
        }
        if !configuration.policy.repository.classes.is_empty() && self.lacks(Feature::RepositoryClasses) {
            let message = "this version cannot restrict classes of content; remove the key to allow all";
            self.error(&["policy", "repository", "classes"], message);
        }
    }

    fn without_weight(&mut self, configuration: &Configuration) {
        if configuration.health.is_configured() && self.lacks(Feature::HealthChecks) {
            self.warning(
                &["health"],
                "this version has no health checks; nothing is checked",
            );
        }
        if configuration.log.formatter == LogFormatter::Logstash && self.lacks(Feature::Logstash) {
            self.warning(
                &["log", "formatter"],
                "this version does not write logstash; it writes json",
            );
        }
    }

    fn lacks(&self, feature: Feature) -> bool {
        !self.capabilities.features.contains(&feature)
    }

    fn error(&mut self, path: &[&str], message: impl Into<String>) {
        let (path, origin) = self.place(path);
        self.problems.push(Problem::error(path, origin, message));
    }

    fn warning(&mut self, path: &[&str], message: impl Into<String>) {
        let (path, origin) = self.place(path);
        self.problems.push(Problem::warning(path, origin, message));
    }

    fn place(&self, path: &[&str]) -> (String, Origin) {
        let origin = self
            .tree
            .find(path)
            .map_or(&self.tree.origin, |entry| &entry.origin)
            .clone();
        (
            path.iter().fold(String::new(), |path, key| join(&path, key)),
            origin,
        )
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn feature_of<'a>(missing: &'a [Missing], name: &str) -> Option<&'a str> {
    let found = missing.iter().find(|missing| missing.name == name)?;
    Some(&found.feature)
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
