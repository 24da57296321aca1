//! `log`, and the deprecated `loglevel`.

use serde_json::{Map as JsonMap, Value as Json};

use super::default_is_read_from_nothing;
use crate::section::Section;

/// What is logged and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The least severe level that is logged; `info` by default. `loglevel` counts when this is absent.
    pub level: LogLevel,
    /// The form of application log lines; `text` by default.
    pub formatter: LogFormatter,
    /// Fields on every application log line.
    pub fields: JsonMap<String, Json>,
    /// Whether lines name the place in the source.
    pub reportcaller: bool,
    /// The access log on standard output.
    pub accesslog: AccessLog,
}

/// `log.accesslog`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// Whether requests are not logged.
    pub disabled: bool,
}

/// The severity of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Failures of the registry.
    Error,
    /// What an operator should look at.
    Warn,
    /// What happens.
    Info,
    /// Details for finding faults.
    Debug,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFormatter {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// One JSON object per line with the field names of logstash.
    Logstash,
}

impl Log {
    /// Reads the root of the tree, because of `loglevel`.
    pub(crate) fn read_root(root: &Section<'_>) -> Self {
        let (mut log, has_level) = root.section("log", |section| (Self::read(section), section.has("level")));
        let fallback = level(root, "loglevel").filter(|_| !has_level);
        if let Some(fallback) = fallback {
            log.level = fallback;
        }
        root.deprecate(
            "loglevel",
            &["log", "level"],
            fallback.map(|level| name(level).into()),
        );
        log
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let level = level(section, "level").unwrap_or(LogLevel::Info);
        section.settle("level", name(level).to_owned());
        section.sections("hooks", read_hook);
        Self {
            level,
            formatter: section.choice_or("formatter", &FORMATTERS, LogFormatter::Text),
            fields: section.parameters("fields"),
            reportcaller: section.boolean_or("reportcaller", false),
            accesslog: section.section("accesslog", AccessLog::read),
        }
    }
}

impl AccessLog {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            disabled: section.boolean_or("disabled", false),
        }
    }
}

default_is_read_from_nothing!(Log, AccessLog);

const FORMATTERS: [(&str, LogFormatter); 3] = [
    ("text", LogFormatter::Text),
    ("json", LogFormatter::Json),
    ("logstash", LogFormatter::Logstash),
];

const LEVELS: [(&str, LogLevel); 8] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("panic", LogLevel::Error),
    ("fatal", LogLevel::Error),
    ("warning", LogLevel::Warn),
    ("trace", LogLevel::Debug),
];

/// The original refuses the other names of Go's levels; here they mean the nearest level.
fn level(section: &Section<'_>, key: &'static str) -> Option<LogLevel> {
    let named = LEVELS.map(|(name, level)| (name, (name, level)));
    let (written, level) = section.choice(key, &named)?;
    let used = name(level);
    if written != used {
        section.warn(
            key,
            format!("{written} is not a level of its own; {used} is used"),
        );
    }
    Some(level)
}

/// The level's own name; those of Go's other levels come after it.
fn name(level: LogLevel) -> &'static str {
    let own = LEVELS.iter().find(|(_, known)| *known == level);
    own.map_or("info", |(name, _)| name)
}

/// Mail hooks are known, so that files that have them keep working, but no mail is sent.
fn read_hook(section: &Section<'_>) {
    section.text("type");
    section.texts("levels");
    section.section("options", |options| {
        options.section("smtp", |smtp| {
            smtp.text("addr");
            smtp.text("username");
            smtp.secret("password");
            smtp.boolean("insecure");
        });
        options.text("from");
        options.texts("to");
    });
    section.variable_name("options", "MAILOPTIONS");
    let is_disabled = section.boolean_or("disabled", false);
    if section.is_present() && !is_disabled {
        section.warn_here("hooks are not supported, nothing is sent; watch the log instead");
    }
}
