//! Values of the types that the parameters have.

use std::collections::BTreeMap;
use std::time::Duration;

use hythe_driver::{ParameterProblem, Parameters};
use hythe_units::GoDuration;
use serde_json::Value;

/// A parameter that cannot be used. The value is not repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {reason}")]
pub struct ParametersError {
    name: String,
    reason: &'static str,
}

impl ParametersError {
    pub(crate) fn new(name: impl Into<String>, reason: &'static str) -> Self {
        Self {
            name: name.into(),
            reason,
        }
    }
}

impl From<ParametersError> for ParameterProblem {
    fn from(error: ParametersError) -> Self {
        Self::new(error.name, error.reason)
    }
}

/// A section of the configuration, by names in lower case.
pub(super) struct Values<'a> {
    section: &'static str,
    values: BTreeMap<String, &'a Value>,
}

impl<'a> Values<'a> {
    /// The values of a section; `section` is how errors call it, empty for the driver's own.
    pub(super) fn new(parameters: &'a Parameters, section: &'static str) -> Result<Self, ParametersError> {
        let mut values = BTreeMap::new();
        for (name, value) in parameters {
            if value.is_null() {
                continue;
            }
            if values.insert(name.to_ascii_lowercase(), value).is_some() {
                return Err(ParametersError::new(name, "is there twice"));
            }
        }
        Ok(Self { section, values })
    }

    pub(super) fn section(&self, name: &'static str) -> Result<Self, ParametersError> {
        match self.values.get(name) {
            None => Ok(Self {
                section: name,
                values: BTreeMap::new(),
            }),
            Some(Value::Object(inner)) => Self::new(inner, name),
            Some(_) => Err(self.invalid(name, "must be a section")),
        }
    }

    /// A text; an empty one is as absent.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>, ParametersError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.invalid(name, "must be a text; put it in quotes")),
        }
    }

    pub(super) fn boolean(&self, name: &'static str) -> Result<Option<bool>, ParametersError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.invalid(name, "must be true or false")),
        }
    }

    pub(super) fn integer(&self, name: &'static str) -> Result<Option<i64>, ParametersError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(_) => Err(self.invalid(name, "must be a whole number")),
        }
    }

    pub(super) fn duration(&self, name: &'static str) -> Result<Option<Duration>, ParametersError> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => match text.parse().map(GoDuration::to_duration) {
                Ok(Some(duration)) => Ok(Some(duration)),
                Ok(None) | Err(_) => Err(self.invalid(name, "must be a duration such as 100ms")),
            },
        }
    }

    fn invalid(&self, name: &str, reason: &'static str) -> ParametersError {
        let separator = if self.section.is_empty() { "" } else { "." };
        ParametersError::new(format!("{}{separator}{name}", self.section), reason)
    }
}
