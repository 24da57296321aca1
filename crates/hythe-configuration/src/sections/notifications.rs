//! `notifications`: events and where they are sent.

use std::fmt;
use std::time::Duration;

use super::default_is_read_from_nothing;
use crate::section::{Secrecy, Section};
use hythe_units::GoDuration;

/// Which events are sent where.
#[derive(Debug, Clone, PartialEq)]
pub struct Notifications {
    /// What events contain.
    pub events: Events,
    /// The receivers.
    pub endpoints: Vec<Endpoint>,
}

/// `notifications.events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Whether manifest events name what the manifest refers to.
    pub includereferences: bool,
}

/// A receiver of events.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// Its name in logs and metrics.
    pub name: String,
    /// Whether it is left out.
    pub disabled: bool,
    /// Where events are posted.
    pub url: String,
    /// Headers added to each request; may hold secrets.
    pub headers: Vec<(String, Vec<String>)>,
    /// For one request; 1 second by default, and when 0 or less.
    pub timeout: Duration,
    /// How many failures in a row lead to waiting; 10 by default, and when 0 or less.
    pub threshold: u32,
    /// How long to wait then; 1 second by default, and when 0 or less.
    pub backoff: Duration,
    /// Media types whose events are not sent; those of `ignoredmediatypes` and `ignore.mediatypes`.
    pub ignored_media_types: Vec<String>,
    /// Actions whose events are not sent.
    pub ignored_actions: Vec<String>,
}

/// Leaves the headers out: they may hold secrets.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Endpoint");
        shown
            .field("name", &self.name)
            .field("disabled", &self.disabled)
            .field("url", &self.url);
        shown.finish_non_exhaustive()
    }
}

impl Notifications {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let events = section.section("events", Events::read);
        section.variable_name("events", "EVENTCONFIG");
        Self {
            events,
            endpoints: section.sections("endpoints", Endpoint::read),
        }
    }
}

impl Events {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            includereferences: section.boolean_or("includereferences", false),
        }
    }
}

impl Endpoint {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let mut ignored_media_types = section.texts("ignoredmediatypes");
        let (more_media_types, ignored_actions) = section.section("ignore", |ignore| {
            (ignore.texts("mediatypes"), ignore.texts("actions"))
        });
        ignored_media_types.extend(more_media_types);
        let threshold = section
            .integer("threshold")
            .and_then(|number| u32::try_from(number).ok());
        Self {
            name: section.text("name").unwrap_or_default(),
            disabled: section.boolean_or("disabled", false),
            url: section.text("url").unwrap_or_default(),
            headers: section.text_lists("headers", Secrecy::Hidden),
            timeout: a_second_unless_positive(section, "timeout"),
            threshold: section.settle("threshold", threshold.filter(|number| *number > 0).unwrap_or(10)),
            backoff: a_second_unless_positive(section, "backoff"),
            ignored_media_types,
            ignored_actions,
        }
    }
}

default_is_read_from_nothing!(Notifications, Events);

fn a_second_unless_positive(section: &Section<'_>, key: &'static str) -> Duration {
    let duration = section.signed_duration(key).and_then(GoDuration::to_duration);
    let duration = duration.filter(|duration| !duration.is_zero());
    section.settle(key, duration.unwrap_or(Duration::from_secs(1)))
}
