//! The reference of all keys for operators: what each is for, its type, its default.
//!
//! Types and defaults are told by the readers of `sections/`; only the meanings are written here. A test fails when a
//! key has none, or when one is left over.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::configuration::Configuration;
use crate::section;
use crate::shape::{Fields, Kind, Shape};

/// What a key or a section is for; empty when nobody wrote it down.
pub(crate) fn meaning(path: &str) -> &'static str {
    let found = MEANINGS.iter().find(|(key, _)| *key == path);
    found.map_or("", |(_, meaning)| meaning)
}

/// The page `docs/configuration.md`: one table for each section of the file, in Markdown.
pub fn reference() -> String {
    let (shape, defaults) = section::describe(Configuration::read);
    let mut page = INTRODUCTION.to_owned();
    let Some(root) = shape.section() else {
        return page;
    };
    for field in &root.known {
        let title = field.key;
        if !matches!(field.shape, Shape::Section(_)) {
            continue;
        }
        let _ = write!(page, "\n## `{title}`\n\n{}\n", meaning(title));
        let has_keys = field
            .shape
            .section()
            .is_some_and(|fields| !fields.known.is_empty());
        if has_keys {
            page.push_str("\n| key | type | default | meaning |\n|---|---|---|---|\n");
        }
        rows(&field.shape, title, &mut |path, shape, deprecated| {
            let default = defaults.find(&path.replace("[]", "[0]"));
            let default = default.map_or_else(String::new, |setting| shown(&setting.value));
            let meaning = match deprecated {
                Some(new) => format!("deprecated; use `{new}`"),
                None => meaning(path).to_owned(),
            };
            let key = path.strip_prefix(title).unwrap_or(path).trim_start_matches('.');
            let _ = writeln!(page, "| `{key}` | {} | {default} | {meaning} |", kind(shape));
        });
    }
    page.push_str(&deprecated_at_the_top(root));
    page
}

fn deprecated_at_the_top(root: &Fields) -> String {
    let mut text = String::from("\n## Deprecated keys at the top\n\n| key | use |\n|---|---|\n");
    for field in &root.known {
        if let Some(new) = &field.deprecated_for {
            let _ = writeln!(text, "| `{}` | `{new}` |", field.key);
        }
    }
    for (key, advice) in crate::unknown::RETIRED {
        let _ = writeln!(text, "| `{key}` | {advice} |");
    }
    text
}

/// Calls `visit` for every key with a value below a section.
fn rows<'s>(shape: &'s Shape, path: &str, visit: &mut impl FnMut(&str, &'s Shape, Option<&'s str>)) {
    let Some(fields) = shape.section() else {
        return;
    };
    for field in &fields.known {
        let path = format!("{path}.{}", field.key);
        match &field.shape {
            Shape::Section(_) => rows(&field.shape, &path, visit),
            Shape::List(element) if element.section().is_some() => rows(element, &format!("{path}[]"), visit),
            other => visit(&path, other, field.deprecated_for.as_deref()),
        }
    }
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Shape::Scalar(kind) => match kind {
            Kind::Secret => "secret text",
            Kind::Boolean => "boolean",
            Kind::Integer => "whole number",
            Kind::Duration => "duration",
            Kind::DurationWithUnit => "duration with unit, above 0",
            Kind::Size => "size",
            _ => "text",
        }
        .to_owned(),
        Shape::List(_) => "list of texts".to_owned(),
        Shape::Map(value) if matches!(**value, Shape::List(_)) => "map of lists of texts".to_owned(),
        Shape::Map(_) | Shape::Any | Shape::Section(_) => "map".to_owned(),
    }
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Array(items) if items.is_empty() => "none".to_owned(),
        Json::Object(members) if members.is_empty() => "none".to_owned(),
        Json::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Made by `cargo xtask pages` from crates/hythe-configuration; change it there. -->

A YAML file, `hythe serve CONFIG`, in distribution's form. `hythe config check CONFIG` prints what counts and where each
value comes from, or everything that is wrong; `hythe config schema` prints a JSON Schema for editors.

- **Durations** are written as in Go, `1h30m` or `250ms`; a number without unit means nanoseconds.
- **Sizes** are `24MiB`, `500kB` or a number of bytes.
- **Booleans** are those of YAML 1.1: `true`, `yes`, `on` and their opposites, without quotes.
- **Variables**: `REGISTRY_` and the path in upper case with `_` between the keys, `REGISTRY_HTTP_ADDR=:5000`. The value is
  YAML and replaces what the file says. Elements of lists have numbers, `REGISTRY_HTTP_TLS_CLIENTCAS_0`; a whole section
  can be given at once, `REGISTRY_STORAGE_DELETE='{enabled: true}'`. Distribution's names of fields work as well
  (`REGISTRY_HEALTH_FILECHECKERS_0_FILE`).
