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
        let fallback = level(root, "loglevel");
        if root.has("loglevel") {
            root.warn("loglevel", "deprecated; use `log.level`");
        }
        if let Some(fallback) = fallback
            && !has_level
        {
            log.level = fallback;
        }
        log
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        section.sections("hooks", read_hook);
        Self {
            level: level(section, "level").unwrap_or(LogLevel::Info),
            formatter: section
                .choice("formatter", &FORMATTERS)
                .unwrap_or(LogFormatter::Text),
            fields: section.parameters("fields"),
            reportcaller: section.boolean("reportcaller").unwrap_or(false),
            accesslog: section.section("accesslog", AccessLog::read),
        }
    }
}

impl AccessLog {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            disabled: section.boolean("disabled").unwrap_or(false),
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
    let (name, level) = section.choice(key, &named)?;
    let is_its_own_name = LEVELS[..4].iter().any(|(own, _)| *own == name);
    if !is_its_own_name {
        let used = LEVELS
            .iter()
            .find(|(_, other)| *other == level)
            .map_or("info", |(own, _)| own);
        section.warn(key, format!("{name} is not a level of its own; {used} is used"));
    }
    Some(level)
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
    let is_disabled = section.boolean("disabled").unwrap_or(false);
    if section.is_present() && !is_disabled {
        section.warn_here("hooks are not supported, nothing is sent; watch the log instead");
    }
}
