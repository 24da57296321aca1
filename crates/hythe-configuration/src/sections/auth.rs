//! `auth`: the access controller with its parameters.

use std::fmt;

use serde_json::{Map as JsonMap, Value as Json};

use crate::problem::{Problem, join, quoted};
use crate::section::Section;

/// Who may do what; everybody everything when there is no provider.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Auth {
    /// The one provider; `None` when the section is absent or says `none`.
    pub provider: Option<ProviderConfiguration>,
}

/// An access controller as configured; what its parameters mean is the controller's business.
#[derive(Clone, PartialEq)]
pub struct ProviderConfiguration {
    /// The name under `auth`.
    pub name: String,
    /// Its parameters. Numbers that would not print as they were written are texts.
    pub parameters: JsonMap<String, Json>,
}

/// Shows the names of the parameters only: values may be secrets.
impl fmt::Debug for ProviderConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.parameters.keys().collect();
        f.debug_struct("ProviderConfiguration")
            .field("name", &self.name)
            .field("parameters", &names)
            .finish()
    }
}

impl Auth {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        section.has_short_form();
        section.is_any_case();
        let mut providers = section.others();
        if section.is_present() && providers.is_empty() {
            section
                .warn_here("names no provider, so the registry is open; say `auth: none` if that is meant");
        }
        if providers.len() > 1 {
            // The original picks one of them at random.
            let names: Vec<String> = providers.iter().map(|provider| quoted(&provider.name)).collect();
            let message = format!("must provide exactly one type, not {}", names.join(", "));
            for provider in &providers {
                let path = join(section.path(), &provider.name);
                section.push(Problem::error(path, provider.origin.clone(), message.clone()));
            }
        }
        let provider = providers.pop().filter(|provider| provider.name != "none");
        let configured = provider.map(|provider| ProviderConfiguration {
            name: provider.name,
            parameters: provider.parameters,
        });
        if configured.is_none() {
            section.settle_here("none");
        }
        Self { provider: configured }
    }
}