- **A key that is not known** is a warning with its line and the nearest known key; with `--strict` it is an error.
- A list of sections is written `name[]` below.
";

/// In the order of the sections.
const MEANINGS: &[(&str, &str)] = &[
    ("version", "the version of the form; always 0.1"),
    ("loglevel", ""),
    (
        "log",
        "Logs: the application's on standard error, that of requests on standard output.",
    ),
    (
        "log.level",
        "what is less severe is not logged; Go's other names mean the nearest of these",
    ),
    (
        "log.hooks[].type",
        "`mail`; no mail is sent, and a warning says so",
    ),
    ("log.hooks[].levels", "no effect"),
    ("log.hooks[].options.smtp.addr", "no effect"),
    ("log.hooks[].options.smtp.username", "no effect"),
    ("log.hooks[].options.smtp.password", "no effect"),
    ("log.hooks[].options.smtp.insecure", "no effect"),
    ("log.hooks[].options.from", "no effect"),
    ("log.hooks[].options.to", "no effect"),
    ("log.hooks[].disabled", "silences the warning"),
    ("log.formatter", "the form of lines"),
    ("log.fields", "fields on every line of the application's log"),
    ("log.reportcaller", "lines name their place in the source"),
    (
        "log.accesslog.disabled",
        "requests are not logged on standard output",
    ),
    (
        "storage",
        "One storage driver by its name with its parameters (see [storage drivers](storage-drivers/README.md)), or its \
         bare name, and what is done with stored content.",
    ),
    (
        "storage.delete.enabled",
        "blobs and manifests can be deleted through the API",
    ),
    (
        "storage.redirect.disable",
        "clients are never sent to the backend",
    ),
    (
        "storage.redirect.expiry",
        "how long an address works that a client is sent to",
    ),
    (
        "storage.redirect.minimumsize",
        "smaller blobs are served by the registry itself",
    ),
    (
        "storage.redirect.networks",
        "only clients of these networks are sent away; all when empty",
    ),
    (
        "storage.redirect.exceptnetworks",
        "clients of these networks are served here",
    ),
    ("storage.cache.layerinfo", ""),
    (
        "storage.cache.blobdescriptor",
        "`inmemory`: the cache of blob descriptors; none when not set",
    ),
    (
        "storage.cache.blobdescriptorsize",
        "how many descriptors the cache holds, 10000 by default; 0 for no limit",
    ),
    (
        "storage.tag.concurrencylimit",
        "how many tags are read at once to find those of a digest; 0 for the number of processors",
    ),
    (
        "storage.maintenance.uploadpurging.enabled",
        "abandoned uploads are removed",
    ),
    (
        "storage.maintenance.uploadpurging.age",
        "from this age on an upload counts as abandoned",
    ),
    (
        "storage.maintenance.uploadpurging.interval",
        "the time between two runs",
    ),
    (
        "storage.maintenance.uploadpurging.dryrun",
        "uploads are only reported",
    ),
    (
        "storage.maintenance.readonly.enabled",
        "everything that writes is refused",
    ),
    (
        "auth",
        "One provider by its name with its parameters, or `none`; without it everybody may do everything.\n\n\
         | provider | parameters |\n|---|---|\n\
         | `silly` | `realm`, `service`: any credentials will do, for trying out clients |\n\
         | `htpasswd` | `realm`; `path`: a file of bcrypt hashes, made with a random password when it is not there |\n\
         | `token` | `realm`, `service`, `issuer`; `rootcertbundle` and `jwks`, at least one of them; `autoredirect` \
         (false), `autoredirectpath` (`/auth/token`), `signingalgorithms` (all that can be verified) |",
    ),
    (
        "middleware",
        "What is put around the registry, repositories and the storage driver, the first innermost. The storage \
         middlewares are [redirect, rewrite](storage-drivers/redirect-rewrite.md) and \
         [cloudfront](storage-drivers/cloudfront.md); of the other two kinds there are none, in distribution neither, so \
         that naming one stops the start.",
    ),
    ("middleware.registry[].name", "none is known"),
    ("middleware.registry[].disabled", "leaves it out"),
    ("middleware.registry[].options", "its parameters"),
    ("middleware.repository[].name", "none is known"),
    ("middleware.repository[].disabled", "leaves it out"),
    ("middleware.repository[].options", "its parameters"),
    (
        "middleware.storage[].name",
        "`redirect`, `rewrite` or `cloudfront`",
    ),
    ("middleware.storage[].disabled", "leaves it out"),
    ("middleware.storage[].options", "its parameters"),
    ("http", "The listener, and what requests and answers look like."),
    ("http.net", "the kind of socket"),
    (
        "http.addr",
        "`host:port`, or the path of the socket; any free port when empty",
    ),
    (
        "http.prefix",
        "the path in front of all routes, such as `/registry/`",
    ),
    (
        "http.host",
        "the public base URL, for `Location`; that of the request when not set",
    ),
    (
        "http.secret",
        "signs the state of uploads; replicas need the same one. Random when not set",
    ),
    ("http.relativeurls", "`Location` has neither scheme nor host"),
    (
        "http.draintimeout",
        "how long transfers may go on after the signal to stop; 30 s when 0",
    ),
    ("http.headers", "headers on every answer"),
    ("http.http2.disabled", "HTTP/2 is not offered over TLS"),
    ("http.h2c.enabled", "HTTP/2 is understood without TLS"),
    (
        "http.debug.addr",
        "`host:port` of the listener for health and metrics; none when empty",
    ),
    ("http.debug.prometheus.path", "the path of the metrics"),
    ("http.debug.prometheus.enabled", "metrics are served there"),
    (
        "http.tls.certificate",
        "the file of the certificate chain in PEM; switches TLS on",
    ),
    ("http.tls.key", "the file of its private key"),
    (
        "http.tls.clientcas",
        "files of authorities; clients are asked for certificates",
    ),
    (
        "http.tls.clientauth",
        "what is asked of clients where `clientcas` is set",
    ),
    ("http.tls.minimumtls", "the oldest version that is spoken"),
    (
        "http.tls.ciphersuites",
        "suites for TLS 1.2 by their names in Go; the good ones when empty",
    ),
    (
        "http.tls.letsencrypt.cachefile",
        "the directory (not a file) for certificates of an ACME server; switches them on",
    ),
    ("http.tls.letsencrypt.email", "the address of the account"),
    (
        "http.tls.letsencrypt.hosts",
        "the names that certificates are asked for",
    ),
    (
        "http.tls.letsencrypt.directoryurl",
        "the directory of the ACME server; that of Let's Encrypt when not set",
    ),
    (
        "http.tls.letsencrypt.httpaddr",
        "where challenges over plain HTTP are answered, as `:80`; only those over TLS when not set. Hythe's own",
    ),
    (
        "http.timeouts.header",
        "how long the head of a request may take. Hythe's own",
    ),
    (
        "http.timeouts.progress",
        "how long a body or an answer may make no progress. Hythe's own",
    ),
    (
        "http.uploadbuffers",
        "what all running uploads together may hold in memory. Hythe's own",
    ),
    (
        "http.trustedproxies",
        "networks of proxies whose `X-Forwarded-For` and `X-Real-Ip` count. Hythe's own",
    ),
    (
        "notifications",
        "Events. This version sends none: an endpoint that is not disabled stops the start.",
    ),
    (
        "notifications.events.includereferences",
        "events of manifests name what these refer to",
    ),
    (
        "notifications.endpoints[].ignoredmediatypes",
        "media types whose events are not sent",
    ),
    (
        "notifications.endpoints[].ignore.mediatypes",
        "media types whose events are not sent",
    ),
    (
        "notifications.endpoints[].ignore.actions",
        "actions whose events are not sent",
    ),
    (
        "notifications.endpoints[].threshold",
        "how many failures in a row lead to waiting",
    ),
    ("notifications.endpoints[].name", "its name in logs and metrics"),
    ("notifications.endpoints[].disabled", "leaves it out"),
    ("notifications.endpoints[].url", "where events are posted"),
    ("notifications.endpoints[].headers", "headers on each request"),
    ("notifications.endpoints[].timeout", "for one request"),
    ("notifications.endpoints[].backoff", "how long to wait then"),
    (
        "redis",
        "The server for what replicas share. This version uses none: `addrs` stops the start.",
    ),
    (
        "redis.addrs",
        "`host:port` of the server, of a cluster's nodes, or of sentinels",
    ),
    ("redis.clientname", "the name that connections give themselves"),
    ("redis.db", "the number of the database"),
    ("redis.protocol", "the version of the protocol"),
    ("redis.username", "the user"),
    ("redis.password", "its password"),
    ("redis.sentinelusername", "the user for sentinels"),
    ("redis.sentinelpassword", "its password"),
    (
        "redis.mastername",
        "the name of the master; `addrs` are sentinels then",
    ),
    (
        "redis.maxretries",
        "how often a command is tried again; -1 for never",
    ),
    ("redis.minretrybackoff", "the shortest pause before"),
    ("redis.maxretrybackoff", "the longest pause before"),
    ("redis.dialtimeout", "for making a connection"),
    ("redis.readtimeout", "for reading an answer"),
    ("redis.writetimeout", "for writing a command"),
    (
        "redis.contexttimeoutenabled",
        "the limit of a request holds for its commands",
    ),
    ("redis.poolfifo", "idle connections are used first in, first out"),
    ("redis.poolsize", "the size of the pool"),
    ("redis.pooltimeout", "for waiting for a connection"),
    ("redis.minidleconns", "idle connections that are kept ready"),
    ("redis.maxidleconns", "idle connections that are kept at most"),
    ("redis.maxactiveconns", "connections at most"),
    ("redis.connmaxidletime", "how long a connection may be idle"),
    ("redis.connmaxlifetime", "how long a connection may live"),
    (
        "redis.maxredirects",
        "how many redirects of a cluster are followed",
    ),
    ("redis.readonly", "replicas of a cluster are read"),
    ("redis.routebylatency", "the nearest node is read"),
    ("redis.routerandomly", "any node is read"),
    (
        "redis.disableidentity",
        "the client does not tell its name and version",
    ),
    ("redis.identitysuffix", "what is added to the client's name"),
    (
        "redis.unstableresp3",
        "unfinished parts of version 3 of the protocol are used",
    ),
    ("redis.tls.certificate", "the file of the client's certificate"),
    ("redis.tls.key", "the file of its key"),
    ("redis.tls.rootcas", "files of authorities"),
    (
        "health",
        "Checks that decide whether the registry says that it is well.",
    ),
    ("health.storagedriver.enabled", "the storage driver is checked"),
    ("health.storagedriver.interval", "the time between two checks"),
    (
        "health.storagedriver.threshold",
        "how many failures in a row count as one",
    ),
    ("health.file[].file", "a file whose existence is a failure"),
    ("health.file[].interval", "the time between two checks"),
    ("health.file[].threshold", "no effect, as in distribution"),
    ("health.http[].statuscode", "the status that is expected"),
    ("health.http[].uri", "what is asked for with HEAD"),
    ("health.http[].headers", "headers on the request"),
    ("health.http[].timeout", "for one request; no limit when not set"),
    ("health.http[].interval", "the time between two checks"),
    (
        "health.http[].threshold",
        "how many failures in a row count as one",
    ),
    ("health.tcp[].addr", "`host:port` of what must accept connections"),
    (
        "health.tcp[].timeout",
        "for one connection; no limit when not set",
    ),
    ("health.tcp[].interval", "the time between two checks"),
    (
        "health.tcp[].threshold",
        "how many failures in a row count as one",
    ),
    ("catalog", "The list of repositories."),
    ("catalog.maxentries", "the longest page that a client may ask for"),
    ("tags", "Lists of tags."),
    (
        "tags.maxtags",
        "the longest page that a client gets who asks for a number",
    ),
    (
        "proxy",
        "Pull-through mode. This version has none: `remoteurl` stops the start.",
    ),
    ("proxy.cachewritetimeout", "for storing one blob"),
    ("proxy.remoteurl", "the registry that this one is a cache of"),
    ("proxy.username", "the user there"),
    ("proxy.password", "its password"),
    ("proxy.exec.command", "a docker credential helper, in their place"),
    (
        "proxy.exec.lifetime",
        "how long its answer holds; for ever when not set",
    ),
    ("proxy.ttl", "how long content is kept; for ever when 0"),
    ("validation", "What is checked when a manifest is pushed."),
    ("validation.enabled", ""),
    ("validation.disabled", "the rules below do not hold"),
    (
        "validation.manifests.urls.allow",
        "regular expressions for URLs that layers may name; all are refused when a rule of this section is set and this is empty",
    ),
    (
        "validation.manifests.urls.deny",
        "regular expressions for URLs that they may not",
    ),
    (
        "validation.manifests.indexes.platforms",
        "which children of an index must be there; none as long as neither `urls` nor `indexes` is set",
    ),
    (
        "validation.manifests.indexes.platformlist[].architecture",
        "of a platform for `list`, such as `amd64`",
    ),
    (
        "validation.manifests.indexes.platformlist[].os",
        "of a platform for `list`, such as `linux`",
    ),
    (
        "validation.manifests.images.blobs",
        "whether config and layers of an image must be there. Hythe's own",
    ),
    ("policy", "What may be stored."),
    (
        "policy.repository.classes",
        "the classes of images that may be pushed, of `image` and `plugin`; all when empty",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_meaning_and_no_meaning_is_left_over() {
        let keys: Vec<String> = Configuration::keys().into_iter().map(|(key, _)| key).collect();
        let known: Vec<&str> = MEANINGS.iter().map(|(key, _)| *key).collect();
        for key in &keys {
            assert!(known.contains(&key.as_str()), "{key} has no meaning");
        }
        for key in known {
            let is_section = keys.iter().any(|other| other.starts_with(&format!("{key}.")));
            let is_section = is_section || key == "auth";
            assert!(
                is_section || keys.iter().any(|other| other == key),
                "{key} is no key"
            );
        }
    }
}
