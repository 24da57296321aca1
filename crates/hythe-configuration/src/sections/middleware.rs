//! `middleware`: what is put around the registry, repositories and the storage driver.

use std::fmt;

use serde_json::{Map as JsonMap, Value as Json};

use super::default_is_read_from_nothing;
use crate::section::Section;

/// Middlewares by what they wrap, innermost first.
#[derive(Debug, Clone, PartialEq)]
pub struct Middlewares {
    /// Around the registry; the original has none built in.
    pub registry: Vec<Middleware>,
    /// Around each repository; the original has none built in.
    pub repository: Vec<Middleware>,
    /// Around the storage driver.
    pub storage: Vec<Middleware>,
}

/// One middleware.
#[derive(Clone, PartialEq)]
pub struct Middleware {
    /// Its name.
    pub name: String,
    /// Whether it is left out. (The original reads this and applies the middleware all the same.)
    pub disabled: bool,
    /// Its parameters.
    pub options: JsonMap<String, Json>,
}

/// Shows the names of the options only: some of the values are secrets.
impl fmt::Debug for Middleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.options.keys().collect();
        let mut shown = f.debug_struct("Middleware");
        shown
            .field("name", &self.name)
            .field("disabled", &self.disabled)
            .field("options", &names)
            .finish()
    }
}

impl Middlewares {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        section.is_any_case();
        Self {
            registry: section.sections("registry", Middleware::read),
            repository: section.sections("repository", Middleware::read),
            storage: section.sections("storage", Middleware::read),
        }
    }
}

impl Middleware {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            name: section.text("name").unwrap_or_default(),
            disabled: section.boolean_or("disabled", false),
            options: section.parameters("options"),
        }
    }
}

default_is_read_from_nothing!(Middlewares);
