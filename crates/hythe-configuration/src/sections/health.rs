//! `health`: checks that decide whether the registry reports itself well.

use std::time::Duration;

use super::default_is_read_from_nothing;
use crate::section::{Secrecy, Section};

/// The checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Of the storage driver.
    pub storagedriver: StorageDriverCheck,
    /// That files do *not* exist.
    pub file: Vec<FileCheck>,
    /// Of other HTTP servers.
    pub http: Vec<HttpCheck>,
    /// Of other TCP servers.
    pub tcp: Vec<TcpCheck>,
}

impl Health {
    /// Whether there is any check.
    pub fn is_configured(&self) -> bool {
        let Self {
            storagedriver,
            file,
            http,
            tcp,
        } = self;
        storagedriver.enabled || !file.is_empty() || !http.is_empty() || !tcp.is_empty()
    }
}

/// When a check runs and when it counts as failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two runs; 10 seconds by default.
    pub interval: Duration,
    /// How many failures in a row count as one; at least 1.
    pub threshold: u32,
}

/// `health.storagedriver`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageDriverCheck {
    /// Whether the driver is checked.
    pub enabled: bool,
    /// When.
    pub schedule: Schedule,
}

/// An element of `health.file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCheck {
    /// The file whose existence is a failure.
    pub file: String,
    /// When; the threshold has no effect.
    pub schedule: Schedule,
}

/// An element of `health.http`.
#[derive(Clone, PartialEq)]
pub struct HttpCheck {
    /// What is asked for with HEAD.
    pub uri: String,
    /// Headers added to the request; may hold secrets.
    pub headers: Vec<(String, Vec<String>)>,
    /// The status that is expected; 200 by default.
    pub statuscode: u16,
    /// For one request; `None` for no limit.
    pub timeout: Option<Duration>,
    /// When.
    pub schedule: Schedule,
}

/// Leaves the headers out: they may hold secrets.
impl std::fmt::Debug for HttpCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpCheck")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

/// An element of `health.tcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpCheck {
    /// `host:port` of what must accept connections.
    pub addr: String,
    /// For one connection; `None` for no limit.
    pub timeout: Option<Duration>,
    /// When.
    pub schedule: Schedule,
}

impl Health {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let health = Self {
            storagedriver: section.section("storagedriver", StorageDriverCheck::read),
            file: section.sections("file", FileCheck::read),
            http: section.sections("http", HttpCheck::read),
            tcp: section.sections("tcp", TcpCheck::read),
        };
        section.variable_name("file", "FILECHECKERS");
        section.variable_name("http", "HTTPCHECKERS");
        section.variable_name("tcp", "TCPCHECKERS");
        health
    }
}

impl StorageDriverCheck {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            enabled: section.boolean_or("enabled", false),
            schedule: Schedule::read(section),
        }
    }
}

impl Schedule {
    /// Reads the two keys that every check has.
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let interval = section
            .duration("interval")
            .filter(|interval| !interval.is_zero());
        let threshold = section
            .integer("threshold")
            .and_then(|number| u32::try_from(number).ok());
        Self {
            interval: section.settle("interval", interval.unwrap_or(Duration::from_secs(10))),
            threshold: section.settle("threshold", threshold.unwrap_or(0).max(1)),
        }
    }
}

impl FileCheck {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            file: section.text("file").unwrap_or_default(),
            schedule: Schedule::read(section),
        }
    }
}

impl HttpCheck {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let statuscode = section
            .integer("statuscode")
            .filter(|code| *code != 0)
            .unwrap_or(200);
        if !(100..=599).contains(&statuscode) {
            section.fail("statuscode", format!("{statuscode} is not a status of HTTP"));
        }
        Self {
            uri: section.text("uri").unwrap_or_default(),
            headers: section.text_lists("headers", Secrecy::Hidden),
            statuscode: u16::try_from(section.settle("statuscode", statuscode)).unwrap_or(200),
            timeout: timeout(section),
            schedule: Schedule::read(section),
        }
    }
}

impl TcpCheck {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            addr: section.text("addr").unwrap_or_default(),
            timeout: timeout(section),
            schedule: Schedule::read(section),
        }
    }
}

default_is_read_from_nothing!(Health);

/// Zero is no limit.
fn timeout(section: &Section<'_>) -> Option<Duration> {
    let timeout = section.duration("timeout").filter(|timeout| !timeout.is_zero());
    section.settle("timeout", timeout)
}
