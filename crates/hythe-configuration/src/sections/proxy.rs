//! `proxy`: pull-through mode.

use std::time::Duration;

use super::default_is_read_from_nothing;
use crate::secret::Secret;
use crate::section::Section;
use hythe_units::GoDuration;

/// The registry that this one is a cache of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The upstream; naming it switches the mode on.
    pub remoteurl: Option<String>,
    /// The user name for the upstream.
    pub username: Option<String>,
    /// The password for the upstream.
    pub password: Option<Secret>,
    /// The program that answers with the credentials.
    pub exec: Exec,
    /// How long content is kept; 168 hours by default, `None` for ever (0 or less in the file).
    pub ttl: Option<Duration>,
    /// How long storing one blob may take; 5 minutes by default, and when 0 or less.
    pub cachewritetimeout: Duration,
}

/// `proxy.exec`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// A docker credential helper; naming it replaces user name and password.
    pub command: Option<String>,
    /// How long an answer holds; `None` for ever, zero for one use.
    pub lifetime: Option<Duration>,
}

impl Proxy {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let cachewritetimeout = section.signed_duration("cachewritetimeout").and_then(positive);
        Self {
            remoteurl: section.text("remoteurl").filter(|url| !url.is_empty()),
            username: section.text("username"),
            password: section.secret("password"),
            exec: section.section("exec", Exec::read),
            ttl: read_ttl(section),
            cachewritetimeout: section.settle(
                "cachewritetimeout",
                cachewritetimeout.unwrap_or(Duration::from_secs(300)),
            ),
        }
    }
}

impl Exec {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            command: section.text("command").filter(|command| !command.is_empty()),
            lifetime: section.duration("lifetime"),
        }
    }
}

default_is_read_from_nothing!(Proxy, Exec);

/// 0 or less is for ever.
fn read_ttl(section: &Section<'_>) -> Option<Duration> {
    const DEFAULT: Duration = Duration::from_secs(168 * 3600);
    let ttl = section.signed_duration("ttl").map_or(Some(DEFAULT), positive);
    section.settle("ttl", ttl.unwrap_or_default());
    ttl
}

fn positive(duration: GoDuration) -> Option<Duration> {
    duration.to_duration().filter(|duration| !duration.is_zero())
}
