//! Scalars of the configuration, read as leniently as distribution reads them.

use std::ops::RangeInclusive;

use hythe_driver::{ParameterProblem, Parameters};
use serde_json::Value;

/// A parameter that cannot be used. Its value is not told: it may be a secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name} {reason}")]
pub struct ParametersError {
    name: String,
    reason: String,
}

impl From<ParametersError> for ParameterProblem {
    fn from(error: ParametersError) -> Self {
        Self::new(error.name, error.reason)
    }
}

/// The parameters, and the warnings that reading them gave.
pub(super) struct Values<'a> {
    parameters: &'a Parameters,
    warnings: Vec<String>,
}

impl<'a> Values<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Self {
        Self {
            parameters,
            warnings: Vec::new(),
        }
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    pub(super) fn invalid(&self, name: &str, reason: impl Into<String>) -> ParametersError {
        ParametersError {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }

    /// Any scalar as text; an empty one is as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ParametersError> {
        let text = match self.parameters.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            Some(_) => return Err(self.invalid(name, "must be a text")),
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A boolean, also as a text that Go's `strconv.ParseBool` takes.
    pub(super) fn boolean(&self, name: &str, default: bool) -> Result<bool, ParametersError> {
        match self.parameters.get(name) {
            None | Some(Value::Null) => return Ok(default),
            Some(Value::Bool(value)) => return Ok(*value),
            Some(Value::String(text)) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => return Ok(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => return Ok(false),
                _ => {}
            },
            Some(_) => {}
        }
        Err(self.invalid(name, "must be true or false"))
    }

    /// A whole number within bounds, also as text; what follows its digits there is ignored, as Go's `fmt.Sscan`
    /// would.
    pub(super) fn integer(
        &self,
        name: &str,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, ParametersError> {
        let number = match self.parameters.get(name) {
            None | Some(Value::Null) => return Ok(default),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => leading_number(text),
            Some(_) => None,
        };
        let number = number.filter(|number| bounds.contains(number));
        let (least, most) = bounds.into_inner();
        number.ok_or_else(|| self.invalid(name, format!("must be a number from {least} to {most}")))
    }
}

fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_end_where_their_digits_end() {
        assert_eq!(leading_number("12abc"), Some(12));
        assert_eq!(leading_number(" +7"), Some(7));
        assert_eq!(leading_number("x"), None);
        assert_eq!(leading_number("-1"), None);
    }
}
